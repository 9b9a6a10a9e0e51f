public import Linux

/// What a script has written to standard output and error: `state_dir/attempts/JOB-UID.NUMBER/log`.
///
/// A log that grows beyond its budget loses its middle: the supervisor punches it out while the script writes on. Here a
/// line tells how much is missing, where the file itself would read as NULs.
public struct LogFile: ~Copyable {
    private let folder: Descriptor
    private let file: Descriptor
    private let content: Content
    /// Bytes that there are to be shown, at the moment of opening. What was left out does not count, the line in its place
    /// does.
    public let size: Int64

    /// `nil` when there is none (yet, or any more).
    public init?(attemptsDirectory: String, jobUID: String, attempt: Int) {
        guard let root = try? Descriptor.directory(attemptsDirectory),
            let folder = try? root.open(beneath: "\(jobUID).\(attempt)", O_RDONLY | O_DIRECTORY),
            let file = try? folder.open(beneath: "log", O_RDONLY | O_NONBLOCK),
            let status = try? file.status(), status.st_mode & S_IFMT == S_IFREG
        else { return nil }
        content = Content(of: file, written: Int64(status.st_size))
        size = content.size
        self.folder = folder
        self.file = file
    }

    /// The last `limit` bytes as text, from the beginning of a line where there is one, and whether something precedes.
    ///
    /// What is no UTF-8 is replaced.
    public func tail(limit: Int) throws(SystemError) -> (text: String, isCut: Bool) {
        var content = content
        while true {
            let start = max(0, content.size - Int64(limit))
            let bytes = try content.read(from: start, file)
            let now = Content(of: file, written: content.written)
            // Something was punched out in between, and perhaps read as NULs.
            guard now == content else {
                content = now
                continue
            }
            var rest = bytes[...]
            if start > 0, let end = rest.firstIndex(of: UInt8(ascii: "\n")), end + 1 < rest.endIndex {
                rest = rest[(end + 1)...]
            }
            return (String(decoding: rest, as: UTF8.self), start > 0)
        }
    }

    /// Gives an open file of ``size`` bytes away, to be sent whole: the log itself, or, when its middle is missing, a copy
    /// without a name.
    public consuming func release() -> Descriptor {
        if content.gap != nil {
            if let copy = copy(onDisk: true) { return copy }
            if let copy = copy(onDisk: false) { return copy }
        }
        // Without a copy it breaks off at once, which is honest; NULs would not be.
        lseek(file.number, 0, content.gap == nil ? SEEK_SET : SEEK_END)
        return file
    }

    /// On the disk, where memory is not needed; or in memory, where the disk is full.
    private borrowing func copy(onDisk: Bool) -> Descriptor? {
        let number =
            onDisk
            ? (try? folder.open(beneath: ".", O_RDWR | O_TMPFILE).release()) ?? -1
            : memfd_create("log", UInt32(MFD_CLOEXEC))
        guard number >= 0 else { return nil }
        let copy = Descriptor(owning: number)
        do throws(SystemError) {
            try content.copy(file, to: copy)
        } catch {
            return nil
        }
        lseek(number, 0, SEEK_SET)
        return copy
    }
}

/// The bytes of a log that are there: a beginning, and after the gap a line that tells of it and an end.
private struct Content: Equatable {
    /// The size of the file.
    let written: Int64
    let gap: Range<Int64>?
    private let notice: [UInt8]

    init(of file: borrowing Descriptor, written: Int64) {
        self.written = written
        gap = file.firstHole(before: written)
        guard let gap else {
            notice = []
            return
        }
        var last = UInt8(ascii: "\n")
        if gap.lowerBound > 0 { _ = pread(file.number, &last, 1, off_t(gap.lowerBound - 1)) }
        let line = "[... \(readableSize(gap.upperBound - gap.lowerBound)) left out ...]\n"
        notice = (last == UInt8(ascii: "\n") ? [] : [UInt8(ascii: "\n")]) + Array(line.utf8)
    }

    var size: Int64 { gap.map { written - ($0.upperBound - $0.lowerBound) + Int64(notice.count) } ?? written }

    /// All from this byte of what is to be shown.
    func read(from start: Int64, _ file: borrowing Descriptor) throws(SystemError) -> [UInt8] {
        guard let gap else { return try Content.read(start..<written, file) }
        let noticeEnd = gap.lowerBound + Int64(notice.count)
        let tail = max(0, start - noticeEnd) + gap.upperBound
        let head = try Content.read(min(start, gap.lowerBound)..<gap.lowerBound, file)
        let middle = notice.dropFirst(Int(max(0, min(noticeEnd, start) - gap.lowerBound)))
        return head + middle + (try Content.read(tail..<max(tail, written), file))
    }

    private static func read(_ range: Range<Int64>, _ file: borrowing Descriptor) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        let number = file.number
        let count = bytes.withUnsafeMutableBytes { buffer in
            retryingOnInterrupt { pread(number, buffer.baseAddress, buffer.count, off_t(range.lowerBound)) }
        }
        guard count >= 0 else { throw SystemError("pread", "log") }
        // It may have become shorter.
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Writes all that is to be shown into another file.
    func copy(_ file: borrowing Descriptor, to copy: borrowing Descriptor) throws(SystemError) {
        guard let gap else { return try Content.send(0..<written, of: file, to: copy) }
        try Content.send(0..<gap.lowerBound, of: file, to: copy)
        try copy.write(notice)
        let tail = Int64(lseek(copy.number, 0, SEEK_CUR))
        try Content.send(gap.upperBound..<written, of: file, to: copy)
        // The gap may have grown while it was copied, and the length is promised: dots for what reads as NULs.
        let grown = (file.firstHole(before: written)?.upperBound ?? 0) - gap.upperBound
        guard grown > 0 else { return }
        guard lseek(copy.number, off_t(tail), SEEK_SET) >= 0 else { throw SystemError("lseek", "log") }
        let line = [UInt8](repeating: UInt8(ascii: "."), count: 79) + [UInt8(ascii: "\n")]
        for start in stride(from: 0, to: grown, by: line.count) {
            try copy.write(line.prefix(Int(min(grown - start, Int64(line.count)))))
        }
    }

    private static func send(
        _ range: Range<Int64>, of file: borrowing Descriptor, to copy: borrowing Descriptor
    ) throws(SystemError) {
        var offset = off_t(range.lowerBound)
        let (source, target) = (file.number, copy.number)
        while offset < range.upperBound {
            let rest = Int(range.upperBound) - offset
            let count = retryingOnInterrupt { sendfile(target, source, &offset, rest) }
            guard count > 0 else { throw SystemError("sendfile", "log", code: count == 0 ? ENODATA : errno) }
        }
    }
}
