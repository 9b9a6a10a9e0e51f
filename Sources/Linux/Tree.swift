// Whole trees: deleting them and measuring them. Scripts leave what they like, so neither the depth nor the width of a
// tree may cost more than a fixed number of descriptors and a fixed amount of memory, and no link is ever followed.

extension Descriptor {
    /// Deletes an entry of this directory and all that is in it; links are deleted, never followed. What is gone already
    /// is fine, so that a deletion that was broken off can be repeated.
    ///
    /// - Returns: the bytes of disk that became free.
    /// - Throws: the first failure, after everything else in the tree has been deleted.
    @discardableResult
    public borrowing func remove(_ name: FileName) throws(SystemError) -> Int64 {
        var removal = Removal()
        removal.delete(name, in: self, top: nil, depth: 0)
        if let failure = removal.failure { throw failure }
        return removal.freed
    }

    /// The bytes of disk that an entry of this directory and all that is in it take: what ``remove(_:)`` would free. 0 when
    /// it is not there.
    ///
    /// What cannot be looked into, or lies too deep, is not counted: this is for people to read.
    public borrowing func allocated(_ name: FileName) -> Int64 { allocated(name, depth: 0) }

    private borrowing func allocated(_ name: FileName, depth: Int) -> Int64 {
        guard let status = status(of: name) else { return 0 }
        guard status.isFolder else { return status.freedByUnlink }
        var sum = status.bytesOnDisk
        guard depth < Removal.deepest, let folder = try? openFolder(name) else { return sum }
        try? folder.eachEntry { entry in sum += folder.allocated(entry, depth: depth + 1) }
        return sum
    }

    /// What lstat(2) says about an entry of this directory; `nil` when it says nothing.
    public borrowing func status(of name: FileName) -> stat? {
        let directory = number
        var status = stat()
        return name.terminated({ fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 ? status : nil
    }

    /// Opens a directory that stands in this one; a link is none.
    fileprivate borrowing func openFolder(_ name: FileName) throws(SystemError) -> Descriptor {
        let directory = number
        let opened = name.terminated {
            clinux_openat(directory, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
        }
        guard opened >= 0 else { throw SystemError("openat", String(decoding: name, as: UTF8.self)) }
        return Descriptor(owning: opened)
    }
}

extension stat {
    public var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    public var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }
    /// When content, name or rights changed last. Unlike the time of the last writing, nobody can set it.
    public var changedAt: Instant {
        Instant(milliseconds: Int64(st_ctim.tv_sec) * 1000 + Int64(st_ctim.tv_nsec) / 1_000_000)
    }
    /// Blocks are counted by 512 bytes, whatever the file system's own are (stat(2)).
    fileprivate var bytesOnDisk: Int64 { Int64(st_blocks) * 512 }
    /// A file with another name stays.
    fileprivate var freedByUnlink: Int64 { st_nlink == 1 ? bytesOnDisk : 0 }
}

/// One deletion under way.
private struct Removal {
    /// Folders below this depth are moved up before they are emptied, so that no tree needs more descriptors than this
    /// times two.
    static let deepest = 16

    var freed: Int64 = 0
    var failure: SystemError?
    private var hasLifted = false
    private var lifted = 0

    /// Deletes an entry of `folder`.
    ///
    /// - Parameter top: the descriptor of the uppermost folder of the tree; `nil` for that folder itself.
    mutating func delete(_ name: FileName, in folder: borrowing Descriptor, top: CInt?, depth: Int) {
        let directory = folder.number
        guard let status = folder.status(of: name) else {
            if errno != ENOENT { failed("fstatat", name) }
            return
        }
        guard status.isFolder else {
            if name.terminated({ unlinkat(directory, $0, 0) }) == 0 {
                freed += status.freedByUnlink
            } else if errno != ENOENT {
                failed("unlinkat", name)
            }
            return
        }
        // A script may have left a folder that even its owner cannot read or change.
        if status.st_mode & 0o700 != 0o700 {
            _ = name.terminated { fchmodat(directory, $0, 0o700, AT_SYMLINK_NOFOLLOW) }
        }
        if let top, depth >= Self.deepest, lift(name, from: directory, to: top) { return }
        do throws(SystemError) {
            let child = try folder.openFolder(name)
            if let top {
                empty(child, top: top, depth: depth + 1)
            } else {
                repeat {
                    hasLifted = false
                    empty(child, top: child.number, depth: depth + 1)
                } while hasLifted
            }
        } catch {
            if error.code != ENOENT { failure = failure ?? error }
        }
        if name.terminated({ unlinkat(directory, $0, AT_REMOVEDIR) }) == 0 {
            freed += status.bytesOnDisk
        } else if errno != ENOENT {
            failed("rmdir", name)
        }
    }

    private mutating func empty(_ folder: borrowing Descriptor, top: CInt, depth: Int) {
        do throws(SystemError) {
            try folder.eachEntry { name in delete(name, in: folder, top: top, depth: depth) }
        } catch {
            failure = failure ?? error
        }
    }

    /// Moves a folder up to the top of the tree, under any name that is free; all of it is deleted anyway.
    private mutating func lift(_ name: FileName, from directory: CInt, to top: CInt) -> Bool {
        while true {
            lifted += 1
            let failed = name.terminated { renameat(directory, $0, top, "lifted-\(lifted)") }
            if failed == 0 {
                hasLifted = true
                return true
            }
            guard errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR else {
                self.failed("renameat", name)
                return false
            }
        }
    }

    private mutating func failed(_ call: String, _ name: FileName) {
        failure = failure ?? SystemError(call, String(decoding: name, as: UTF8.self))
    }
}
