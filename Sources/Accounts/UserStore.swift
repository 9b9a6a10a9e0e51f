public import Linux
public import SQLite
public import Storage

/// A person with an account.
public struct User: Sendable, Equatable {
    public let id: UserID
    public let email: String

    public init(id: UserID, email: String) {
        self.id = id
        self.email = email
    }
}

/// The accounts.
public struct UserStore {
    let database: Database
    let hasher: PasswordHasher

    public init(_ database: Database, hasher: PasswordHasher) {
        self.database = database
        self.hasher = hasher
    }

    /// Makes an account, or says `nil` when the address has one already: the UNIQUE constraint decides, not a look before.
    public func signUp(_ email: EmailAddress, password: String, at now: Instant) throws -> User? {
        let hash = try hasher.hash(password)
        do {
            return try database.write {
                try database.run(
                    "INSERT INTO users (email, password_hash, created_at) VALUES (\(email.text), \(hash), \(now))")
                return User(id: UserID(database.lastInsertedRow), email: email.text)
            }
        } catch let error as SQLiteError where error.isUniqueViolation {
            return nil
        }
    }

    /// Whom address and password belong to. An unknown address takes as long as a wrong password.
    ///
    /// - Parameter email: what was typed; text that is no address is nobody's.
    public func signIn(_ email: String, password: String) throws -> User? {
        // No account can have an overlong password, and hashing it would cost us.
        let known = EmailAddress(email).flatMap { password.unicodeScalars.count <= PasswordProblem.longest ? $0 : nil }
        let row = try known.flatMap { address in
            try database.first(
                "SELECT id, email, password_hash FROM users WHERE email = \(address.text) AND disabled_at IS NULL"
            ) { (User(id: UserID($0.int64(0)), email: $0.text(1)), $0.optionalText(2)) }
        }
        let (isRight, better) = try hasher.verify(known == nil ? "" : password, against: row?.1)
        guard isRight, let user = row?.0 else { return nil }
        if let better {
            try database.write {
                try database.run("UPDATE users SET password_hash = \(better) WHERE id = \(user.id)")
            }
        }
        return user
    }

    /// Sets another password after checking the present one; says whether that was right.
    public func changePassword(of user: UserID, from present: String, to new: String) throws -> Bool {
        let stored = try database.first("SELECT password_hash FROM users WHERE id = \(user)") { $0.optionalText(0) }
        guard try hasher.verify(present, against: stored ?? nil).isRight else { return false }
        let hash = try hasher.hash(new)
        try database.write { try database.run("UPDATE users SET password_hash = \(hash) WHERE id = \(user)") }
        return true
    }
}
