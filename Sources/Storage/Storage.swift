internal import Linux
public import SQLite

/// The project's one database file: how it comes to be, grows with releases, and is opened.
public enum Storage {
    /// Marks the file as ours (`SRun` in ASCII), so that a stranger's database is refused.
    static let applicationID: Int64 = 0x5352_756E

    /// The version that this release reads and writes.
    public static var version: Int { migrations.count }

    /// Why the database cannot be used. None of these is a mishap: each says what to do.
    public enum Problem: Error, Equatable, CustomStringConvertible {
        /// There is no such file yet, or it is empty.
        case missing(path: String)
        /// A release before this one made it, and nobody has migrated it yet.
        case outdated(path: String, version: Int)
        /// A later release made it.
        case newer(path: String, version: Int)
        /// It is not a database of ours.
        case foreign(path: String)

        public var description: String {
            switch self {
            case .missing(let path): "\(path): no database yet; start the worker, or run: scriptrunner migrate"
            case .outdated(let path, let version):
                "\(path): the database has version \(version), this program needs \(Storage.version); start the new "
                    + "worker, or run: scriptrunner migrate"
            case .newer(let path, let version):
                "\(path): the database has version \(version), made by a later release than this program "
                    + "(\(Storage.version)); run the later release"
            case .foreign(let path):
                "\(path): a database of something else than ScriptRunner; set path_to_db to a file of its own"
            }
        }
    }

    /// Opens the database for one program's use, in one thread.
    ///
    /// - Throws: ``Problem``, `SQLiteError`, or `SystemError` about the lock file.
    public static func open(_ path: String, as role: Role) throws -> Database {
        guard access(path, F_OK) == 0 else { throw Problem.missing(path: path) }
        let database = try connect(path)
        let version = try checkedVersion(of: database, path)
        if version == 0 { throw Problem.missing(path: path) }
        if version < Storage.version { throw Problem.outdated(path: path, version: version) }
        database.restrict(to: role.permissions)
        return database
    }

    /// Makes the database, or brings it to this release's version, in one transaction. Only the worker and
    /// `scriptrunner` do this. The file is readable by its owner alone.
    ///
    /// - Throws: ``Problem``, `SQLiteError`, or `SystemError`.
    public static func migrate(_ path: String) throws {
        try Storage.migrate(path, to: migrations)
    }

    static func migrate(_ path: String, to migrations: [StaticString]) throws {
        try makePrivate(path)
        let database = try connect(path, creating: true)
        _ = try checkedVersion(of: database, path)
        // Before the first table: these two cannot change inside a transaction, or later without a rewrite.
        try database.run("PRAGMA auto_vacuum = INCREMENTAL")
        try database.run("PRAGMA journal_mode = WAL")
        try database.write {
            // Again under the lock: another program may have been quicker.
            let version = try checkedVersion(of: database, path)
            for (index, migration) in migrations.enumerated() where index >= version {
                try database.runScript(migration)
            }
            guard version < migrations.count else { return }
            try database.runScript("PRAGMA application_id = 1397912942")
            try database.setUserVersion(migrations.count)
        }
        try database.checkpoint()
        // SQLite waits for the directory, too, when it makes the WAL, but does not mind if that fails. From here on the WAL
        // is never removed, so this is the sync that makes later commits durable.
        try Descriptor.directory(parent(of: path)).sync()
    }

    /// Makes an empty file that its owner alone can read; SQLite gives its companions the same rights. A file that is there
    /// is never opened: closing it again would take SQLite's locks away.
    private static func makePrivate(_ path: String) throws(SystemError) {
        do throws(SystemError) { _ = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600) } catch {
            guard error.code == EEXIST else { throw error }
        }
    }

    private static func connect(_ path: String, creating: Bool = false) throws -> Database {
        do {
            return try Database(path: path, creating: creating)
        } catch let error as SQLiteError where error.isNotADatabase {
            throw Problem.foreign(path: path)
        }
    }

    /// The database's version, 0 for a new file.
    private static func checkedVersion(of database: Database, _ path: String) throws -> Int {
        // Of one moment: the worker may be making the database just now.
        let (id, version, tables) = try database.read {
            let tables = try database.first("SELECT count(*) FROM sqlite_schema") { $0.int(0) } ?? 0
            let id = try database.first("PRAGMA application_id") { $0.int64(0) } ?? 0
            let version = try database.first("PRAGMA user_version") { $0.int(0) } ?? 0
            return (id, version, tables)
        }
        if id != applicationID, id != 0 || tables > 0 { throw Problem.foreign(path: path) }
        if version > Storage.version { throw Problem.newer(path: path, version: version) }
        return version
    }
}
