internal import Linux

/// What tells one state of a file from another.
struct FileIdentity: Equatable, Sendable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let modified: timespec
    private let changed: timespec

    /// `nil` when there is no regular file, also behind a link.
    ///
    /// - Parameter folder: the descriptor of the folder that a name stands in; a path needs none.
    init?(of name: String, in folder: CInt = AT_FDCWD) {
        var status = stat()
        guard fstatat(folder, name, &status, 0) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.init(status)
    }

    init(_ status: stat) {
        (device, inode) = (UInt(status.st_dev), UInt(status.st_ino))
        size = Int(status.st_size)
        (modified, changed) = (status.st_mtim, status.st_ctim)
    }

    /// Whether it was changed before then, by the clock that file systems put on files, so that one more change would show.
    func isOlder(than now: timespec) -> Bool {
        // Old file systems count whole seconds, and FAT every other one.
        let step = changed.tv_nsec == 0 ? 2 : 0
        return (changed.tv_sec + step, changed.tv_nsec) < (now.tv_sec, now.tv_nsec)
    }

    /// The clock that file systems put on files. It moves in steps of some milliseconds.
    static func tick() -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return time
    }

    static func == (left: FileIdentity, right: FileIdentity) -> Bool {
        left.inode == right.inode && left.device == right.device && left.size == right.size
            && left.changed.tv_nsec == right.changed.tv_nsec && left.changed.tv_sec == right.changed.tv_sec
            && left.modified.tv_nsec == right.modified.tv_nsec && left.modified.tv_sec == right.modified.tv_sec
    }
}
