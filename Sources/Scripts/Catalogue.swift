public import Linux
public import Settings
internal import Sodium
internal import Synchronization

/// The scripts that users may choose from: every executable regular file of script_dir, except hidden ones.
///
/// A symbolic link to such a file counts as one (admins link scripts from elsewhere). What was read is kept and read again
/// when a file's identity, size or time of change differs: an edit shows at the next request, and in a list of very many
/// scripts within ``freshness``. All threads of a program share one.
public final class Catalogue: Sendable {
    private let directory: String
    private let style: AnnotationStyle
    /// Held for moments only, and never while a disk is waited for.
    private let kept = Mutex(Kept())
    /// Held while the folder is gone through: who wants the list meanwhile waits, and finds it done.
    private let turn = Mutex(())

    private struct Kept {
        var entries: [FileName: Entry] = [:]
        var listing: Listing?
    }

    /// All that was found when the folder was last gone through.
    private struct Listing {
        /// Of all names that may be shown, in their order.
        let entries: [Entry]
        let scripts: [Script]
        /// `nil` when one more name could come or go and not show by it.
        let folder: FileIdentity?
        /// As `millisecondsSinceBoot()` counts.
        var at: Int64
    }

    /// So few files are looked at each time. Of more a list may be as old as ``freshness``, as long as none came or went.
    static let few = 100
    /// Nobody notices an edit later than that. Milliseconds.
    static let freshness: Int64 = 1000

    /// Longest script that is offered; annotations of a longer file would be found too late to be a form. Bytes.
    static let longestScript = 1 << 20

    /// The one that the settings name.
    public convenience init(_ settings: Settings) {
        self.init(directory: settings.scriptDir, style: AnnotationStyle(settings))
    }

    public init(directory: String, style: AnnotationStyle) {
        self.directory = directory
        self.style = style
    }

    /// Why a file of script_dir is not offered to users.
    public struct Problem: Error, Equatable, CustomStringConvertible {
        public let path: String
        /// Where in the file, both from 1, the column in characters; `nil` when it is about the whole file.
        public let place: Place?
        public let reason: String

        public struct Place: Equatable, Sendable {
            public let line: Int
            public let column: Int
        }

        public var description: String { path + (place.map { ":\($0.line):\($0.column)" } ?? "") + ": " + reason }
    }

    /// What is known of a name in the folder.
    private final class Entry: Sendable {
        let name: String
        /// `nil` when what was found may change without a sign of it, so that it has to be looked at each time.
        let identity: FileIdentity?
        /// Of the files beside the script that its annotations name; `nil` for one that was not there.
        let neighbours: [String: FileIdentity?]
        /// `nil` when it is no executable regular file.
        let result: Result<Script, Problem>?

        init(
            _ name: String, _ identity: FileIdentity? = nil, neighbours: [String: FileIdentity?] = [:],
            _ result: Result<Script, Problem>? = nil
        ) {
            (self.name, self.identity, self.neighbours, self.result) = (name, identity, neighbours, result)
        }

        var script: Script? { try? result?.get() }

        /// Whether nothing has changed. That it may be run is not asked again: taking the right away changes the identity.
        func isCurrent(in folder: borrowing Descriptor) -> Bool {
            guard let identity else { return false }
            let folder = folder.number
            return FileIdentity(of: name, in: folder) == identity
                && neighbours.allSatisfy { FileIdentity(of: $0, in: folder) == $1 }
        }
    }

    /// All scripts that are fit to be offered, by name.
    public func scripts() throws -> [Script] {
        try listing().scripts
    }

    /// Full paths of all regular files in it but hidden ones, executable or not.
    public func files() throws -> [String] {
        try Descriptor.directory(directory).entries().compactMap { bytes in
            guard let name = String(validating: bytes, as: UTF8.self), Catalogue.isShowable(name) else { return nil }
            let path = directory + "/" + name
            return FileIdentity(of: path) == nil ? nil : path
        }
    }

    /// What keeps files from being offered, for the admin.
    public func problems() throws -> [Problem] {
        try listing().entries.compactMap { if case .failure(let problem) = $0.result { problem } else { nil } }
    }

    /// The script of this name, if it is offered now.
    public func script(named name: String) -> Script? {
        guard Catalogue.isShowable(name), let folder = try? Descriptor.directory(directory) else { return nil }
        let file = Array(name.utf8)
        let known = kept.withLock { $0.entries[file] }
        if let known, known.isCurrent(in: folder) { return known.script }
        let found = read(name, in: folder)
        kept.withLock { $0.entries[file] = found.result == nil ? nil : found }
        return found.script
    }

