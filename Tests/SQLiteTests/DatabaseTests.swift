import Linux
import SQLite
import Synchronization
import TestSupport
import Testing

@Suite struct `A database` {
    let scratch = ScratchDirectory()

    func open() throws -> Database {
        let database = try Database(path: scratch("x.sqlite"), creating: true)
        try database.run("PRAGMA journal_mode = WAL")
        try database.run("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT, bytes BLOB) STRICT")
        return database
    }

    @Test func `keeps every value as it was, whatever it looks like`() throws {
        let database = try open()
        for text in ["", "'; DROP TABLE notes; --", "a\u{0}b", "Ω≈ç√∫ \u{1F9EC}", "?1", "\n\r\t\\", "\"%s\""] {
            let id = try database.write {
                try database.run("INSERT INTO notes (text, bytes) VALUES (\(text), \(Array(text.utf8)))")
                return database.lastInsertedRow
            }
            let kept = try database.first("SELECT text, bytes FROM notes WHERE id = \(id)") { ($0.text(0), $0.blob(1)) }
            #expect(kept?.0 == text)
            #expect(kept?.1 == Array(text.utf8))
        }
    }

    @Test func `tells an empty text from none`() throws {
        let database = try open()
        let none: String? = nil
        try database.write { try database.run("INSERT INTO notes VALUES (1, \(""), NULL), (2, \(none), \([UInt8]()))") }
        #expect(try database.all("SELECT text FROM notes ORDER BY id") { $0.optionalText(0) } == ["", nil])
        #expect(try database.all("SELECT bytes FROM notes ORDER BY id") { $0.optionalBlob(0) } == [nil, []])
    }

    struct Mishap: Error {}

    @Test func `undoes a write that throws`() throws {
        let database = try open()
        #expect(throws: Mishap.self) {
            try database.write {
                try database.run("INSERT INTO notes (text) VALUES ('x')")
                throw Mishap()
            }
        }
        #expect(try database.first("SELECT count(*) FROM notes") { $0.int(0) } == 0)
        try database.write { try database.run("INSERT INTO notes (text) VALUES ('y')") }
        #expect(try database.first("SELECT count(*) FROM notes") { $0.int(0) } == 1)
    }

    @Test func `joins a nested write to the outer one, and dooms both when the inner fails`() throws {
        let database = try open()
        try database.write {
            try database.run("INSERT INTO notes (text) VALUES ('outer')")
            try database.write { try database.run("INSERT INTO notes (text) VALUES ('inner')") }
        }
        #expect(throws: SQLiteError.self) {
            try database.write {
                try database.run("INSERT INTO notes (text) VALUES ('half')")
                try? database.write { throw Mishap() }
            }
        }
        #expect(try database.all("SELECT text FROM notes ORDER BY id") { $0.text(0) } == ["outer", "inner"])
    }

    @Test func `lets a statement run inside itself`() throws {
        let database = try open()
        try database.write { try database.run("INSERT INTO notes (text) VALUES ('a'), ('b')") }
        var pairs: [String] = []
        try database.each("SELECT text FROM notes ORDER BY id") { outer in
            let left = outer.text(0)
            try database.each("SELECT text FROM notes ORDER BY id") { pairs.append(left + $0.text(0)) }
        }
        #expect(pairs == ["aa", "ab", "ba", "bb"])
    }

    @Test func `gives every writer its turn, and loses no write of four threads`() throws {
        let path = scratch("x.sqlite")
        _ = try open()
        let failures = Atomic<Int>(0)
        withThreads(4) { _ in
            do {
                let database = try Database(path: path)
                for _ in 1...50 {
                    try database.write {
                        let count = try database.first("SELECT count(*) FROM notes") { $0.int(0) } ?? 0
                        try database.run("INSERT INTO notes (id, text) VALUES (\(count + 1), 'x')")
                    }
                    if Int.random(in: 0..<8) == 0 { try database.checkpoint() }
                }
            } catch { failures.add(1, ordering: .relaxed) }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(try open().first("SELECT count(*) FROM notes") { $0.int(0) } == 200)
        #expect(try open().first("PRAGMA integrity_check") { $0.text(0) } == "ok")
    }

    @Test func `does only what its permissions name`() throws {
        let database = try open()
        database.restrict(to: Permissions(["notes": [.read]]))
        #expect(try database.first("SELECT count(*) FROM notes") { $0.int(0) } == 0)
        for sql in [
            "INSERT INTO notes (text) VALUES ('x')", "DELETE FROM notes", "UPDATE notes SET text = 'x'",
            "DROP TABLE notes", "CREATE TABLE more (id INTEGER)", "PRAGMA user_version = 9",
            "ATTACH DATABASE 'other' AS other", "SELECT * FROM sqlite_schema",
        ] as [SQL] {
            #expect(throws: SQLiteError.self) { try database.write { try database.run(sql) } }
        }
    }

    @Test func `never shows bound values in an error`() throws {
        let database = try open()
        let secret = "hunter2"
        let error = #expect(throws: SQLiteError.self) {
            try database.write { try database.run("INSERT INTO nowhere VALUES (\(secret))") }
        }
        #expect(error.map { "\($0)".contains(secret) } == false)
    }
}
