public import Linux
public import SQLite
internal import Sodium
public import Storage

/// The input files: each user's own, and the admin's shared ones.
///
/// On disk: `inbox_dir/USER-NUMBER/UID/NAME`, written once and never changed, with a row in `files`; `inbox_dir/shared/`,
/// which the admin fills by scp and which has no rows; `inbox_dir/.incoming/`, where uploads grow.
public struct Inbox {
    let root: String
    let database: Database

    static let incoming = ".incoming"
    static let shared = "shared"
    /// A shared folder with more files than this is shown in part: a longer choice is no choice.
    static let mostSharedFiles = 2000

    public init(root: String, database: Database) {
        self.root = root
        self.database = database
    }

    // MARK: Uploads

    /// Begins an upload.
    ///
    /// - Parameters:
    ///   - given: the name that the browser tells; see ``SafeName``.
    ///   - most: largest size, bytes.
    ///   - floor: bytes that have to stay free on the disk.
    ///   - files: how many files it has to be able to take.
    /// - Throws: `Upload.Refusal` when the disk is too full; `SystemError`.
    public func beginUpload(
        named given: String, by user: UserID, most: Int64, leavingFree floor: Int64, files: Int = 0
    ) throws -> Upload {
        let inbox = try Descriptor.directory(root)
        try inbox.makeDirectory(Self.incoming, mode: 0o700)
        let room = try DiskSpace(of: root)
        let free = room.free - floor
        // A disk can be full of names while there is room for bytes.
        guard free > 0, room.freeFiles.map({ $0 >= Int64(files) }) ?? true else {
            throw Upload.Refusal(
                sentence: "The server's disk is nearly full, so it takes no uploads now. Please tell the admin.")
        }
        let folder = try inbox.open(beneath: Self.incoming, O_RDONLY | O_DIRECTORY)
        return try Upload(name: SafeName.of(given), owner: user, in: folder, allowance: min(most, free))
    }

    /// Takes a copy of a file that is open into the inbox, as if its requester had uploaded it; or finds the one that is there
    /// from before, of the same name and content.
    ///
    /// - Throws: `Upload.Refusal`, as uploads do; `SystemError`.
    public func keepCopy(
        of file: borrowing Descriptor, named name: String, by user: UserID, most: Int64, leavingFree floor: Int64,
        files: Int, for retention: Instant.Span, at now: Instant
    ) throws -> InboxFile {
        if let known = try known(copyOf: file, named: SafeName.of(name), of: user, at: now) { return known }
        guard lseek(file.number, 0, SEEK_SET) == 0 else { throw SystemError("lseek", name) }
        let upload = try beginUpload(named: name, by: user, most: most, leavingFree: floor, files: files)
        while true {
            let bytes = try file.readOnce(atMost: 1 << 20)
            if bytes.isEmpty { return try keep(upload, for: retention, at: now) }
            try bytes.withUnsafeBytes { try upload.write($0) }
        }
    }

    private func known(
        copyOf file: borrowing Descriptor, named name: String, of user: UserID, at now: Instant
    ) throws -> InboxFile? {
        var sum = SHA256()
        while case let bytes = try file.readOnce(atMost: 1 << 20), !bytes.isEmpty {
            bytes.withUnsafeBytes { sum.update($0) }
        }
        return try database.first(
            """
            SELECT \(InboxFile.columns) FROM files
             WHERE user_id = \(user) AND name = \(name) AND sha256 = \(sum.finish()) AND expires_at > \(now)
             ORDER BY id DESC LIMIT 1
            """, InboxFile.init)
    }

    /// Takes a complete upload into the inbox. The row comes after the file is on the disk, so no row is without its file.
    public func keep(_ upload: Upload, for retention: Instant.Span, at now: Instant) throws -> InboxFile {
        let uid = randomBytes(16).hex
        let owner = String(upload.owner.number)
        let inbox = try Descriptor.directory(root)
        if try inbox.makeDirectory(owner, mode: 0o700) { try inbox.sync() }
        let folder = try inbox.open(beneath: owner, O_RDONLY | O_DIRECTORY)
        try folder.makeDirectory(uid, mode: 0o700)
        let place = try folder.open(beneath: uid, O_RDONLY | O_DIRECTORY)
        let hash = try upload.settle(in: place)
        try folder.sync()
        return try database.write {
            try database.run(
                """
                INSERT INTO files (user_id, uid, name, size, sha256, created_at, expires_at)
                VALUES (\(upload.owner), \(uid), \(upload.name), \(upload.size), \(hash), \(now), \(now + retention))
                """)
            return InboxFile(
                id: FileID(database.lastInsertedRow), owner: upload.owner, uid: uid, name: upload.name,
                size: upload.size, sha256: hash, createdAt: now, expiresAt: now + retention)
        }
    }

    // MARK: What is there

