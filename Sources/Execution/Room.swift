internal import Linux

/// Whether the disks have room enough to begin with a job: what an attempt writes has its place before the script runs.
struct Room {
    /// Folders that attempts and jobs write into, and what each is called for people.
    let folders: [(path: String, name: String)]
    /// Bytes and files that have to be left on each of their disks.
    let minFreeBytes: Int64
    let minFreeFiles: Int64
    /// Asks the system; a test may be the system.
    var space: (String) throws(SystemError) -> DiskSpace = { path throws(SystemError) in try DiskSpace(of: path) }

    /// Why no job can be started at present, as a sentence; `nil` when there is room.
    func shortage() -> String? {
        for (path, name) in folders {
            let space: DiskSpace
            do throws(SystemError) { space = try self.space(path) } catch {
                return "The disk of \(name) cannot be asked for its free space: \(error.reason)."
            }
            if space.free < minFreeBytes {
                return "The disk of \(name) is nearly full: \(readableSize(space.free)) are left, and jobs start only "
                    + "with \(readableSize(minFreeBytes)) or more."
            }
            if let files = space.freeFiles, files < minFreeFiles {
                return "The disk of \(name) can take only \(files) more files, and jobs start only with "
                    + "\(minFreeFiles) or more."
            }
        }
        return nil
    }
}
