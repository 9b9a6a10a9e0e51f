import Linux
import SQLite
import Synchronization
import TestSupport
import Testing

@Suite struct `The log of a database` {
    let scratch = ScratchDirectory()

    /// Two readers of whom one always reads: each ends when the other has begun again.
    private final class Relay: Sendable {
        private let first = Atomic<Int>(0)
        private let second = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)

        func begun(by reader: Int) -> Int {
            reader == 0 ? first.load(ordering: .relaxed) : second.load(ordering: .relaxed)
        }

        private func begin(_ reader: Int) {
            if reader == 0 { first.add(1, ordering: .relaxed) } else { second.add(1, ordering: .relaxed) }
        }

        func read(_ reader: Int, _ database: Database) throws {
            while !isOver.load(ordering: .relaxed) {
                try database.read {
                    _ = try database.first("SELECT count(*) FROM notes") { $0.int(0) }
                    let seen = begun(by: 1 - reader)
                    begin(reader)
                    while begun(by: 1 - reader) == seen, !isOver.load(ordering: .relaxed) { sched_yield() }
                }
            }
        }
    }

    @Test func `starts over although readers follow closely upon each other`() throws {
        let path = scratch("x.sqlite")
        let made = try Database(path: path, creating: true)
        try made.run("PRAGMA journal_mode = WAL")
        try made.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT")
        let relay = Relay()
        let hasStartedOver = Atomic<Bool>(false)
        withThreads(3) { number in
            do {
                let database = try Database(path: path)
                guard number == 2 else { return try relay.read(number, database) }
                defer { relay.isOver.store(true, ordering: .relaxed) }
                func note() throws { try database.write { try database.run("INSERT INTO notes (text) VALUES ('x')") } }
                try waitUntil("both read") { relay.begun(by: 0) > 0 && relay.begun(by: 1) > 0 }
                for _ in 1...30 { try note() }
                // New readers may use the very lock that is waited for, so one try is not always enough.
                for _ in 1...10 where hasStartedOver.load(ordering: .relaxed) == false {
                    try database.checkpoint(waitingForReaders: 500)
                    try note()
                    hasStartedOver.store(try database.checkpoint().inLog < 20, ordering: .relaxed)
                }
            } catch { Issue.record(error) }
        }
        #expect(hasStartedOver.load(ordering: .relaxed) == true)
    }
}
