public import Linux
internal import SQLite
public import Storage

/// A file that a user has uploaded. It never changes.
public struct InboxFile: Sendable, Equatable {
    public let id: FileID
    public let owner: UserID
    /// Names its folder.
    public let uid: String
    public let name: String
    /// Bytes.
    public let size: Int64
    public let sha256: [UInt8]
    public let createdAt: Instant
    public let expiresAt: Instant

    static let columns: SQL = "id, user_id, uid, name, size, sha256, created_at, expires_at"

    init(_ row: borrowing Row) {
        self.init(
            id: FileID(row.int64(0)), owner: UserID(row.int64(1)), uid: row.text(2), name: row.text(3),
            size: row.int64(4), sha256: row.blob(5), createdAt: row.instant(6), expiresAt: row.instant(7))
    }

    init(
        id: FileID, owner: UserID, uid: String, name: String, size: Int64, sha256: [UInt8], createdAt: Instant,
        expiresAt: Instant
    ) {
        self.id = id
        self.owner = owner
        self.uid = uid
        self.name = name
        self.size = size
        self.sha256 = sha256
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// A file that the admin has put into the inbox's shared folder.
public struct SharedFile: Sendable, Equatable {
    public let name: String
    /// Bytes.
    public let size: Int64
    public let changedAt: Instant
}
