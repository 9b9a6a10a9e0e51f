internal import Linux
internal import Sodium

/// The scripts that users may choose from: every executable regular file of script_dir, except hidden ones.
///
/// A symbolic link to such a file counts as one (admins link scripts from elsewhere). What was read is kept and read again
/// when a file's identity, size or time of change differs, so an edit shows at the next request.
public final class Catalogue {
    private let directory: String
    private let style: AnnotationStyle
    private var known: [String: Entry] = [:]

    /// Longest script that is offered; annotations of a longer file would be found too late to be a form. Bytes.
    static let longestScript = 1 << 20

    public init(directory: String, style: AnnotationStyle) {
        self.directory = directory
        self.style = style
    }

    /// Why a file of script_dir is not offered to users.
    public struct Problem: Error, Equatable, CustomStringConvertible {
        public let path: String
        /// `nil` when it is about the whole file.
        public let line: Int?
        public let reason: String

        public var description: String { path + (line.map { ":\($0)" } ?? "") + ": " + reason }
    }

    /// What tells one state of a file from another.
    private struct Identity: Equatable {
        let device: UInt
        let inode: UInt
        let size: Int
        let changed: timespec
        static func == (left: Identity, right: Identity) -> Bool {
            left.device == right.device && left.inode == right.inode && left.size == right.size
                && left.changed.tv_sec == right.changed.tv_sec && left.changed.tv_nsec == right.changed.tv_nsec
        }
    }

    private struct Entry {
        let identity: Identity
        let result: Result<Script, Problem>
    }

    /// All scripts that are fit to be offered, by name.
    public func scripts() throws -> [Script] {
        try readDirectory().compactMap { try? $0.get() }
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

    private func readDirectory() throws -> [Result<Script, Problem>] {
        var results: [(name: String, result: Result<Script, Problem>)] = []
        for bytes in try Descriptor.directory(directory).entries() {
            guard let name = String(validating: bytes, as: UTF8.self), Catalogue.isShowable(name),
                let found = entry(name)
            else { continue }
            results.append((name, found.result))
        }
        known = known.filter { name, _ in results.contains { $0.name == name } }
        return results.map(\.result)
    }

    /// What is known of this file, read anew if it changed; `nil` when it is no executable regular file.
    private func entry(_ name: String) -> Entry? {
        let path = directory + "/" + name
        // The clock that file systems put on files: it moves in steps of some milliseconds.
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else {
            known[name] = nil
            return nil
        }
        let identity = Identity(
            device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size), changed: status.st_ctim)
        if let entry = known[name], entry.identity == identity { return entry }
        let entry = Entry(identity: identity, result: read(name, path))
        // One more edit within the step of the last one would show by nothing, so what is that new is not kept.
        let changed = status.st_ctim
        let isSettled = (changed.tv_sec, changed.tv_nsec) < (now.tv_sec, now.tv_nsec)
        known[name] = isSettled ? entry : nil
        return entry
    }

    private func read(_ name: String, _ path: String) -> Result<Script, Problem> {
        do {
            let text = try Descriptor.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: Self.longestScript)
            let annotations = try Annotations(of: text, style: style)
            return .success(
                Script(
                    name: name, path: path, about: annotations.about, parameters: annotations.parameters,
                    terms: annotations.terms))
        } catch let error as SystemError where error.code == EFBIG {
            return .failure(Problem(path: path, line: nil, reason: "is longer than \(Self.longestScript) bytes"))
        } catch let problem as AnnotationProblem {
            return .failure(Problem(path: path, line: problem.line, reason: problem.reason))
        } catch {
            return .failure(Problem(path: path, line: nil, reason: "cannot be read: \(error)"))
        }
    }

    /// Hidden files are nobody's script, and a name with control characters cannot be shown truthfully.
    private static func isShowable(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.first != UInt8(ascii: ".") && !name.utf8.contains(UInt8(ascii: "/"))
            && !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
