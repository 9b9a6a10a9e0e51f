public import Linux
internal import SQLite
public import Storage

extension InboxFile {
    /// The folder that holds it.
    public var folder: InputFolder { InputFolder(owner: owner, uid: uid) }
}

// MARK: Files with a row

extension Inbox {
    /// Where files go to be deleted.
    public var trash: Trash<InputFolder> { Trash(root: root) }

    /// At most `limit` files whose time is over, used or not, in the order of their expiry; those after `last`.
    public func expired(after last: InboxFile?, limit: Int, at now: Instant) throws -> [InboxFile] {
        try database.all(Self.expiredQuery(after: last, limit: limit, at: now), InboxFile.init)
    }

    /// Steps through the index `files_by_expiry`.
    static func expiredQuery(after last: InboxFile?, limit: Int, at now: Instant) -> SQL {
        """
        SELECT \(InboxFile.columns) FROM files
         WHERE expires_at <= \(now)
           AND (expires_at, id) > (\(last?.expiresAt.milliseconds ?? .min), \(last?.id.number ?? 0))
         ORDER BY expires_at, id LIMIT \(limit)
        """
    }

    /// Whether a file is there, its time is over, and no job that waits or runs uses it.
    public func isExpired(_ file: FileID, at now: Instant) throws -> Bool {
        try database.first("SELECT 1 FROM files WHERE id = \(file) AND expires_at <= \(now)", { _ in true }) ?? false
            && liveUser(of: file) == nil
    }

    /// Deletes at most `limit` rows of what the database knows of a file: first where past jobs point to it (they keep its
    /// name), at last the file's own. Joins the caller's transaction.
    public func forget(_ file: FileID, limit: Int) throws -> (rows: Int, isGone: Bool) {
        try database.write {
            let references = try database.run(Self.forgetReferences(file, limit: limit))
            guard references < limit else { return (references, false) }
            return (references + (try database.run("DELETE FROM files WHERE id = \(file)")), true)
        }
    }

    static func forgetReferences(_ file: FileID, limit: Int) -> SQL {
        """
        UPDATE job_parameters SET file_id = NULL WHERE (job_id, position) IN
            (SELECT job_id, position FROM job_parameters WHERE file_id = \(file) LIMIT \(limit))
        """
    }

    /// The file that a folder holds; `nil` when the database knows none.
    public func file(in folder: InputFolder) throws -> FileID? {
        try database.first("SELECT id FROM files WHERE uid = \(folder.uid) AND user_id = \(folder.owner)") {
            FileID($0.int64(0))
        }
    }
}

// MARK: What has no row

extension Inbox {
    /// Folders of files that nobody changed after `limit`.
    public func folders(unchangedSince limit: Instant) throws(SystemError) -> [InputFolder] {
        let inbox = try Descriptor.directory(root)
        var folders: [InputFolder] = []
        for bytes in try inbox.entries() {
            guard let name = String(validating: bytes, as: UTF8.self), let owner = UserID(text: name),
                inbox.status(of: bytes)?.isFolder == true
            else { continue }
            folders += try inbox.open(beneath: bytes, O_RDONLY | O_DIRECTORY).folders(unchangedSince: limit) {
                isUID($0) ? InputFolder(owner: owner, uid: $0) : nil
            }
        }
        return folders
    }

    /// Uploads that nobody has added to after `limit`, and the bytes of disk that they take.
    public func unfinishedUploads(unchangedSince limit: Instant) throws(SystemError) -> [(name: String, size: Int64)] {
        guard let folder = try? Descriptor.directory(root).open(beneath: Self.incoming, O_RDONLY | O_DIRECTORY)
        else { return [] }
        var uploads: [(name: String, size: Int64)] = []
        for bytes in try folder.entries() {
            guard let name = String(validating: bytes, as: UTF8.self), isUID(name),
                let status = folder.status(of: bytes), status.isRegularFile, status.changedAt <= limit
            else { continue }
            uploads.append((name, folder.allocated(bytes)))
        }
        return uploads
    }

    /// Deletes an upload that was never finished.
    public func removeUnfinishedUpload(_ name: String) throws(SystemError) {
        try Descriptor.directory(root).open(beneath: Self.incoming, O_RDONLY | O_DIRECTORY).remove(Array(name.utf8))
    }

    /// Shared files that nobody changed after `limit`, and the bytes of disk that they take: regular files, no links,
    /// nothing hidden, nothing in folders.
    public func sharedFiles(unchangedSince limit: Instant) throws(SystemError) -> [(name: String, size: Int64)] {
        guard let folder = try? Descriptor.directory(root).open(beneath: Self.shared, O_RDONLY | O_DIRECTORY)
        else { return [] }
        var files: [(name: String, size: Int64)] = []
        for bytes in try folder.entries() {
            guard let name = String(validating: bytes, as: UTF8.self), isSharedName(name),
                let status = folder.status(of: bytes), status.isRegularFile, status.changedAt <= limit
            else { continue }
            files.append((name, folder.allocated(bytes)))
        }
        return files
    }

    /// Takes hold of a shared file that nobody changed after `limit`; `nil` when there is none of this name.
    public func openShared(_ name: String, unchangedSince limit: Instant) throws(SystemError) -> Descriptor? {
        let inbox = try Descriptor.directory(root)
        do throws(SystemError) {
            // O_PATH: it need not be readable for us.
            let file = try inbox.open(beneath: "\(Self.shared)/\(name)", O_PATH)
            let status = try file.status()
            guard status.isRegularFile, status.changedAt <= limit else { return nil }
            return file
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    /// Takes the name away from the very shared file that was opened; says `false` when another has this name by now.
    ///
    /// The file itself goes when `file` is let go: deleting a large one takes a while, and no lock should be held so long.
    public func unlinkShared(_ name: String, which file: borrowing Descriptor) throws(SystemError) -> Bool {
        let folder = try Descriptor.directory(root).open(beneath: Self.shared, O_RDONLY | O_DIRECTORY)
        let bytes = FileName(name.utf8)
        let status = try file.status()
        guard let named = folder.status(of: bytes), (named.st_dev, named.st_ino) == (status.st_dev, status.st_ino)
        else { return false }
        guard bytes.terminated({ unlinkat(folder.number, $0, 0) }) == 0 else { throw SystemError("unlinkat", name) }
        return true
    }
}
