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
}

/// What a script's comments say.
///
/// An annotation is a line that begins with the prefix, anywhere in the file: `##~~ NAME - DESCRIPTION` describes a
/// parameter, where name and description part at the first ` - `, or else at the first `-`. A line without a dash tells
/// about the script. This meaning is as old as the project and stays. Lines that begin with `@` tell the script's terms:
/// see ``TermLines``.
struct Annotations: Equatable {
    var about: [String] = []
    var parameters: [Parameter] = []
    var terms = Terms.standard

    /// A form with more fields is no form. Also bounds what one file can cost.
    static let mostParameters = 100

    /// - Throws: ``AnnotationProblem``.
    init(of text: [UInt8], style: AnnotationStyle) throws(AnnotationProblem) {
        let prefix = Array(style.docPrefix.utf8)
        var number = 0
        var lines: [String: Int] = [:]
        var termLines = TermLines()
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard line.starts(with: prefix) else { continue }
            // What is no UTF-8 is shown with stand-ins; it never stops the page.
            let content = trimmed(String(decoding: line.dropFirst(prefix.count), as: UTF8.self)[...])
            if content.isEmpty { continue }
            if content.utf8.first == UInt8(ascii: "@") {
                try termLines.take(content, line: number)
                continue
            }
            guard let (name, description) = Annotations.parts(of: content) else {
                about.append(content)
                continue
            }
            guard !name.isEmpty else {
                throw AnnotationProblem(line: number, reason: "the name before the dash is missing")
            }
            guard name.unicodeScalars.allSatisfy(Annotations.canBeAFieldName) else {
                throw AnnotationProblem(line: number, reason: "the name holds control characters")
            }
            if let first = lines[name] {
                throw AnnotationProblem(line: number, reason: "\(name) is described in line \(first) already")
            }
            guard parameters.count < Annotations.mostParameters else {
                throw AnnotationProblem(
                    line: number, reason: "more than \(Annotations.mostParameters) parameters")
            }
            lines[name] = number
            let kind: Parameter.Kind =
                if name.hasPrefix(style.inputPrefix) { .input } else if name.hasPrefix(style.outputPrefix) {
                    .output
                } else { .text }
            parameters.append(Parameter(name: name, description: description, kind: kind))
        }
        terms = try termLines.finished()
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
            trimmed(String(decoding: bytes[..<position], as: UTF8.self)[...]),
            trimmed(String(decoding: bytes[(position + length)...], as: UTF8.self)[...])
        )
    }
}

/// What is wrong with an annotation, for the admin.
struct AnnotationProblem: Error, Equatable {
    let line: Int
    let reason: String
}

/// Without blanks and carriage returns around it.
private func trimmed(_ text: Substring) -> String {
    var scalars = text.unicodeScalars
    let isBlank: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
    while let first = scalars.first, isBlank(first) { scalars.removeFirst() }
    while let last = scalars.last, isBlank(last) { scalars.removeLast() }
    return String(scalars)
}
