/// What a file system has left for an ordinary user (statvfs(3)).
public struct DiskSpace: Sendable, Equatable {
    /// Bytes.
    public let free: Int64
    /// Files that can still be made; `nil` where the file system does not count them, as btrfs.
    public let freeFiles: Int64?

    public init(free: Int64, freeFiles: Int64?) {
        self.free = free
        self.freeFiles = freeFiles
    }

    /// Of the file system that holds `path`.
    ///
    /// - Throws: ``SystemError`` naming the path.
    public init(of path: String) throws(SystemError) {
        var status = statvfs()
        guard retryingOnInterrupt({ statvfs(path, &status) }) == 0 else { throw SystemError("statvfs", path) }
        free = Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
        freeFiles = status.f_files == 0 ? nil : Int64(clamping: UInt64(status.f_favail))
    }
}
