public import Linux
public import SQLite
internal import Sodium
public import Storage

/// The secret in a visitor's cookie: 32 random bytes, as 64 hexadecimal digits.
public struct SessionToken: Sendable, Equatable {
    private let bytes: [UInt8]

    /// A new one that nobody can guess.
    public init() { bytes = randomBytes(32) }

    /// From a cookie; `nil` when it cannot be one of ours.
    public init?(cookie: String) {
        guard cookie.utf8.count == 64, let bytes = [UInt8](hex: cookie) else { return nil }
        self.bytes = bytes
    }

    /// As it stands in the cookie.
    public var cookie: String { bytes.hex }

    /// What the database keeps.
    var hash: [UInt8] { SHA256.hash(bytes) }

    /// The value of the hidden first field of every form of this session. It proves that the form came from a page that
    /// was served to this very cookie, and tells nothing about the cookie.
    public var formToken: String { SHA256.hash(Array("form token".utf8) + bytes).hex }

    /// Proves that a text comes from a page of this session: sixteen hexadecimal digits that tell nothing about the cookie.
    public func seal(_ text: String) -> String {
        String(SHA256.hash(Array("seal \(text) ".utf8) + bytes).hex.prefix(16))
    }

    /// Whether a form's token belongs to this session, in constant time.
    public func accepts(formToken: String) -> Bool {
        equalInConstantTime(Array(self.formToken.utf8), Array(formToken.utf8))
    }
}

/// One sign-in that lasts.
public struct Session: Sendable {
    public let id: SessionID
    public let user: User
    public let createdAt: Instant
    public let lastSeenAt: Instant
    public let expiresAt: Instant
    public let userAgent: String
}

/// Who is signed in.
public struct SessionStore {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// A page view writes nothing unless the last-seen time is older than this.
    static let lastSeenPrecision = Instant.Span.minutes(10)
    /// Most sessions that one user has; the oldest goes when another begins. Ten browsers are plenty.
    static let mostSessions = 10
    /// Longest note of a browser's name that is kept. Bytes.
    static let longestUserAgent = 200

    /// Begins a session and returns what the cookie is to hold.
    public func begin(
        for user: UserID, userAgent: String, lasting lifetime: Instant.Span, at now: Instant
    ) throws -> SessionToken {
        let token = SessionToken()
        let agent = String(decoding: userAgent.utf8.prefix(Self.longestUserAgent), as: UTF8.self)
        try database.write {
            try database.run(
                """
                INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, user_agent)
                VALUES (\(token.hash), \(user), \(now), \(now), \(now + lifetime), \(agent))
                """)
        }
        return token
    }

    /// The session of a cookie, if it lasts and its user's account is open.
    public func session(_ token: SessionToken, at now: Instant) throws -> Session? {
        let session = try database.first(
            """
            SELECT \(Self.columns) FROM sessions JOIN users ON users.id = sessions.user_id
             WHERE token_hash = \(token.hash) AND expires_at > \(now) AND disabled_at IS NULL
            """, Self.session)
        if let session, now - session.lastSeenAt > Self.lastSeenPrecision {
            try database.write {
                try database.run("UPDATE sessions SET last_seen_at = \(now) WHERE id = \(session.id)")
            }
        }
        return session
    }

    /// The user's sessions, the latest first.
    public func sessions(of user: UserID, at now: Instant) throws -> [Session] {
        try database.all(
            """
            SELECT \(Self.columns) FROM sessions JOIN users ON users.id = sessions.user_id
             WHERE user_id = \(user) AND expires_at > \(now) ORDER BY sessions.id DESC
            """, Self.session)
    }

    /// Ends one session of `user`; another user's is left alone.
    public func end(_ session: SessionID, of user: UserID) throws {
        try database.write {
            try database.run("DELETE FROM sessions WHERE id = \(session) AND user_id = \(user)")
        }
    }

    /// Ends all sessions of `user` but `kept`.
    public func endAll(of user: UserID, but kept: SessionID?) throws {
        try database.write {
            try database.run("DELETE FROM sessions WHERE user_id = \(user) AND id IS NOT \(kept)")
        }
    }

    /// Ends the user's oldest sessions beyond the most that one may have.
    public func trim(of user: UserID) throws {
        try database.write {
            try database.run(
                """
                DELETE FROM sessions WHERE user_id = \(user) AND id NOT IN
                    (SELECT id FROM sessions WHERE user_id = \(user) ORDER BY id DESC LIMIT \(Self.mostSessions))
                """)
        }
    }

    private static let columns: SQL =
        "sessions.id, user_id, email, sessions.created_at, last_seen_at, expires_at, user_agent"

    private static func session(_ row: borrowing Row) -> Session {
        Session(
            id: SessionID(row.int64(0)), user: User(id: UserID(row.int64(1)), email: row.text(2)),
            createdAt: row.instant(3), lastSeenAt: row.instant(4), expiresAt: row.instant(5), userAgent: row.text(6))
    }
}
