/// Names in a directory are bytes; they need not be UTF-8.
public typealias FileName = [UInt8]

extension Descriptor {
    /// Opens a directory by its path, for the calls below.
    public static func directory(_ path: String) throws(SystemError) -> Descriptor {
        try open(path, O_RDONLY | O_DIRECTORY)
    }

    /// The names in this directory but `.` and `..`, sorted by their bytes.
    ///
    /// - Throws: `EFBIG` when there are more than `limit`.
    public borrowing func entries(limit: Int = .max) throws(SystemError) -> [FileName] {
        // fdopendir takes its descriptor over, and a second listing must begin at the start: hence an own one.
        let again = clinux_openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard again >= 0 else { throw SystemError("openat", ".") }
        guard let stream = fdopendir(again) else {
            let error = SystemError("fdopendir", nil)
            close(again)
            throw error
        }
        defer { closedir(stream) }
        var names: [FileName] = []
        while true {
            // The end and a failure look alike but for errno.
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == Array(".".utf8) || name == Array("..".utf8) { continue }
            guard names.count < limit else { throw SystemError("readdir", nil, code: EFBIG) }
            names.append(name)
        }
        // Half a listing would be taken for the whole.
        guard errno == 0 else { throw SystemError("readdir", nil) }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Makes a directory in this one; says `false` if there is something of that name already.
    @discardableResult
    public borrowing func makeDirectory(_ name: String, mode: mode_t) throws(SystemError) -> Bool {
        if mkdirat(number, name, mode) == 0 { return true }
        guard errno == EEXIST else { throw SystemError("mkdirat", name) }
        return false
    }

    /// Moves an entry of this directory to `name` in `target`.
    public borrowing func rename(
        _ old: FileName, to target: borrowing Descriptor, as name: FileName
    ) throws(SystemError) {
        let (from, to) = (number, target.number)
        let failed = old.terminated { old in name.terminated { name in renameat(from, old, to, name) } }
        guard failed == 0 else { throw SystemError("renameat", String(decoding: old, as: UTF8.self)) }
    }

    /// Deletes an entry of this directory and all that is in it; links are deleted, never followed. What is gone
    /// already is fine, so that a deletion that was broken off can be repeated.
    ///
    /// A script can nest folders deeper than a program has descriptors or stack. So nothing here recurses: the folders
    /// in a folder are moved up beside it, until nothing is nested any more.
    public borrowing func remove(_ name: FileName) throws(SystemError) {
        guard try !unlink(name), let top = try openToEmpty(name) else { return }
        var moved = 0
        var nested: Bool
        repeat {
            nested = false
            for entry in try top.entries() {
                guard try !top.unlink(entry), let folder = try top.openToEmpty(entry) else { continue }
                for inner in try folder.entries() where try !folder.unlink(inner) {
                    // A folder that moves must be writable, because its `..` changes.
                    guard try folder.openToEmpty(inner) != nil else { continue }
                    try folder.moveUp(inner, to: top, count: &moved)
                    nested = true
                }
                try top.removeEmpty(entry)
            }
        } while nested
        try removeEmpty(name)
    }

    /// Deletes an entry unless it is a folder; says whether it is gone.
    private borrowing func unlink(_ name: FileName) throws(SystemError) -> Bool {
        let directory = number
        if name.terminated({ unlinkat(directory, $0, 0) }) == 0 || errno == ENOENT { return true }
        guard errno == EISDIR || errno == EPERM else {
            throw SystemError("unlinkat", String(decoding: name, as: UTF8.self))
        }
        return false
    }

    /// Opens a folder and makes it ours to empty: a script may have left one that even its owner cannot read. `nil`
    /// when it is gone.
    private borrowing func openToEmpty(_ name: FileName) throws(SystemError) -> Descriptor? {
        let directory = number
        let found = name.terminated {
            clinux_openat(directory, $0, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
        }
        guard found >= 0 else {
            if errno == ENOENT { return nil }
            throw SystemError("openat", String(decoding: name, as: UTF8.self))
        }
        let place = Descriptor(owning: found)
        // By the descriptor: by its name, a link that took the folder's place would be followed. If it fails, what
        // needs the permission will tell.
        if try place.status().st_mode & 0o700 != 0o700 { chmod("/proc/self/fd/\(place.number)", 0o700) }
        let opened = clinux_openat(place.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard opened >= 0 else { throw SystemError("openat", String(decoding: name, as: UTF8.self)) }
        return Descriptor(owning: opened)
    }

    /// Moves a folder of this one to `top`, under a name that nothing there has.
    private borrowing func moveUp(
        _ name: FileName, to top: borrowing Descriptor, count: inout Int
    ) throws(SystemError) {
        while true {
            count += 1
            do throws(SystemError) {
                return try rename(name, to: top, as: Array("\(count)".utf8))
            } catch {
                // Taken: by a file, or by a folder that holds something. An empty one is replaced.
                guard error.code == ENOTDIR || error.code == ENOTEMPTY || error.code == EEXIST else { throw error }
            }
        }
    }

    private borrowing func removeEmpty(_ name: FileName) throws(SystemError) {
        let directory = number
        guard name.terminated({ unlinkat(directory, $0, AT_REMOVEDIR) }) == 0 || errno == ENOENT
        else { throw SystemError("rmdir", String(decoding: name, as: UTF8.self)) }
    }
}

extension [UInt8] {
    /// Lends the bytes with a NUL after them, as system calls want a name. There is none inside a file's name.
    public func terminated<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { body($0.bindMemory(to: CChar.self).baseAddress!) }
    }
}
