internal import CSQLite
internal import Linux

/// One connection to one SQLite file. It belongs to the thread that made it; the type is not Sendable, so that threads
/// cannot share it by mistake.
///
/// Statements exist only inside its calls. Reads need no transaction; ``read(_:)`` makes several see one state. Every
/// write happens inside ``write(_:)``, which may be nested: an inner write joins the outer transaction, so that stores
/// can be combined and still commit together.
public final class Database {
    private let handle: OpaquePointer
    private let lock: WriteLock
    private var authorizer: Authorizer?
    /// Prepared statements by their text.
    private var kept: [Key: Prepared] = [:]
    private var transaction: Transaction = .none

    /// A statement that is used again and again, by one at a time.
    private final class Prepared {
        let statement: OpaquePointer
        var isLent = true

        init(_ statement: OpaquePointer) { self.statement = statement }
    }

    /// A statement's text. Few are of the same length, and hashing all of a text would take longer than comparing two.
    private struct Key: Hashable {
        let text: String

        func hash(into hasher: inout Hasher) { hasher.combine(text.utf8.count) }
    }

    private enum Transaction {
        case none
        case reading
        case writing(isDoomed: Bool)
    }

    /// More prepared statements than any program of ours has; reached only if texts vary, and then all are dropped.
    private static let mostStatements = 256
    /// A backstop: writers take turns at the lock, so SQLite itself should never have to wait. Milliseconds.
    private static let busyTimeout: CInt = 5000
    /// The size to which a WAL file shrinks when it starts over. Bytes.
    private static let walSizeLimit: StaticString = "PRAGMA journal_size_limit = 67108864"

