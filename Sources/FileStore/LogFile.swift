public import Linux

/// What a script has written to standard output and error: `state_dir/attempts/JOB-UID.NUMBER/log`.
public struct LogFile: ~Copyable {
    private let file: Descriptor
    /// Bytes at the moment of opening.
    public let size: Int64

    /// `nil` when there is none (yet, or any more).
    public init?(attemptsDirectory: String, jobUID: String, attempt: Int) {
        guard let root = try? Descriptor.directory(attemptsDirectory),
            let file = try? root.open(beneath: "\(jobUID).\(attempt)/log", O_RDONLY | O_NONBLOCK),
            let status = try? file.status(), status.st_mode & S_IFMT == S_IFREG
        else { return nil }
        self.file = file
        size = Int64(status.st_size)
    }

    /// The last `limit` bytes as text, from the beginning of a line where there is one, and whether something precedes.
    ///
    /// What is no UTF-8 is replaced.
    public func tail(limit: Int) throws(SystemError) -> (text: String, isCut: Bool) {
        let start = max(0, size - Int64(limit))
        var bytes = [UInt8](repeating: 0, count: Int(size - start))
        let number = file.number
        let count = bytes.withUnsafeMutableBytes { buffer in
            retryingOnInterrupt { pread(number, buffer.baseAddress, buffer.count, off_t(start)) }
        }
        guard count >= 0 else { throw SystemError("pread", "log") }
        var rest = bytes[..<count]
        if start > 0, let end = rest.firstIndex(of: UInt8(ascii: "\n")), end + 1 < rest.endIndex {
            rest = rest[(end + 1)...]
        }
        return (String(decoding: rest, as: UTF8.self), start > 0)
    }

    /// Gives the open file away, to be sent whole.
    public consuming func release() -> Descriptor { file }
}
