/// An open file descriptor with exactly one owner: it is closed when the owner goes out of scope.
///
/// Every descriptor that we open is close-on-exec; what a child shall inherit is handed over by name.
public struct Descriptor: ~Copyable {
    /// The number, valid as long as this value lives.
    public let number: CInt

    /// Takes ownership of `number`, which nobody else may close from now on.
    public init(owning number: CInt) {
        precondition(number >= 0, "a descriptor is never negative")
        self.number = number
    }

    deinit {
        // A failed close cannot be retried on Linux (the number is free either way); durable writes call `sync` first.
        _ = close(number)
    }

    /// Gives up ownership: the caller closes the number.
    public consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }
}

extension Descriptor {
    /// Opens `path` by the rules of open(2), close-on-exec.
    ///
    /// - Throws: ``SystemError`` naming the path.
    public static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(SystemError) -> Descriptor {
        let number = retryingOnInterrupt { path.withCString { clinux_open($0, flags | O_CLOEXEC, mode) } }
        guard number >= 0 else { throw SystemError("open", path) }
        return Descriptor(owning: number)
    }

    /// Opens `path` relative to this directory, following no symbolic link and never leaving the directory.
    ///
    /// Uses openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS, so that no race with a
    /// rename or a link can lead outside.
    ///
    /// - Throws: ``SystemError`` naming the path: `EXDEV` or `ELOOP` when it tried to leave, `EINVAL` for a NUL in it.
    public borrowing func open(
        beneath path: String, _ flags: CInt, mode: mode_t = 0o600
    ) throws(SystemError) -> Descriptor {
        try open(beneath: path, flags, mode, hasNUL: path.utf8.contains(0)) { body in path.withCString(body) }
    }

    /// The same for a path that may be no UTF-8.
    public borrowing func open(
        beneath path: FileName, _ flags: CInt, mode: mode_t = 0o600
    ) throws(SystemError) -> Descriptor {
        try open(beneath: String(decoding: path, as: UTF8.self), flags, mode, hasNUL: path.contains(0)) { body in
            path.terminated(body)
        }
    }

    /// - Parameters:
    ///   - name: for the error.
    ///   - lend: calls what it is given with the path, a NUL after it.
    @inline(__always)
    private borrowing func open(
        beneath name: @autoclosure () -> String, _ flags: CInt, _ mode: mode_t, hasNUL: Bool,
        _ lend: ((UnsafePointer<CChar>) -> CInt) -> CInt
    ) throws(SystemError) -> Descriptor {
        // The kernel would stop reading there, and open something else than was checked.
        guard !hasNUL else { throw SystemError("openat2", name(), code: EINVAL) }
        let directory = number
        let creating = flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE
        let opened = retryingOnInterrupt {
            lend { start in
                clinux_open_beneath(
                    directory, start, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), creating ? UInt64(mode) : 0)
            }
        }
        guard opened >= 0 else { throw SystemError("openat2", name()) }
        return Descriptor(owning: opened)
    }

    /// Writes all of `bytes`, at the descriptor's own position.
    @inlinable
    public borrowing func write(_ bytes: some Sequence<UInt8>) throws(SystemError) {
        var failure: SystemError?
        let all = Array(bytes)
        all.withUnsafeBytes { buffer in
            do throws(SystemError) { try write(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Writes all of `buffer`, at the descriptor's own position.
    public borrowing func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = buffer
        while !rest.isEmpty {
            let number = self.number
            let count = retryingOnInterrupt { Glibc.write(number, rest.baseAddress, rest.count) }
            guard count >= 0 else { throw SystemError("write", nil) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Reads at most `buffer.count` bytes; 0 means the end.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        let number = self.number
        let count = retryingOnInterrupt { Glibc.read(number, buffer.baseAddress, buffer.count) }
        guard count >= 0 else { throw SystemError("read", nil) }
        return count
    }

    /// Reads from here to the end.
    ///
    /// - Throws: ``SystemError``; `EFBIG` when there are more than `limit` bytes.
    public borrowing func readAll(limit: Int) throws(SystemError) -> [UInt8] {
        var all = try readOnce(atMost: 4096)
        guard !all.isEmpty else { return all }
        while true {
            guard all.count <= limit else { throw SystemError("read", nil, code: EFBIG) }
            // More and more, so that a long file is no long loop.
            let more = try readOnce(atMost: min(1 << 20, max(4096, all.count)))
            if more.isEmpty { return all }
            all += more
        }
    }

    /// Reads once: what there is, or as much of it as `count`; nothing means the end.
    public borrowing func readOnce(atMost count: Int) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(SystemError) { initialized = try read(into: UnsafeMutableRawBufferPointer(buffer)) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Waits until the file's data and size are on the disk. Also makes a directory's entries durable.
    public borrowing func sync() throws(SystemError) {
        guard fsync(number) == 0 else { throw SystemError("fsync", nil) }
    }

    /// What fstat(2) says.
    public borrowing func status() throws(SystemError) -> stat {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw SystemError("fstat", nil) }
        return status
    }
}

extension Optional where Wrapped == Descriptor {
    /// -1, which poll(2) passes over, when there is none.
    public var numberIfAny: CInt {
        switch self {
        case .some(let descriptor): descriptor.number
        case .none: -1
        }
    }
}

/// Calls again as long as the call fails with `EINTR`.
@inlinable
public func retryingOnInterrupt<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}