    /// A script's bytes and their SHA-256, as they are now; `nil` when it cannot be read any more.
    public func snapshot(of script: Script) -> (content: [UInt8], hash: [UInt8])? {
        guard let content = try? Descriptor.open(script.path, O_RDONLY | O_NONBLOCK).readAll(limit: Self.longestScript)
        else { return nil }
        return (content, SHA256.hash(content))
    }

    /// A file of a script's example; `nil` when the script has no such file, or it is not there.
    public func openExample(_ path: String, of parameter: Parameter, of script: Script) -> Descriptor? {
        guard let example = script.example?.first(where: { $0.parameter == parameter.name }), parameter.type.isFile,
            example.values.contains(where: { $0.utf8.elementsEqual(path.utf8) }),
            let file = try? Descriptor.directory(directory).open(beneath: path, O_RDONLY | O_NONBLOCK),
            let status = try? file.status(), status.st_mode & S_IFMT == S_IFREG
        else { return nil }
        return file
    }

    /// What is in the folder, as it was at most ``freshness`` ago.
    private func listing() throws -> Listing {
        try turn.withLock { _ in
            let (tick, now) = (FileIdentity.tick(), millisecondsSinceBoot())
            let folder = try Descriptor.directory(directory)
            let identity = FileIdentity(try folder.status())
            let before = kept.withLock { $0 }
            let former = before.listing?.folder == identity ? before.listing : nil
            if let former, former.entries.count > Self.few, now - former.at < Self.freshness { return former }
            var entries = try former?.entries ?? names(in: folder, before.entries)
            let isChanged = update(&entries, in: folder)
            if var former, !isChanged {
                former.at = now
                kept.withLock { $0.listing = former }
                return former
            }
            let latest = Listing(
                entries: entries, scripts: entries.compactMap(\.script),
                folder: identity.isOlder(than: tick) ? identity : nil, at: now)
            let byName = Dictionary(uniqueKeysWithValues: entries.map { (Array($0.name.utf8), $0) })
            kept.withLock { $0 = Kept(entries: byName, listing: latest) }
            return latest
        }
    }

    /// All names of the folder that may be shown, each with what is known of it.
    private func names(in folder: borrowing Descriptor, _ known: [FileName: Entry]) throws -> [Entry] {
        try folder.entries().compactMap { file in
            if let entry = known[file] { return entry }
            guard let name = String(validating: file, as: UTF8.self), Self.isShowable(name) else { return nil }
            return Entry(name)
        }
    }

    /// Reads again what is not as it was; says whether there was anything.
    private func update(_ entries: inout [Entry], in folder: borrowing Descriptor) -> Bool {
        var isChanged = false
        for index in entries.indices where !entries[index].isCurrent(in: folder) {
            let found = read(entries[index].name, in: folder)
            // What was no script and is none is no news.
            guard found.result != nil || entries[index].result != nil else { continue }
            entries[index] = found
            isChanged = true
        }
        return isChanged
    }

    private func read(_ name: String, in folder: borrowing Descriptor) -> Entry {
        let tick = FileIdentity.tick()
        guard let identity = FileIdentity(of: name, in: folder.number),
            faccessat(folder.number, name, X_OK, 0) == 0
        else { return Entry(name) }
        let neighbours = Neighbours(directory)
        let path = directory + "/" + name
        let result: Result<Script, Problem>
        var isSettled = identity.isOlder(than: tick)
        do {
            let text = try Descriptor.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: Self.longestScript)
            let annotations = try Annotations(of: text, style: style, neighbours: neighbours)
            result = .success(Script(name: name, path: path, annotations))
        } catch let error as SystemError where error.code == EFBIG {
            result = .failure(Problem(path: path, place: nil, reason: "is longer than \(Self.longestScript) bytes"))
        } catch let problem as AnnotationProblem {
            let place = Problem.Place(line: problem.line, column: problem.column)
            result = .failure(Problem(path: path, place: place, reason: problem.reason))
        } catch {
            // It may be readable the next time: there was no descriptor to be had, or the disk failed.
            isSettled = false
            result = .failure(Problem(path: path, place: nil, reason: "cannot be read: \(error)"))
        }
        // One more edit within the step of the last one would show by nothing.
        isSettled = isSettled && neighbours.read.values.allSatisfy { $0?.isOlder(than: tick) ?? true }
        return Entry(name, isSettled ? identity : nil, neighbours: neighbours.read, result)
    }

    /// Hidden files are nobody's script, and a name with control characters cannot be shown truthfully.
    private static func isShowable(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.first != UInt8(ascii: ".") && !name.utf8.contains(UInt8(ascii: "/"))
            && !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