    /// The user's files, the latest first.
    public func files(of user: UserID, limit: Int = 1000) throws -> [InboxFile] {
        try database.all(
            "SELECT \(InboxFile.columns) FROM files WHERE user_id = \(user) ORDER BY id DESC LIMIT \(limit)",
            InboxFile.init)
    }

    /// A file, if it is this user's.
    public func file(_ id: FileID, of user: UserID) throws -> InboxFile? {
        try database.first(
            "SELECT \(InboxFile.columns) FROM files WHERE id = \(id) AND user_id = \(user)", InboxFile.init)
    }

    /// The shared files by name: regular files, no links, nothing hidden.
    public func sharedFiles() throws -> [SharedFile] {
        let inbox = try Descriptor.directory(root)
        guard let folder = try? inbox.open(beneath: Self.shared, O_RDONLY | O_DIRECTORY) else { return [] }
        var files: [SharedFile] = []
        for bytes in try folder.entries() where files.count < Self.mostSharedFiles {
            guard let name = String(validating: bytes, as: UTF8.self), let file = sharedFile(name) else { continue }
            files.append(file)
        }
        return files
    }

    /// The shared file of this name, if there is one now.
    public func sharedFile(_ name: String) -> SharedFile? {
        guard let file = try? openShared(name), let status = try? file.status() else { return nil }
        return SharedFile(
            name: name, size: Int64(status.st_size),
            changedAt: Instant(milliseconds: Int64(status.st_mtim.tv_sec) * 1000))
    }

    /// Whether there is a shared file of this name now.
    public func hasShared(_ name: String) -> Bool { (try? openShared(name)) != nil }

    /// Opens a file to send it to its owner.
    public func open(_ file: InboxFile) throws -> Descriptor {
        try Inbox.regular(Descriptor.directory(root).open(beneath: relativePath(of: file), O_RDONLY | O_NONBLOCK))
    }

    /// Where a script finds the file; `nil` when it is not there (any more).
    public func path(of file: InboxFile) -> String? {
        (try? open(file)) == nil ? nil : root + "/" + relativePath(of: file)
    }

    /// Where a script finds a shared file; `nil` when there is none of this name.
    public func sharedPath(_ name: String) -> String? { hasShared(name) ? "\(root)/\(Self.shared)/\(name)" : nil }

    private func relativePath(of file: InboxFile) -> String { "\(file.owner)/\(file.uid)/\(file.name)" }

    private func openShared(_ name: String) throws -> Descriptor {
        guard isSharedName(name) else { throw SystemError("openat2", name, code: EINVAL) }
        return try Inbox.regular(
            Descriptor.directory(root).open(beneath: "\(Self.shared)/\(name)", O_RDONLY | O_NONBLOCK))
    }

    /// Whether a shared file can be called so: not hidden, no path, nothing that a terminal would obey.
    func isSharedName(_ name: String) -> Bool {
        // By bytes: to Swift a dot that an accent follows is another character.
        !name.isEmpty && name.utf8.first != UInt8(ascii: ".") && !name.utf8.contains(UInt8(ascii: "/"))
            && !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// The same descriptor, if it is of a regular file.
    static func regular(_ file: consuming Descriptor) throws(SystemError) -> Descriptor {
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw SystemError("open", nil, code: EINVAL) }
        return file
    }

    // MARK: The end of a file

    /// What a wish to delete a file came to.
    public enum Deletion: Equatable, Sendable {
        case deleted
        /// A job that waits or runs reads it.
        case inUse(by: JobID)
    }

    /// Deletes a file, unless a job that is not over uses it.
    public func delete(_ file: InboxFile) throws -> Deletion {
        let outcome: Deletion = try database.write {
            if let job = try liveUser(of: file.id) { return .inUse(by: job) }
            try forget(file.id)
            return .deleted
        }
        if outcome == .deleted { try removeFromDisk(file) }
        return outcome
    }

    /// A job that waits or runs and uses the file.
    func liveUser(of file: FileID) throws -> JobID? {
        try database.first(Self.liveUserQuery(of: file)) { JobID($0.int64(0)) }
    }

    static func liveUserQuery(of file: FileID) -> SQL {
        """
        SELECT jobs.id FROM job_parameters JOIN jobs ON jobs.id = job_id
         WHERE file_id = \(file) AND state IN ('queued', 'starting', 'running', 'stopping') LIMIT 1
        """
    }

    /// Past jobs keep the name in their parameters.
    private func forget(_ file: FileID) throws {
        try database.run("UPDATE job_parameters SET file_id = NULL WHERE file_id = \(file)")
        try database.run("DELETE FROM files WHERE id = \(file)")
    }

    private func removeFromDisk(_ file: InboxFile) throws {
        let inbox = try Descriptor.directory(root)
        guard let folder = try? inbox.open(beneath: String(file.owner.number), O_RDONLY | O_DIRECTORY) else { return }
        try folder.remove(Array(file.uid.utf8))
    }
}
