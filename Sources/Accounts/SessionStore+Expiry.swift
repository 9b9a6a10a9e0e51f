public import Linux
internal import SQLite
public import Storage

/// A session that is over, as far as it takes to remove it.
public struct ExpiredSession: Sendable, Equatable {
    public let id: SessionID
    public let user: UserID
    public let expiresAt: Instant
}

extension SessionStore {
    /// At most `limit` sessions that are over, in the order of their ends; those after `last`.
    public func expired(after last: ExpiredSession?, limit: Int, at now: Instant) throws -> [ExpiredSession] {
        try database.all(Self.expiredQuery(after: last, limit: limit, at: now)) {
            ExpiredSession(id: SessionID($0.int64(0)), user: UserID($0.int64(1)), expiresAt: $0.instant(2))
        }
    }

    /// Steps through the index `sessions_by_expiry`.
    static func expiredQuery(after last: ExpiredSession?, limit: Int, at now: Instant) -> SQL {
        """
        SELECT id, user_id, expires_at FROM sessions
         WHERE expires_at <= \(now)
           AND (expires_at, id) > (\(last?.expiresAt.milliseconds ?? .min), \(last?.id.number ?? 0))
         ORDER BY expires_at, id LIMIT \(limit)
        """
    }

    /// Deletes at most `limit` sessions that are over; says how many.
    public func deleteExpired(limit: Int, at now: Instant) throws -> Int {
        try database.write { try database.run(Self.deleteExpiredStatement(limit: limit, at: now)) }
    }

    static func deleteExpiredStatement(limit: Int, at now: Instant) -> SQL {
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= \(now) LIMIT \(limit))"
    }
}
