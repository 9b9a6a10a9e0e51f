public import SQLite
public import Storage

extension ScratchDirectory {
    /// The path of this test's database.
    public var databasePath: String { self("jobs.sqlite") }

    /// A connection to this test's database, which the first call makes.
    public func database(as role: Role = .admin) throws -> Database {
        try Storage.migrate(databasePath)
        return try Storage.open(databasePath, as: role)
    }
}

extension ScratchDirectory {
    /// A connection to a database elsewhere that may do anything.
    public func anyDatabase(_ path: String) throws -> Database { try Database(path: path) }

    /// A connection to this test's database that may do anything, to set scenes that no single program could.
    public func unrestrictedDatabase() throws -> Database {
        try Storage.migrate(databasePath)
        return try Database(path: databasePath)
    }
}
