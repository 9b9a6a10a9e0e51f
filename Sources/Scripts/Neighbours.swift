internal import Linux

/// The files beside a script that its annotations may name.
final class Neighbours {
    /// Where the script lies.
    private let directory: String
    /// What was asked for, by name, as it was just before it was read; `nil` for what was not there.
    private(set) var read: [String: FileIdentity?] = [:]
    /// What several parameters ask for is read once.
    private var lists: [String: Result<[ValueType.Choice], Problem>] = [:]

    init(_ directory: String) { self.directory = directory }

    /// Why a file cannot be used, without a full stop.
    struct Problem: Error {
        let reason: String
    }

    /// Longer ones are data, and no choices. Bytes.
    private static let longestFile = 1 << 18

    /// The choices that a file lists: a value in each line, or a value, a tab and a label. Empty lines, and those that begin
    /// with `#`, are passed over.
    func choices(in name: String) -> Result<[ValueType.Choice], Problem> {
        if let list = lists[name] { return list }
        let list = readChoices(in: name)
        lists[name] = list
        return list
    }

    private func readChoices(in name: String) -> Result<[ValueType.Choice], Problem> {
        guard !name.utf8.contains(UInt8(ascii: "/")), name.utf8.first != UInt8(ascii: ".") else {
            return .failure(
                Problem(reason: "the file of the choices lies beside the script, and is not hidden: \(name)"))
        }
        read[name] = .some(FileIdentity(of: directory + "/" + name))
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Descriptor.directory(directory).open(beneath: name, O_RDONLY | O_NONBLOCK)
                .readAll(limit: Self.longestFile)
        } catch {
            let reason =
                error.code == EFBIG ? "has more than \(Self.longestFile) bytes" : "cannot be read: \(error.reason)"
            return .failure(Problem(reason: "\(name) \(reason)"))
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(Problem(reason: "\(name) is no UTF-8"))
        }
        var choices: [ValueType.Choice] = []
        var values: Set<String> = []
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            let parts = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1, omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            guard parts.allSatisfy(Neighbours.canBeChosen) else {
                return .failure(
                    Problem(
                        reason: "line \(index + 1) of \(name) is no choice: "
                            + "it has 1 to \(TypeParser.longestChoice) bytes and no control characters"))
            }
            guard values.insert(parts[0]).inserted else {
                return .failure(Problem(reason: "line \(index + 1) of \(name) repeats \(parts[0])"))
            }
            guard choices.count < TypeParser.mostChoices else {
                return .failure(Problem(reason: "\(name) lists more than \(TypeParser.mostChoices) choices"))
            }
            choices.append(ValueType.Choice(value: parts[0], label: parts.last ?? parts[0]))
        }
        guard !choices.isEmpty else { return .failure(Problem(reason: "\(name) lists no choices")) }
        return .success(choices)
    }

    /// Fit for a form, and for one line.
    static func canBeChosen(_ text: String) -> Bool {
        (1...TypeParser.longestChoice).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0 != "\t" && $0 != "\n" && Parameter.canBeShown($0) }
    }
}
