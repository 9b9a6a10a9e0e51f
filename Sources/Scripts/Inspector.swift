internal import Linux

/// Looks at a script as its author would like to be told: what keeps it from being offered, and what may not be meant.
public struct Inspector {
    private let style: AnnotationStyle

    public init(style: AnnotationStyle) { self.style = style }

    /// What was found.
    public struct Finding: Sendable {
        /// `nil` when it would not be offered.
        public let script: Script?
        public let remarks: [Remark]
    }

    /// Something to tell, as compilers say it.
    public struct Remark: Sendable, Equatable, CustomStringConvertible {
        public let path: String
        /// `nil` when it is about the whole file.
        public let place: Catalogue.Problem.Place?
        /// It keeps the script from being offered.
        public let isError: Bool
        public let text: String

        public var description: String {
            "\(path)\(place.map { ":\($0.line):\($0.column)" } ?? ""): \(isError ? "error" : "warning"): \(text)"
        }
    }

    /// Looks at a file, wherever it lies.
    public func inspect(_ path: String) -> Finding {
        let name = name(of: path)
        let folder = name == path ? "." : parent(of: path)
        var remarks = Remarks(path)
        let text: [UInt8]
        do throws(SystemError) {
            text = try Descriptor.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: Catalogue.longestScript)
        } catch {
            remarks.refuse(
                error.code == EFBIG
                    ? "is longer than \(Catalogue.longestScript) bytes" : "cannot be read: \(error.reason)")
            return Finding(script: nil, remarks: remarks.all)
        }
        if access(path, X_OK) != 0 { remarks.warn("is not executable, so it is not offered: chmod 755 \(name)") }
        lookAtInterpreter(text, &remarks)
        do throws(AnnotationProblem) {
            let annotations = try Annotations(of: text, style: style, neighbours: Neighbours(folder))
            lookAtLines(text, syntax: annotations.syntax, &remarks)
            let script = Script(name: name, path: path, annotations)
            lookAtExample(script, folder, &remarks)
            return Finding(script: script, remarks: remarks.all)
        } catch {
            remarks.refuse(error.reason, at: error.line, error.column)
            return Finding(script: nil, remarks: remarks.all)
        }
    }

    private struct Remarks {
        let path: String
        private(set) var all: [Remark] = []

        init(_ path: String) { self.path = path }

        mutating func refuse(_ text: String, at line: Int? = nil, _ column: Int = 1) {
            all.append(
                Remark(path: path, place: line.map { .init(line: $0, column: column) }, isError: true, text: text))
        }

        mutating func warn(_ text: String, at line: Int? = nil, _ column: Int = 1) {
            all.append(
                Remark(
                    path: path, place: line.map { .init(line: $0, column: column) }, isError: false,
                    text: text.withoutControls))
        }
    }

    // MARK: How it would be started

    private func lookAtInterpreter(_ text: [UInt8], _ remarks: inout Remarks) {
        let line = text.prefix { $0 != UInt8(ascii: "\n") }
        guard line.starts(with: "#!".utf8) else {
            // A program of the machine is no text.
            if !text.starts(with: [0x7F] + "ELF".utf8) {
                remarks.warn("cannot be started: its first line is no #! line, such as #!/bin/bash", at: 1)
            }
            return
        }
        guard line.last != UInt8(ascii: "\r") else {
            remarks.warn("cannot be started: its lines end as on Windows; run: sed -i 's/\\r$//' FILE", at: 1)
            return
        }
        let words = line.dropFirst(2).split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map(\.text)
        guard let program = words.first else {
            remarks.warn("cannot be started: its first line names no program", at: 1)
            return
        }
        if access(program, X_OK) != 0 {
            remarks.warn("cannot be started: \(program): \(String(cString: strerror(errno)))", at: 1, 3)
        } else if program.hasSuffix("/env"),
            let name = words.dropFirst().first(where: { !$0.hasPrefix("-") && !$0.contains("=") }),
            !name.contains("/"), !Handover.programFolders.contains(where: { access("\($0)/\(name)", X_OK) == 0 })
        {
            remarks.warn("cannot be started: \(name) is in none of the folders where jobs find programs", at: 1, 3)
        }
    }

    // MARK: What may not be meant

    private func lookAtLines(_ text: [UInt8], syntax: Int, _ remarks: inout Remarks) {
        let prefix = Array(style.docPrefix.utf8)
        var isAtTop = true
        for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard line.starts(with: prefix) else {
                isAtTop = isAtTop && Annotations.isComment(line, like: prefix)
                continue
            }
            var scanner = LineScanner(Array(line), line: index + 1, from: prefix.count)
            scanner.skipBlanks()
            if scanner.isAtEnd { continue }
            if String(validating: line, as: UTF8.self) == nil {
                remarks.warn("is no UTF-8, and is shown with stand-ins", at: index + 1)
            }
            if syntax >= 2 {
                if !isAtTop {
                    remarks.warn(
                        "is not read: with @syntax 2 all lines stand in the comments at the top", at: index + 1,
                        scanner.column)
                }
            } else if let (reason, column) = Inspector.doubt(scanner) {
                remarks.warn(reason, at: index + 1, column)
            }
        }
    }

    /// What an author of the original form may not have meant.
    private static func doubt(_ scanner: LineScanner) -> (String, column: Int)? {
        var scanner = scanner
        let start = scanner.column
        if scanner.next == UInt8(ascii: "@") {
            let keyword = scanner.take { !LineScanner.isBlank($0) }
            if TermLines.keywords.contains(keyword) { return nil }
            if keyword == "@syntax" { return ("is passed over: @syntax 2 comes before all other lines", start) }
            return ("\(keyword) is passed over: it wants @syntax 2", start)
        }
        let content = Array(scanner.takeRest().utf8)
        let spaced = content.indices.first { content[$0...].starts(with: " - ".utf8) }
        let head = content[..<(spaced ?? content.endIndex)]
        if let bracket = head.firstIndex(of: UInt8(ascii: "[")), bracket > 0 {
            let word = head[(bracket + 1)...].drop { LineScanner.isBlank($0) }
                .prefix { ValueType.isLetter($0) }.text
            if TypeParser.words.contains(word) {
                return (
                    "[\(word) …] has no meaning here: it wants @syntax 2",
                    start + head[..<bracket].text.unicodeScalars.count
                )
            }
        }
        let last = content.suffix(2).elementsEqual(" -".utf8)
        if spaced == nil, !last, let dash = content.firstIndex(of: UInt8(ascii: "-")) {
            let name = content[..<dash].text.trimmingBlanks
            return (
                "describes a parameter called \(name), because of its dash; write \" - \" where that is meant, and no dash "
                    + "where it is not", start + content[..<dash].text.unicodeScalars.count
            )
        }
        return nil
    }

    private func lookAtExample(_ script: Script, _ folder: String, _ remarks: inout Remarks) {
        for example in script.example ?? [] {
            guard script.parameters.contains(where: { $0.name == example.parameter && $0.type.isFile }) else {
                continue
            }
            for file in example.values where FileIdentity(of: "\(folder)/\(file)") == nil {
                remarks.warn("the example's file \(file) is not there")
            }
        }
    }
}