    /// Opens the file, which must exist unless `creating`.
    ///
    /// - Throws: ``SQLiteError``, or `SystemError` about the lock file.
    public init(path: String, creating: Bool = false) throws {
        lock = try WriteLock(beside: path)
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, creating ? flags | SQLITE_OPEN_CREATE : flags, nil)
        guard code == SQLITE_OK, let opened else {
            let error = SQLiteError(code, opened, "opening \(path)")
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        sqlite3_busy_timeout(handle, Database.busyTimeout)
        for (option, value) in [
            (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1), (SQLITE_DBCONFIG_DEFENSIVE, 1),
            (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0), (SQLITE_DBCONFIG_DQS_DML, 0), (SQLITE_DBCONFIG_DQS_DDL, 0),
            (SQLITE_DBCONFIG_ENABLE_FKEY, 1),
        ] as [(CInt, CInt)] {
            csqlite_db_config_bool(handle, option, value)
        }
        sqlite3_wal_autocheckpoint(handle, 0)
        sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0)
        try run("PRAGMA synchronous = FULL")
        try run(SQL(stringLiteral: Database.walSizeLimit))
    }

    deinit {
        for prepared in kept.values { sqlite3_finalize(prepared.statement) }
        sqlite3_close_v2(handle)
    }

    /// From now on only what `permissions` names is possible, and no pragma or schema change.
    public func restrict(to permissions: Permissions) {
        let authorizer = Authorizer(permissions)
        authorizer.install(on: handle)
        self.authorizer = authorizer
    }

    // MARK: Transactions

    /// Runs `body` in one durable transaction under the write lock: all of it happens, or nothing.
    ///
    /// When it returns, the changes are on the disk. Inside another `write` it joins that one. If an inner `write` threw
    /// and the outer one went on regardless, the outer one throws at its end and nothing happens.
    @discardableResult
    public func write<Result>(_ body: () throws -> Result) throws -> Result {
        switch transaction {
        case .writing:
            do { return try body() } catch {
                transaction = .writing(isDoomed: true)
                throw error
            }
        case .reading:
            preconditionFailure("a write inside a read would see yesterday's state: begin with the write")
        case .none: break
        }
        try lock.acquire()
        defer { lock.release() }
        try run("BEGIN IMMEDIATE")
        transaction = .writing(isDoomed: false)
        do {
            let result = try body()
            if case .writing(isDoomed: true) = transaction {
                throw SQLiteError(SQLITE_ABORT, nil, "COMMIT after a nested write had failed")
            }
            try run("COMMIT")
            transaction = .none
            return result
        } catch {
            transaction = .none
            // After an error such as a full disk SQLite may have rolled back by itself.
            if sqlite3_get_autocommit(handle) == 0 { try run("ROLLBACK") }
            throw error
        }
    }

    /// Whether a ``write(_:)`` is under way on this connection.
    public var isWriting: Bool { if case .writing = transaction { true } else { false } }

    /// Runs `body` so that all it reads is of one moment. Keep it short: it holds back the checkpoint.
    public func read<Result>(_ body: () throws -> Result) throws -> Result {
        guard case .none = transaction else { return try body() }
        try run("BEGIN DEFERRED")
        transaction = .reading
        defer { transaction = .none }
        do {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            if sqlite3_get_autocommit(handle) == 0 { try run("ROLLBACK") }
            throw error
        }
    }

    /// Moves committed pages from the WAL into the database, as far as readers allow, under the write lock.
    ///
    /// Readers that follow closely upon each other never let the WAL start over, however short they are. Waiting for them
    /// does: who comes meanwhile reads the database alone.
    ///
    /// - Parameter patience: how long to wait for readers of older states. All writers wait, too. Milliseconds.
    /// - Returns: the pages in the WAL, and how many of them are in the database now.
    @discardableResult
    public func checkpoint(waitingForReaders patience: CInt = 0) throws -> (inLog: Int, moved: Int) {
        try lock.acquire()
        defer { lock.release() }
        if patience > 0 { sqlite3_busy_timeout(handle, patience) }
        defer { if patience > 0 { sqlite3_busy_timeout(handle, Database.busyTimeout) } }
        let mode = patience > 0 ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE
        var inLog: CInt = 0
        var moved: CInt = 0
        let code = sqlite3_wal_checkpoint_v2(handle, nil, mode, &inLog, &moved)
        guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else { throw SQLiteError(code, handle, "checkpoint") }
        return (Int(inLog), Int(moved))
    }

    /// Gives the pages that deletions have left free back to the disk, in small transactions under the write lock. Works on
    /// a restricted connection too. The file itself shrinks with the ``checkpoint()``s that this makes.
    ///
    /// It gathers no statistics (`PRAGMA optimize`): with them the plan of a query would depend on what the tables held at
    /// some moment, while ours are written for the indexes that they use.
    ///
    /// - Returns: how many pages the file has fewer.
    @discardableResult
    public func tidy() throws -> Int {
        // No statement of a program may be a pragma; these few are ours and hold nothing of anybody's.
        sqlite3_set_authorizer(handle, nil, nil)
        defer { authorizer?.install(on: handle) }
        var returned = 0
        while true {
            let free = try freePages()
            guard free > 0 else { return returned }
            // The number does not fall in a file that was made without PRAGMA auto_vacuum = INCREMENTAL.
            try write { try run("PRAGMA incremental_vacuum(1000)") }
            let left = try freePages()
            guard left < free else { return returned }
            returned += free - left
            try checkpoint()
        }
    }

    private func freePages() throws -> Int { try first("PRAGMA freelist_count") { $0.int(0) } ?? 0 }

    // MARK: Statements

    /// Runs a statement to its end and says how many rows it changed.
    @discardableResult
    public func run(_ sql: SQL) throws -> Int {
        try withStatement(sql) { statement in
            while try step(statement, sql) {}
            return sqlite3_stmt_readonly(statement) != 0 ? 0 : Int(sqlite3_changes64(handle))
        }
    }

    /// Calls `body` for every row. A nested call may use the same statement.
    public func each(_ sql: SQL, _ body: (borrowing Row) throws -> Void) throws {
        try withStatement(sql) { statement in
            while try step(statement, sql) { try body(Row(statement: statement)) }
        }
    }

    /// What `make` makes of every row.
    public func all<Element>(_ sql: SQL, _ make: (borrowing Row) throws -> Element) throws -> [Element] {
        var elements: [Element] = []
        try each(sql) { row in elements.append(try make(row)) }
        return elements
    }

    /// What `make` makes of the first row, or `nil` when there is none. Later rows are not computed.
    public func first<Result>(_ sql: SQL, _ make: (borrowing Row) throws -> Result) throws -> Result? {
        try withStatement(sql) { statement in
            guard try step(statement, sql) else { return nil }
            let result = try make(Row(statement: statement))
            // A statement that writes and returns rows has to run to its end.
            if sqlite3_stmt_readonly(statement) == 0 { while try step(statement, sql) {} }
            return result
        }
    }

    /// The number of the row inserted last by this connection.
    public var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Runs several statements written in one literal, as a migration is. Nothing can be bound.
    public func runScript(_ script: StaticString) throws {
        let text = script.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        let code = sqlite3_exec(handle, text, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, handle, text) }
    }

    /// Sets `PRAGMA user_version`, which cannot be bound.
    public func setUserVersion(_ version: Int) throws {
        let code = sqlite3_exec(handle, "PRAGMA user_version = \(version)", nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, handle, "PRAGMA user_version") }
    }

    /// How many instructions of SQLite's machine the statements that this connection keeps have taken so far: a measure of
    /// work that no other program disturbs, for tests.
    var instructions: Int {
        kept.values.reduce(0) { $0 + Int(sqlite3_stmt_status($1.statement, SQLITE_STMTSTATUS_VM_STEP, 0)) }
    }

    private func step(_ statement: OpaquePointer, _ sql: SQL) throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw SQLiteError(code, handle, sql.text)
        }
    }

    /// Lends a prepared statement with its values bound. While it is lent, a nested call with the same text prepares another.
    private func withStatement<Result>(_ sql: SQL, _ body: (OpaquePointer) throws -> Result) throws -> Result {
        let key = Key(text: sql.text)
        if let prepared = kept[key] {
            if prepared.isLent {
                let twin = try prepare(sql)
                defer { sqlite3_finalize(twin) }
                return try run(sql, by: twin, body)
            }
            prepared.isLent = true
            return try lend(prepared, sql, body)
        }
        let prepared = Prepared(try prepare(sql))
        if kept.count >= Database.mostStatements { forgetStatements() }
        kept[key] = prepared
        return try lend(prepared, sql, body)
    }

    private func lend<Result>(
        _ prepared: Prepared, _ sql: SQL, _ body: (OpaquePointer) throws -> Result
    ) throws -> Result {
        defer {
            sqlite3_reset(prepared.statement)
            sqlite3_clear_bindings(prepared.statement)
            prepared.isLent = false
        }
        return try run(sql, by: prepared.statement, body)
    }

    private func run<Result>(
        _ sql: SQL, by statement: OpaquePointer, _ body: (OpaquePointer) throws -> Result
    ) throws -> Result {
        for (index, value) in sql.values.enumerated() {
            let code = bind(value, to: CInt(index + 1), of: statement)
            guard code == SQLITE_OK else { throw SQLiteError(code, handle, sql.text) }
        }
        return try body(statement)
    }

    private func prepare(_ sql: SQL) throws -> OpaquePointer {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql.text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else {
            if let authorizer, code == SQLITE_AUTH {
                throw SQLiteError(code, handle, "not permitted: \(authorizer.refusal) in \(sql.text)")
            }
            throw SQLiteError(code, handle, sql.text)
        }
        return statement
    }

    private func forgetStatements() {
        for prepared in kept.values where !prepared.isLent { sqlite3_finalize(prepared.statement) }
        kept = kept.filter { $0.value.isLent }
    }

    private func bind(_ value: SQL.Value, to index: CInt, of statement: OpaquePointer) -> CInt {
        // SQLITE_TRANSIENT: SQLite takes a copy before the call returns.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    // An empty string may have no address; SQLite would take that for NULL.
                    sqlite3_bind_text64(
                        statement, index, $0.baseAddress ?? Database.nothing, UInt64($0.count), copied,
                        UInt8(SQLITE_UTF8))
                }
            }
        case .blob(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(statement, index, 0) }
            return sqlite3_bind_blob64(statement, index, bytes, UInt64(bytes.count), copied)
        }
    }

    private nonisolated(unsafe) static let nothing = UnsafePointer<CChar>(
        UnsafeMutablePointer<CChar>.allocate(capacity: 1))
}
