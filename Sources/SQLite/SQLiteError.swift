internal import CSQLite

/// A call to SQLite that failed.
///
/// It names the statement but never the values bound to it: they are users' data.
public struct SQLiteError: Error, CustomStringConvertible, Sendable {
    /// The extended result code (https://www.sqlite.org/rescode.html).
    public let code: CInt
    /// What SQLite says about it.
    public let message: String
    /// The statement, or what was being done.
    public let sql: String

    init(_ code: CInt, _ database: OpaquePointer?, _ sql: String) {
        self.code = database.map(sqlite3_extended_errcode) ?? code
        self.message = database.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        self.sql = sql
    }

    /// A row with this UNIQUE value exists: an answer rather than a mishap.
    public var isUniqueViolation: Bool {
        // SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY: shifted macros that Swift does not import.
        code == SQLITE_CONSTRAINT | (8 << 8) || code == SQLITE_CONSTRAINT | (6 << 8)
    }

    /// A row that this one refers to is not there (any more) (SQLITE_CONSTRAINT_FOREIGNKEY).
    public var isForeignKeyViolation: Bool { code == SQLITE_CONSTRAINT | (3 << 8) }

    /// A trigger of ours refused the change (SQLITE_CONSTRAINT_TRIGGER).
    public var isRefusedByTrigger: Bool { code == SQLITE_CONSTRAINT | (7 << 8) }

    /// A rule of the schema refused the change, whichever: it is about the rows at hand, not about the database.
    public var isRefusedBySchema: Bool { code & 0xFF == SQLITE_CONSTRAINT }

    /// The file is something else than a database.
    public var isNotADatabase: Bool { code & 0xFF == SQLITE_NOTADB }

    /// The disk or the database is full.
    public var isFull: Bool { code & 0xFF == SQLITE_FULL }

    public var description: String { "\(message) (SQLite \(code)): \(sql)" }
}
