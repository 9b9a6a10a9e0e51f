public import Linux

extension Outbox {
    /// Where outputs go to be deleted.
    public var trash: Trash<OutputFolder> { Trash(root: root) }

    /// Folders in which nothing came or went after `limit`. (What happens in folders below does not count.)
    public func folders(unchangedSince limit: Instant) throws(SystemError) -> [OutputFolder] {
        try Descriptor.directory(root).folders(unchangedSince: limit, OutputFolder.init(nameInTrash:))
    }
}
