internal import Linux

extension OutputFile {
    /// Its path as a text, by which ``Outbox/file(_:of:)`` finds it again; `nil` when a form's list could not tell it as it is.
    public var name: String? {
        let bytes = FileName(segments.joined(separator: "/".utf8))
        guard let name = String(validating: bytes, as: UTF8.self), Outbox.canBeTold(name) else { return nil }
        return name
    }
}

extension Outbox {
    /// An output file by its path below the job's folder: its full path and its size. `nil` unless it is a regular file of
    /// that job, and no link leads to it.
    public func file(_ name: String, of jobUID: String) -> (path: String, size: Int64)? {
        let segments = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(
            FileName.init)
        guard Self.canBeTold(name), let file = open(jobUID, segments) else { return nil }
        return (String(decoding: file.path, as: UTF8.self), file.size)
    }

    /// Line breaks part the items of lists, and what a terminal would obey is told to nobody.
    fileprivate static func canBeTold(_ name: String) -> Bool {
        !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
