public import Linux

/// The folders in which supervisors keep attempts: `state_dir/attempts/JOB-UID.NUMBER`.
public struct Attempts: Sendable {
    let root: String

    public init(root: String) { self.root = root }

    /// Where attempts go to be deleted.
    public var trash: Trash<AttemptFolder> { Trash(root: root) }

    /// Attempts in which nothing came or went after `limit`.
    public func folders(unchangedSince limit: Instant) throws(SystemError) -> [AttemptFolder] {
        // The first attempt makes the root.
        guard access(root, F_OK) == 0 else { return [] }
        return try Descriptor.directory(root).folders(unchangedSince: limit, AttemptFolder.init(nameInTrash:))
    }

    /// Whether the processes of an attempt live: they hold a lock on the file `lock` for as long (see Supervision).
    ///
    /// When it cannot be told, they do.
    public func isAlive(_ attempt: AttemptFolder) -> Bool {
        do throws(SystemError) {
            let file = try Descriptor.directory(root).open(beneath: attempt.path + "/lock", O_RDWR)
            var lock = flock()
            lock.l_type = Int16(F_WRLCK)
            lock.l_whence = Int16(SEEK_SET)
            guard clinux_fcntl_lock(file.number, F_OFD_GETLK, &lock) == 0 else { return true }
            return lock.l_type != Int16(F_UNLCK)
        } catch {
            return error.code != ENOENT
        }
    }
}
