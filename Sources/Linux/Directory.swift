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
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == Array(".".utf8) || name == Array("..".utf8) { continue }
            guard names.count < limit else { throw SystemError("readdir", nil, code: EFBIG) }
            names.append(name)
        }
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

    /// Deletes an entry of this directory and all that is in it; links are deleted, never followed. What is gone already
    /// is fine, so that a deletion that was broken off can be repeated.
    public borrowing func remove(_ name: FileName) throws(SystemError) {
        let directory = number
        if name.terminated({ unlinkat(directory, $0, 0) }) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else {
            throw SystemError("unlinkat", String(decoding: name, as: UTF8.self))
        }
        let child = name.terminated { clinux_openat(directory, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0) }
        if child < 0 {
            // A script may have left a folder that even its owner cannot read.
            guard errno == EACCES, name.terminated({ fchmodat(directory, $0, 0o700, 0) }) == 0
            else { throw SystemError("openat", String(decoding: name, as: UTF8.self)) }
            return try remove(name)
        }
        let folder = Descriptor(owning: child)
        if let status = try? folder.status(), status.st_mode & 0o700 != 0o700 { fchmod(child, 0o700) }
        for entry in try folder.entries() { try folder.remove(entry) }
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
