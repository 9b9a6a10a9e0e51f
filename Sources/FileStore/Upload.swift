internal import Linux
internal import Sodium
internal import Storage

/// A file that is coming in. Its bytes go straight to the disk; unless it is finished, nothing of it remains.
public final class Upload {
    let name: String
    let owner: UserID
    /// In the inbox's folder of unfinished files.
    let temporaryName: String
    private let folder: Descriptor
    private let file: Descriptor
    private var sum = SHA256()
    private let allowance: Int64
    /// Bytes so far.
    public private(set) var size: Int64 = 0
    private var isKept = false

    /// Why a file is not taken.
    public struct Refusal: Error, Equatable, Sendable {
        /// For the form.
        public let sentence: String
    }

    init(name: String, owner: UserID, in folder: consuming Descriptor, allowance: Int64) throws {
        self.name = name
        self.owner = owner
        self.allowance = allowance
        temporaryName = randomBytes(16).hex
        file = try folder.open(beneath: temporaryName, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        self.folder = folder
    }

    deinit {
        if !isKept { _ = unlinkat(folder.number, temporaryName, 0) }
    }

    /// Adds bytes.
    ///
    /// - Throws: ``Refusal`` when the file is larger than allowed or the disk is full; `SystemError`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        size += Int64(bytes.count)
        guard size <= allowance else {
            throw Refusal(sentence: "\(name) is too large: there is room for \(allowance) bytes.")
        }
        do throws(SystemError) {
            try file.write(bytes)
        } catch {
            guard error.code == ENOSPC || error.code == EDQUOT else { throw error }
            throw Refusal(
                sentence: "There is no room left on the server's disk. Nothing was kept; please tell the admin.")
        }
        sum.update(bytes)
    }

    /// Makes the bytes durable and moves the file to where it stays.
    func settle(in place: borrowing Descriptor) throws -> [UInt8] {
        try file.sync()
        try folder.rename(Array(temporaryName.utf8), to: place, as: Array(name.utf8))
        isKept = true
        try place.sync()
        return sum.finish()
    }
}
