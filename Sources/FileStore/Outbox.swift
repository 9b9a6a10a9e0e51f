public import Linux

/// A file that a job has left.
public struct OutputFile: Sendable, Equatable {
    /// Its path below the job's folder: a name, or folders and a name. Bytes, because scripts may write any.
    public let segments: [FileName]
    /// Bytes.
    public let size: Int64

    /// For people; what is no UTF-8 has stand-ins.
    public var displayName: String {
        segments.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }
}

/// An output file, open.
public struct OpenOutput: ~Copyable {
    private let file: Descriptor
    /// Bytes.
    public let size: Int64
    /// Its full path, for a web server that sends it itself.
    public let path: FileName

    init(file: consuming Descriptor, size: Int64, path: FileName) {
        self.file = file
        self.size = size
        self.path = path
    }

    /// The beginning of the file; `nil` when it cannot be read.
    public borrowing func read(limit: Int) -> [UInt8]? { try? file.readAll(limit: limit) }

    /// Gives the open file away.
    public consuming func release() -> Descriptor { file }
}

/// The output folders, one for each job: `outbox_dir/JOB-UID`.
///
/// Only regular files count: what is a link, a pipe or has a second name elsewhere is not shown and not sent.
public struct Outbox: Sendable {
    let root: String

    /// More files than this are better packed by the script. What is beyond is not listed.
    public static let mostFiles = 1000
    /// Deeper folders are not looked into.
    static let deepest = 8

    public init(root: String) { self.root = root }

    /// Makes a job's folder, empty: what an earlier attempt left there is deleted first.
    ///
    /// The web server's group may look in (mode 2750), because it sends the downloads.
    public func make(_ jobUID: String) throws(SystemError) -> String {
        try Descriptor.directory(root).remove(Array(jobUID.utf8))
        try makeFirst(jobUID)
        return path(jobUID)
    }

    /// The same for a job that nobody has begun before: what is there stays.
    public func makeFirst(_ jobUID: String) throws(SystemError) {
        let outbox = try Descriptor.directory(root)
        try outbox.makeDirectory(jobUID, mode: 0o750)
        let folder = try outbox.open(beneath: jobUID, O_RDONLY | O_DIRECTORY)
        guard fchmod(folder.number, 0o2750) == 0 else { throw SystemError("fchmod", jobUID) }
        try outbox.sync()
    }

    /// The full path of a job's folder.
    public func path(_ jobUID: String) -> String { "\(root)/\(jobUID)" }

    /// What a job has left, sorted by path, and whether there is more than can be listed.
    public func outputs(of jobUID: String) throws(SystemError) -> (files: [OutputFile], isPartial: Bool) {
        guard let folder = try? Descriptor.directory(root).open(beneath: jobUID, O_RDONLY | O_DIRECTORY)
        else { return ([], false) }
        var files: [OutputFile] = []
        let isWhole = try collect(folder, [], into: &files)
        return (files, !isWhole)
    }

    /// Opens one output file to send it; `nil` unless it is a regular file of this job, called as ``outputs(of:)`` calls it.
    public func open(_ jobUID: String, _ segments: [FileName]) -> OpenOutput? {
        guard !segments.isEmpty, segments.allSatisfy(Outbox.isName) else { return nil }
        let relative = FileName(segments.joined(separator: "/".utf8))
        guard let folder = try? Descriptor.directory(root).open(beneath: jobUID, O_RDONLY | O_DIRECTORY),
            let file = try? folder.open(beneath: relative, O_RDONLY | O_NONBLOCK | O_NOCTTY),
            let status = try? file.status(), Outbox.isOutput(status)
        else { return nil }
        return OpenOutput(
            file: file, size: Int64(status.st_size), path: FileName("\(path(jobUID))/".utf8) + relative)
    }

    /// Deletes a job's folder. What is gone already is fine.
    public func remove(_ jobUID: String) throws(SystemError) {
        try Descriptor.directory(root).remove(Array(jobUID.utf8))
    }

    /// Whether it is the name of one entry of a folder, and no path. What the kernel would read as another name (`a/../b`,
    /// or up to a NUL) would reach the web server as it is written, which may read it in yet another way.
    private static func isName(_ segment: FileName) -> Bool {
        !segment.isEmpty && segment != Array(".".utf8) && segment != Array("..".utf8)
            && !segment.contains(UInt8(ascii: "/")) && !segment.contains(0)
    }

    /// A second name of the same file could be somebody else's file that the script linked here.
    private static func isOutput(_ status: stat) -> Bool {
        status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
    }

    /// Adds the files below `folder`; `false` when not all of them could be.
    private func collect(
        _ folder: borrowing Descriptor, _ above: [FileName], into files: inout [OutputFile]
    ) throws(SystemError) -> Bool {
        var isWhole = true
        for name in try folder.entries() {
            guard files.count < Self.mostFiles else { return false }
            let number = folder.number
            var status = stat()
            guard name.terminated({ fstatat(number, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { continue }
            if Outbox.isOutput(status) {
                files.append(OutputFile(segments: above + [name], size: Int64(status.st_size)))
            } else if status.st_mode & S_IFMT == S_IFDIR {
                guard above.count < Self.deepest, let child = try? folder.open(beneath: name, O_RDONLY | O_DIRECTORY)
                else {
                    isWhole = false
                    continue
                }
                isWhole = try collect(child, above + [name], into: &files) && isWhole
            }
        }
        return isWhole
    }
}
