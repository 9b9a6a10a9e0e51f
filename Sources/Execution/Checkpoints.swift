import EventLog
import Linux
import SQLite

/// Keeps the database's WAL short: pages are only ever moved from it into the database by checkpoints that programs ask for.
struct Checkpoints {
    private let database: Database
    private let log: EventLog
    private let now: Clock
    private let wal: String
    private var lastAt = Instant(milliseconds: 0)
    private var waitedInVainAt = Instant(milliseconds: 0)

    /// A WAL that has grown to this is checkpointed. Bytes.
    private static let due = 1 << 20
    /// Between two checkpoints. The file keeps its size when it starts over, so that its size alone would ask for one at
    /// every step.
    private static let pause = Instant.Span.seconds(1)
    /// A WAL that holds so many pages is made to start over although readers follow closely upon each other: 16 MiB.
    private static let pagesToStartOver = 4096
    /// A reader takes a second at most. Milliseconds.
    private static let readersPatience: CInt = 1500
    /// One that takes longer must not hold up all writers all the time.
    private static let vainWaitPause = Instant.Span.seconds(5)
    /// So many pages that cannot be moved are told of: 32 MiB in pages of 4 KiB.
    private static let pagesToReport = 8192

    init(_ database: Database, path: String, log: EventLog, now: @escaping Clock) {
        self.database = database
        self.log = log
        self.now = now
        wal = path + "-wal"
    }

    /// Makes a checkpoint if it is time for one.
    mutating func makeIfDue() throws {
        var status = stat()
        guard stat(wal, &status) == 0, status.st_size >= Self.due, hasPassed(Self.pause, since: lastAt) else { return }
        lastAt = now()
        var (inLog, moved) = try database.checkpoint()
        if inLog >= Self.pagesToStartOver, hasPassed(Self.vainWaitPause, since: waitedInVainAt) {
            (inLog, moved) = try database.checkpoint(waitingForReaders: Self.readersPatience)
            if moved < inLog { waitedInVainAt = now() }
        }
        if inLog - moved >= Self.pagesToReport {
            log.note("wal-large", ["pages": "\(inLog)", "cause": "a program reads the database for very long"])
        }
    }

    /// A clock that was put back must not keep us waiting.
    private func hasPassed(_ pause: Instant.Span, since past: Instant) -> Bool {
        now() - past >= pause || now() < past
    }
}
