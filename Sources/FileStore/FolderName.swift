internal import Linux
public import Storage

/// Which folder of ours it is, as its name tells. What has no such name is not ours and is left alone.
public protocol FolderName: Hashable, Sendable, CustomStringConvertible {
    /// Where the folder lies below its root.
    var path: String { get }
    /// Its name in the root's trash, from which the folder is known again. The description is the same.
    var nameInTrash: String { get }
    /// `nil` when no folder of this kind is called so in the trash.
    init?(nameInTrash: String)
}

extension FolderName {
    public var description: String { nameInTrash }
}

/// The outputs of a job: `outbox_dir/JOB-UID`.
public struct OutputFolder: FolderName {
    public let jobUID: String

    public init(jobUID: String) { self.jobUID = jobUID }

    public var path: String { jobUID }
    public var nameInTrash: String { jobUID }
    public init?(nameInTrash name: String) {
        guard isUID(name) else { return nil }
        self.init(jobUID: name)
    }
}

/// What supervisors keep of an attempt: `state_dir/attempts/JOB-UID.NUMBER`.
public struct AttemptFolder: FolderName {
    public let jobUID: String
    /// From 1.
    public let number: Int

    public init(jobUID: String, number: Int) {
        self.jobUID = jobUID
        self.number = number
    }

    public var path: String { "\(jobUID).\(number)" }
    public var nameInTrash: String { path }
    public init?(nameInTrash name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, isUID(parts[0]), let number = Int(parts[1]), number > 0, String(number) == parts[1]
        else { return nil }
        self.init(jobUID: String(parts[0]), number: number)
    }
}

/// An uploaded file's own folder: `inbox_dir/USER-NUMBER/UID`.
public struct InputFolder: FolderName {
    public let owner: UserID
    public let uid: String

    public init(owner: UserID, uid: String) {
        self.owner = owner
        self.uid = uid
    }

    public var path: String { "\(owner)/\(uid)" }
    public var nameInTrash: String { "\(owner).\(uid)" }
    public init?(nameInTrash name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let owner = UserID(text: parts[0]), isUID(parts[1]) else { return nil }
        self.init(owner: owner, uid: String(parts[1]))
    }
}

/// Whether a name is one that we draw for a folder or an unfinished upload: 32 lower-case hexadecimal digits.
func isUID(_ name: some StringProtocol) -> Bool {
    name.utf8.count == 32
        && name.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
}

extension Descriptor {
    /// The names of ours in this directory, sorted, of folders that nobody changed after `limit`.
    borrowing func folders<Name>(unchangedSince limit: Instant, _ known: (String) -> Name?) throws(SystemError)
        -> [Name]
    {
        var folders: [Name] = []
        for bytes in try entries() {
            guard let text = String(validating: bytes, as: UTF8.self), let name = known(text),
                let status = status(of: bytes), status.isFolder, status.changedAt <= limit
            else { continue }
            folders.append(name)
        }
        return folders
    }
}
