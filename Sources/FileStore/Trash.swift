public import Linux

/// Where the folders of one root that are to go wait for it: the root's own `.trash`, which a rename reaches.
///
/// What is to go is moved here, then its rows are deleted, then the folder itself. So wherever that is broken off, a
/// folder in the trash either has its rows still, or nobody needs it any more.
public struct Trash<Name: FolderName>: Sendable {
    let root: String

    private static var trash: String { ".trash" }

    /// Moves a folder here. Says `false` when it is not in its place.
    @discardableResult
    public func take(_ name: Name) throws(SystemError) -> Bool {
        let root = try Descriptor.directory(root)
        // Nobody but us may look in, least of all the web server into what it could see before.
        try root.makeDirectory(Self.trash, mode: 0o700)
        let trash = try root.open(beneath: Self.trash, O_RDONLY | O_DIRECTORY)
        let (folder, last) = split(name.path)
        do throws(SystemError) {
            try root.open(beneath: folder, O_RDONLY | O_DIRECTORY)
                .rename(last, to: trash, as: FileName(name.nameInTrash.utf8))
            return true
        } catch {
            guard error.code == ENOENT else { throw error }
            return false
        }
    }

    /// Moves a folder from here to its place again. Says `false` when there is one in its place.
    public func putBack(_ name: Name) throws(SystemError) -> Bool {
        let root = try Descriptor.directory(root)
        let trash = try root.open(beneath: Self.trash, O_RDONLY | O_DIRECTORY)
        let (folder, last) = split(name.path)
        let place = try root.open(beneath: folder, O_RDONLY | O_DIRECTORY)
        let failed = FileName(name.nameInTrash.utf8).terminated { old in
            last.terminated { renameat2(trash.number, old, place.number, $0, UInt32(RENAME_NOREPLACE)) }
        }
        if failed == 0 { return true }
        guard errno == EEXIST else { throw SystemError("renameat2", name.path) }
        return false
    }

    /// The folders that are here.
    public func folders() throws(SystemError) -> [Name] {
        guard let trash = try open() else { return [] }
        var names: [Name] = []
        for bytes in try trash.entries() {
            if let text = String(validating: bytes, as: UTF8.self), let name = Name(nameInTrash: text) {
                names.append(name)
            }
        }
        return names
    }

    /// Deletes a folder that is here for good; what is gone already is fine. Returns the bytes that became free.
    @discardableResult
    public func erase(_ name: Name) throws(SystemError) -> Int64 {
        guard let trash = try open() else { return 0 }
        return try trash.remove(FileName(name.nameInTrash.utf8))
    }

    /// Whether a folder is in its place.
    public func isInPlace(_ name: Name) -> Bool {
        let (folder, last) = split(name.path)
        guard let place = try? Descriptor.directory(root).open(beneath: folder, O_RDONLY | O_DIRECTORY)
        else { return false }
        return place.status(of: last) != nil
    }

    /// The bytes of disk that a folder takes in its place.
    public func sizeInPlace(of name: Name) -> Int64 {
        let (folder, last) = split(name.path)
        guard let place = try? Descriptor.directory(root).open(beneath: folder, O_RDONLY | O_DIRECTORY)
        else { return 0 }
        return place.allocated(last)
    }

    /// The bytes of disk that a folder takes here.
    public func size(of name: Name) -> Int64 {
        guard let trash = try? open() else { return 0 }
        return trash.allocated(FileName(name.nameInTrash.utf8))
    }

    /// `nil` when nothing was ever moved here.
    private func open() throws(SystemError) -> Descriptor? {
        do throws(SystemError) {
            return try Descriptor.open("\(root)/\(Self.trash)", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    private func split(_ path: String) -> (folder: String, last: FileName) {
        guard let slash = path.lastIndex(of: "/") else { return (".", FileName(path.utf8)) }
        return (String(path[..<slash]), FileName(path[path.index(after: slash)...].utf8))
    }
}
