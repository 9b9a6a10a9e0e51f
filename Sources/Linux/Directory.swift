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
        var names: [FileName] = []
        try eachEntry { name throws(SystemError) in
            guard names.count < limit else { throw SystemError("readdir", nil, code: EFBIG) }
            names.append(name)
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Calls `body` with each name in this directory but `.` and `..`, as they come, so that a directory of millions takes
    /// no memory. `body` may delete the entry.
    public borrowing func eachEntry(_ body: (FileName) throws(SystemError) -> Void) throws(SystemError) {
        // fdopendir takes its descriptor over, and a second listing must begin at the start: hence an own one.
        let again = clinux_openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard again >= 0 else { throw SystemError("openat", ".") }
        guard let stream = fdopendir(again) else {
            let error = SystemError("fdopendir", nil)
            close(again)
            throw error
        }
        defer { closedir(stream) }
        while true {
            // The end and a failure differ only in errno.
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == Array(".".utf8) || name == Array("..".utf8) { continue }
            try body(name)
        }
        guard errno == 0 else { throw SystemError("readdir", nil) }
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
}

extension [UInt8] {
    /// Lends the bytes with a NUL after them, as system calls want a name. There is none inside a file's name.
    @inlinable
    public func terminated<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { body($0.bindMemory(to: CChar.self).baseAddress!) }
    }
}

/// What a path leads to, without the folders on the way.
public func name(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
}

/// The folder that a path stands in; `/` for `/` itself.
public func parent(of path: String) -> String {
    let bytes = Array(path.utf8)
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return "/" }
    return String(decoding: bytes[..<slash], as: UTF8.self)
}
