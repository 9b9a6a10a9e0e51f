public import Settings

/// How annotations begin and how names tell files from texts: the three prefixes of the settings.
public struct AnnotationStyle: Sendable, Equatable {
    public let docPrefix: String
    public let inputPrefix: String
    public let outputPrefix: String

    public init(docPrefix: String = "##~~", inputPrefix: String = "input", outputPrefix: String = "output") {
        self.docPrefix = docPrefix
        self.inputPrefix = inputPrefix
        self.outputPrefix = outputPrefix
    }

    public init(_ settings: Settings) {
        self.init(
            docPrefix: settings.scriptDocPrefix, inputPrefix: settings.inputParamPrefix,
            outputPrefix: settings.outputParamPrefix)
    }
}

/// What a script's comments say.
///
/// An annotation is a line that begins with the prefix, anywhere in the file: `##~~ NAME - DESCRIPTION` describes a
/// parameter, where name and description part at the first ` - `, or else at the first `-`. A line without a dash tells
/// about the script. This meaning is as old as the project and stays. Lines that begin with `@` tell the script's terms:
/// see ``TermLines``.
///
/// A script whose first annotation is `@syntax 2` is read by other rules: see ``RichAnnotations``.
struct Annotations: Equatable {
    var syntax = 1
    var title: String?
    var about: [String] = []
    var tags: [String] = []
    var parameters: [Parameter] = []
    var terms = Terms.standard
    var outputs: [Script.OutputNote] = []
    var example: [Script.Example]?
    var access: Access?

    /// A form with more fields is no form. Also bounds what one file can cost.
    static let mostParameters = 100

    /// - Parameter neighbours: the files beside the script.
    /// - Throws: ``AnnotationProblem``.
    init(of text: [UInt8], style: AnnotationStyle, neighbours: Neighbours) throws(AnnotationProblem) {
        let prefix = Array(style.docPrefix.utf8)
        var number = 0
        var lines: [String: Int] = [:]
        var termLines = TermLines()
        var rich: RichAnnotations?
        var (isFirst, isPastTop) = (true, false)
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard line.starts(with: prefix) else {
                // The richer form stands at the top of the file.
                if rich != nil, !Annotations.isComment(line, like: prefix) { isPastTop = true }
                continue
            }
            // What is no UTF-8 is shown with stand-ins; it never stops the page.
            let content = String(decoding: line.dropFirst(prefix.count), as: UTF8.self).trimmingBlanks
            if content.isEmpty { continue }
            var scanner = LineScanner(Array(line), line: number, from: prefix.count)
            scanner.skipBlanks()
            defer { isFirst = false }
            if isFirst, let syntax = try Annotations.syntax(content, scanner) {
                self.syntax = syntax
                rich = RichAnnotations(style: style, neighbours: neighbours)
                continue
            }
            if isPastTop || rich == nil { try Annotations.refuseAccess(scanner, isPastTop: isPastTop) }
            if isPastTop { continue }
            if rich != nil {
                try rich?.take(scanner, line: number)
                continue
            }
            if content.utf8.first == UInt8(ascii: "@") {
                do throws(AnnotationProblem) { try termLines.take(content, line: number) } catch {
                    throw error.at(column: scanner.problem("").column)
                }
                continue
            }
            guard let (name, description) = Annotations.parts(of: content) else {
                about.append(content)
                continue
            }
            guard !name.isEmpty else { throw scanner.problem("the name before the dash is missing") }
            guard name.unicodeScalars.allSatisfy(Annotations.canBeAFieldName) else {
                throw scanner.problem("the name holds control characters")
            }
            if let first = lines[name] { throw scanner.problem("\(name) is described in line \(first) already") }
            guard parameters.count < Annotations.mostParameters else {
                throw scanner.problem("more than \(Annotations.mostParameters) parameters")
            }
            lines[name] = number
            let type: ValueType =
                if name.hasPrefix(style.inputPrefix) { .anyFile } else if name.hasPrefix(style.outputPrefix) {
                    .anyOutput
                } else { .plain }
            parameters.append(
                Parameter(name: name, description: description, type: type, isOptional: type == .plain))
        }
        guard let rich else {
            terms = try termLines.finished()
            return
        }
        (title, about, tags, parameters, outputs) = (rich.title, rich.about, rich.tags, rich.parameters, rich.outputs)
        access = rich.access
        (terms, example) = try rich.finished()
    }

    /// The number that `@syntax` tells; `nil` when this is another line.
    private static func syntax(_ content: String, _ scanner: LineScanner) throws(AnnotationProblem) -> Int? {
        let words = content.utf8.split(whereSeparator: LineScanner.isBlank).map { String(Substring($0)) }
        guard words.first == "@syntax" else { return nil }
        guard words == ["@syntax", "2"] else {
            throw scanner.problem("the richer form is @syntax 2; without this line the original one holds")
        }
        return 2
    }

    /// Other lines are passed over where they mean nothing. Were this one, everybody might use what was meant for a few.
    private static func refuseAccess(_ scanner: LineScanner, isPastTop: Bool) throws(AnnotationProblem) {
        var words = scanner
        guard words.take(while: { !LineScanner.isBlank($0) }) == AccessLines.keyword else { return }
        throw scanner.problem(
            isPastTop
                ? "@access stands in the comments at the top, as all lines do"
                : "@access wants @syntax 2 in the first of these lines")
    }

    /// Whether a line belongs to the comments at the top: it is empty, or begins as the prefix does.
    static func isComment(_ line: ArraySlice<UInt8>, like prefix: [UInt8]) -> Bool {
        line.allSatisfy(LineScanner.isBlank) || line.first == UInt8(ascii: "#") || line.first == prefix.first
    }

    /// Pages cannot show the others, so no form could hand the name back.
    private static func canBeAFieldName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\t" || scalar.properties.generalCategory != .control && !scalar.properties.isNoncharacterCodePoint
    }

    private static func parts(of content: String) -> (name: String, description: String)? {
        let bytes = Array(content.utf8)
        let spaced = bytes.indices.first { bytes[$0...].starts(with: " - ".utf8) }
        if let spaced { return split(bytes, at: spaced, over: 3) }
        // A line may end in " -", with nothing to say about the parameter.
        guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        return split(bytes, at: dash, over: 1)
    }

    private static func split(_ bytes: [UInt8], at position: Int, over length: Int) -> (String, String) {
        (
            String(decoding: bytes[..<position], as: UTF8.self).trimmingBlanks,
            String(decoding: bytes[(position + length)...], as: UTF8.self).trimmingBlanks
        )
    }
}

/// What is wrong with an annotation, for the admin.
struct AnnotationProblem: Error, Equatable {
    let line: Int
    /// In characters from 1.
    let column: Int
    let reason: String

    init(line: Int, column: Int = 1, reason: String) {
        self.line = line
        self.column = column
        self.reason = reason.withoutControls
    }

    func at(column: Int) -> AnnotationProblem { AnnotationProblem(line: line, column: column, reason: reason) }
}

extension String {
    /// With stand-ins for what would mislead a terminal.
    var withoutControls: String {
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            shown.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return String(shown)
    }

    /// Without blanks and carriage returns around it.
    var trimmingBlanks: String {
        var bytes = utf8[...]
        while let first = bytes.first, LineScanner.isBlank(first) { bytes.removeFirst() }
        while let last = bytes.last, LineScanner.isBlank(last) { bytes.removeLast() }
        return String(Substring(bytes))
    }
}
