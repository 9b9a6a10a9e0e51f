internal import Linux

/// What tells one state of a file from another.
struct FileIdentity: Equatable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let changed: timespec

    /// `nil` when there is no regular file, also behind a link.
    init?(of path: String) { self.init(of: path, S_IFREG) }

    /// Of a folder, which changes when an entry comes, goes, or gets another name.
    init?(ofFolder path: String) { self.init(of: path, S_IFDIR) }

    private init?(of path: String, _ kind: mode_t) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == kind else { return nil }
        (device, inode) = (UInt(status.st_dev), UInt(status.st_ino))
        (size, changed) = (Int(status.st_size), status.st_ctim)
    }

    /// Whether it was changed before then, by the clock that file systems put on files.
    func isOlder(than now: timespec) -> Bool { (changed.tv_sec, changed.tv_nsec) < (now.tv_sec, now.tv_nsec) }

    static func == (left: FileIdentity, right: FileIdentity) -> Bool {
        left.device == right.device && left.inode == right.inode && left.size == right.size
            && left.changed.tv_sec == right.changed.tv_sec && left.changed.tv_nsec == right.changed.tv_nsec
    }
}
