public import Linux
internal import Sodium

/// What users type that nobody shall see: a file each in `state_dir/secrets`, which only our own user can read, from the
/// submission until the job is over. The database holds the file's name alone.
public struct Secrets: Sendable {
    private let stateDirectory: String

    /// The folder's name in state_dir.
    static let folder = "secrets"

    public init(stateDirectory: String) { self.stateDirectory = stateDirectory }

    private var root: String { "\(stateDirectory)/\(Self.folder)" }

    /// Keeps a secret; when this returns, it is on the disk.
    ///
    /// - Returns: the name under which it is kept.
    /// - Throws: `SystemError`.
    public func keep(_ text: String) throws(SystemError) -> String {
        let parent = try Descriptor.directory(stateDirectory)
        if try parent.makeDirectory(Self.folder, mode: 0o700) { try parent.sync() }
        let folder = try parent.open(beneath: Self.folder, O_RDONLY | O_DIRECTORY)
        let name = randomBytes(16).hex
        let file = try folder.open(beneath: name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try file.write(text.utf8)
        try file.sync()
        try folder.sync()
        return name
    }

    /// Where a script finds a secret, and what it is; `nil` when it is not there (any more).
    public func find(_ name: String) -> (path: String, text: String)? {
        guard Secrets.isName(name),
            let bytes = try? Descriptor.directory(root).open(beneath: name, O_RDONLY).readAll(limit: Self.longest)
        else { return nil }
        return ("\(root)/\(name)", String(decoding: bytes, as: UTF8.self))
    }

    /// Forgets a secret; does nothing when it is gone already.
    public func forget(_ name: String) {
        guard Secrets.isName(name), let folder = try? Descriptor.directory(root) else { return }
        _ = name.withCString { unlinkat(folder.number, $0, 0) }
    }

    /// Those that were kept before `limit`.
    public func names(keptBefore limit: Instant) throws(SystemError) -> [String] {
        guard access(root, F_OK) == 0 else { return [] }
        let folder = try Descriptor.directory(root)
        var names: [String] = []
        for bytes in try folder.entries() {
            let name = String(decoding: bytes, as: UTF8.self)
            guard Secrets.isName(name), let status = try? folder.open(beneath: name, O_RDONLY).status(),
                Int64(status.st_mtim.tv_sec) * 1000 < limit.milliseconds
            else { continue }
            names.append(name)
        }
        return names
    }

    /// More than any form takes. Bytes.
    private static let longest = 1 << 20

    private static func isName(_ name: String) -> Bool { name.utf8.count == 32 && [UInt8](hex: name) != nil }
}
