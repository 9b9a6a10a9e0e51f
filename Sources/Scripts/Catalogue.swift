public import Linux
public import Settings
internal import Sodium

/// The scripts that users may choose from: every executable regular file of script_dir, except hidden ones.
///
/// A symbolic link to such a file counts as one (admins link scripts from elsewhere). What was read is kept and read again
/// when a file's identity, size or time of change differs, so an edit shows at the next request.
public final class Catalogue {
    private let directory: String
    private let style: AnnotationStyle
    private var known: [String: Entry] = [:]
    private var listing: Listing?

    /// All that was found when the folder was last gone through.
    private struct Listing {
        let results: [Result<Script, Problem>]
        let folder: FileIdentity
        /// As `millisecondsSinceBoot()` counts.
        let at: Int64
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

    private struct Entry {
        let identity: FileIdentity
        /// Of the files beside the script that its annotations name; `nil` for one that was not there.
        let neighbours: [String: FileIdentity?]
        let result: Result<Script, Problem>
    }

    /// All scripts that are fit to be offered, by name.
    public func scripts() throws -> [Script] {
        try readDirectory().compactMap { try? $0.get() }
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
        try readDirectory().compactMap { if case .failure(let problem) = $0 { problem } else { nil } }
    }

    /// The script of this name, if it is offered now.
    public func script(named name: String) -> Script? {
        guard Catalogue.isShowable(name) else { return nil }
        return try? entry(name)?.result.get()
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

    private func readDirectory() throws -> [Result<Script, Problem>] {
        let now = millisecondsSinceBoot()
        var tick = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &tick)
        let folder = FileIdentity(ofFolder: directory)
        if let listing, listing.folder == folder, now - listing.at < Self.freshness { return listing.results }
        listing = nil
        var results: [(name: String, result: Result<Script, Problem>)] = []
        for bytes in try Descriptor.directory(directory).entries() {
            guard let name = String(validating: bytes, as: UTF8.self), Catalogue.isShowable(name),
                let found = entry(name)
            else { continue }
            results.append((name, found.result))
        }
        let names = Set(results.map(\.name))
        known = known.filter { names.contains($0.key) }
        let all = results.map(\.result)
        // What comes within the step of the clock that files are told by would not show.
        if let folder, all.count > Self.few, folder.isOlder(than: tick) {
            listing = Listing(results: all, folder: folder, at: now)
        }
        return all
    }

    /// What is known of this file, read anew if it changed; `nil` when it is no executable regular file.
    private func entry(_ name: String) -> Entry? {
        let path = directory + "/" + name
        // The clock that file systems put on files: it moves in steps of some milliseconds.
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        guard let identity = FileIdentity(of: path), access(path, X_OK) == 0 else {
            known[name] = nil
            return nil
        }
        if let entry = known[name], entry.identity == identity,
            entry.neighbours.allSatisfy({ FileIdentity(of: directory + "/" + $0) == $1 })
        {
            return entry
        }
        let neighbours = Neighbours(directory)
        let result = read(name, path, neighbours)
        let entry = Entry(identity: identity, neighbours: neighbours.read, result: result)
        // One more edit within the step of the last one would show by nothing, so what is that new is not kept.
        let isSettled =
            identity.isOlder(than: now) && neighbours.read.values.allSatisfy { $0?.isOlder(than: now) ?? true }
        known[name] = isSettled ? entry : nil
        return entry
    }

    private func read(_ name: String, _ path: String, _ neighbours: Neighbours) -> Result<Script, Problem> {
        do {
            let text = try Descriptor.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: Self.longestScript)
            let annotations = try Annotations(of: text, style: style, neighbours: neighbours)
            return .success(
                Script(name: name, path: path, annotations))
        } catch let error as SystemError where error.code == EFBIG {
            return .failure(Problem(path: path, place: nil, reason: "is longer than \(Self.longestScript) bytes"))
        } catch let problem as AnnotationProblem {
            return .failure(
                Problem(
                    path: path, place: Problem.Place(line: problem.line, column: problem.column), reason: problem.reason
                ))
        } catch {
            return .failure(Problem(path: path, place: nil, reason: "cannot be read: \(error)"))
        }
    }

    /// Hidden files are nobody's script, and a name with control characters cannot be shown truthfully.
    private static func isShowable(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.first != UInt8(ascii: ".") && !name.utf8.contains(UInt8(ascii: "/"))
            && !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
