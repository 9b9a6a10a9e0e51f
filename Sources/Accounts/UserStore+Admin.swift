public import Linux
internal import SQLite
public import Storage

/// An account as the admin sees it.
public struct Account: Sendable, Equatable {
    public let user: User
    public let createdAt: Instant
    /// When the admin closed it; `nil` while it is open.
    public let closedAt: Instant?
}

/// What only the admin does, on the machine itself.
extension UserStore {
    /// All accounts, in the order of their addresses.
    public func accounts() throws -> [Account] {
        try database.all("SELECT \(Self.accountColumns) FROM users ORDER BY email", Self.account)
    }

    /// The account of an address, open or closed.
    public func account(of email: EmailAddress) throws -> Account? {
        try database.first(
            "SELECT \(Self.accountColumns) FROM users WHERE email = \(email.text)", Self.account)
    }

    /// Gives an account another password, for somebody who has forgotten theirs, and ends all of its sessions.
    public func setPassword(of user: UserID, to password: String) throws {
        let hash = try hasher.hash(password)
        try database.write {
            try database.run("UPDATE users SET password_hash = \(hash) WHERE id = \(user)")
            try database.run("DELETE FROM sessions WHERE user_id = \(user)")
        }
    }

    /// Closes an account: nobody signs in to it, and its sessions end. Its jobs and files stay until they expire.
    public func close(_ user: UserID, at now: Instant) throws {
        try database.write {
            try database.run("UPDATE users SET disabled_at = \(now) WHERE id = \(user) AND disabled_at IS NULL")
            try database.run("DELETE FROM sessions WHERE user_id = \(user)")
        }
    }

    /// Opens a closed account again.
    public func reopen(_ user: UserID) throws {
        try database.write { try database.run("UPDATE users SET disabled_at = NULL WHERE id = \(user)") }
    }

    static let accountColumns: SQL = "id, email, created_at, disabled_at"

    static func account(_ row: borrowing Row) -> Account {
        Account(
            user: User(id: UserID(row.int64(0)), email: row.text(1)), createdAt: row.instant(2),
            closedAt: row.optionalInstant(3))
    }
}
