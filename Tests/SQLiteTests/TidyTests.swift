import Linux
import SQLite
import TestSupport
import Testing

@Suite struct `Tidying a database` {
    let scratch = ScratchDirectory()
    var path: String { scratch("x.sqlite") }

    /// A file of more than four slices of free pages.
    func full(vacuum: SQL = "PRAGMA auto_vacuum = INCREMENTAL") throws -> Database {
        let database = try Database(path: path, creating: true)
        try database.run(vacuum)
        try database.run("PRAGMA journal_mode = WAL")
        try database.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, bytes BLOB) STRICT")
        try database.write {
            for _ in 1...50 { try database.run("INSERT INTO notes (bytes) VALUES (zeroblob(400000))") }
        }
        try database.write { try database.run("DELETE FROM notes WHERE id < 50") }
        try database.checkpoint()
        return database
    }

    /// Asked by name: closing a descriptor of the file would drop SQLite's locks.
    func size() -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : -1
    }

    @Test func `gives the disk back what deletions have left free, also on a restricted connection`() throws {
        let database = try full()
        let before = size()
        #expect(before > 19_000_000)
        database.restrict(to: Permissions(["notes": .read]))
        #expect(try database.tidy() > 4000)
        #expect(size() < 1_000_000)
        #expect(try database.tidy() == 0)
        #expect(try database.first("SELECT count(*) FROM notes") { $0.int(0) } == 1)
        // The way round the restriction has closed again.
        #expect(throws: SQLiteError.self) { try database.run("PRAGMA incremental_vacuum(1000)") }
        #expect(throws: SQLiteError.self) { try database.first("PRAGMA freelist_count") { $0.int(0) } }
        #expect(throws: SQLiteError.self) { try database.write { try database.run("DELETE FROM notes") } }
    }

    @Test func `ends when a file cannot shrink`() throws {
        let database = try full(vacuum: "PRAGMA auto_vacuum = NONE")
        let before = size()
        #expect(try database.tidy() == 0)
        #expect(size() == before)
    }
}
