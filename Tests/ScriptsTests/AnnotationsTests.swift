import TestSupport
import Testing

@testable import Scripts

/// A parameter in a few words.
private func said(_ parameter: Parameter) -> String {
    let type =
        switch parameter.type {
        case .plain: "text"
        case .anyFile: "input"
        case .anyOutput: "output"
        default: "\(parameter.type)"
        }
    return "\(type) [\(parameter.name)] [\(parameter.description)]"
}

@Suite struct `The annotations of a script` {
    private func read(_ text: String, style: AnnotationStyle = AnnotationStyle()) throws -> Annotations {
        try Annotations(of: Array(text.utf8), style: style, neighbours: Neighbours("/nowhere"))
    }

    private func problem(_ text: String) -> AnnotationProblem? {
        do {
            _ = try read(text)
            return nil
        } catch { return (error as? AnnotationProblem)?.at(column: 1) }
    }

    @Test func `describe parameters in the order of their lines, anywhere in the file`() throws {
        let annotations = try read(
            """
            #!/bin/bash
            ##~~ Aligns reads to a genome.
            ##~~ inputReads - the reads, in FASTQ
            set -e
            # ##~~ ignored - because the line begins otherwise
             ##~~ ignored - because of the blank before it
            ##~~ threads - how many - at most 4
            ##~~ outputAlignment - where the alignment goes
            aligner "$1" "$2" > "$3"
            exit 0
            ##~~ Takes an hour.
            ##~~ inputGenome - the genome
            """)

        #expect(annotations.about == ["Aligns reads to a genome.", "Takes an hour."])
        #expect(
            annotations.parameters.map(said) == [
                "input [inputReads] [the reads, in FASTQ]",
                "text [threads] [how many - at most 4]",
                "output [outputAlignment] [where the alignment goes]",
                "input [inputGenome] [the genome]",
            ])
    }

    @Test(arguments: [
        ("##~~ a - b", "a", "b"),
        ("##~~a - b", "a", "b"),
        ("##~~\ta - b", "a", "b"),
        ("##~~ a-b - c", "a-b", "c"),
        ("##~~ a - b - c", "a", "b - c"),
        ("##~~ a-b", "a", "b"),
        ("##~~ a- b", "a", "b"),
        ("##~~ a -b", "a", "b"),
        ("##~~ a-b-c", "a", "b-c"),
        ("##~~ a -", "a", ""),
        ("##~~ a-", "a", ""),
        ("##~~ a - ", "a", ""),
        ("##~~ a -- b", "a", "- b"),
        ("##~~ a\t-\tb", "a", "b"),
        ("##~~  a  -  b  ", "a", "b"),
        ("##~~ two words - b", "two words", "b"),
        ("##~~ a\tb - c", "a\tb", "c"),
        ("##~~ a?[x] - c", "a?[x]", "c"),
        ("##~~ größe - in µm", "größe", "in µm"),
        ("##~~ a – b-c", "a – b", "c"),
        ("##~~# a - b", "# a", "b"),
        // A mark that joins the blank or the dash before it.
        ("##~~ a -\u{301} b", "a", "\u{301} b"),
        ("##~~ a -\u{20}\u{301}b", "a", "\u{301}b"),
    ])
    func `part name and description at the first dash between blanks, or else at the first dash`(
        line: String, name: String, description: String
    ) throws {
        let parameters = try read(line).parameters

        #expect(parameters.count == 1)
        #expect(parameters.first.map { Array($0.name.utf8) } == Array(name.utf8))
        #expect(parameters.first.map { Array($0.description.utf8) } == Array(description.utf8))
    }

    @Test(arguments: ["\n", "\r\n"])
    func `do not care about the ends of lines`(end: String) throws {
        let annotations = try read(
            ["#!/bin/sh", "##~~ About this", "##~~ input - a file", "##~~", "##~~ n -", ""].joined(separator: end))

        #expect(annotations.about == ["About this"])
        #expect(annotations.parameters.map(said) == ["input [input] [a file]", "text [n] []"])
    }

    @Test func `may be missing or empty, and lines for a richer form are no texts of this one`() throws {
        for text in [
            "", "\n\n", "#!/bin/sh\nexit 0\n", "##~~\n##~~ \n##~~\t\r\n", "##~~ @title Four - x\n##~~@syntax 3",
        ] {
            #expect(try read(text) == read("echo"))
        }
    }

    @Test func `tell files from texts by the prefixes of the settings`() throws {
        let style = AnnotationStyle(docPrefix: "//!", inputPrefix: "in_", outputPrefix: "to")
        let text = "//! in_a - 1\n//! input - 2\n//! to - 3\n//! total - 4\n//! In_b - 5\n##~~ old - 6"

        #expect(
            try read(text, style: style).parameters.map(said) == [
                "input [in_a] [1]", "text [input] [2]", "output [to] [3]", "output [total] [4]", "text [In_b] [5]",
            ])
    }

    @Test func `are shown with stand-ins where they are no UTF-8`() throws {
        let latin1: [UInt8] = Array("##~~ gr".utf8) + [0xF6, 0xDF] + Array("e - in ".utf8) + [0xB5] + Array("m".utf8)

        let parameters = try Annotations(
            of: latin1 + [10] + Array("##~~ b - c".utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere")
        )
        .parameters

        #expect(parameters.map(said) == ["text [gr\u{FFFD}\u{FFFD}e] [in \u{FFFD}m]", "text [b] [c]"])
    }

    @Test(arguments: [
        ("#\n##~~ - b", 2, "the name before the dash is missing"),
        ("##~~ -", 1, "the name before the dash is missing"),
        ("##~~ --help", 1, "the name before the dash is missing"),
        ("##~~ a - b\n\r\n##~~ c - d\n##~~ a-e", 4, "a is described in line 1 already"),
        ("##~~ ä - b\n##~~ a\u{308} - c", 2, "a\u{308} is described in line 1 already"),
        ("##~~ a\0b - c", 1, "the name holds control characters"),
        ("##~~ a\u{1B}[2J - c", 1, "the name holds control characters"),
        ("##~~ a\rb - c", 1, "the name holds control characters"),
        ("##~~ a\u{85}b - c", 1, "the name holds control characters"),
        ("##~~ a\u{FFFE}b - c", 1, "the name holds control characters"),
    ])
    func `that no form could show are a problem of their line`(text: String, line: Int, reason: String) {
        #expect(problem(text) == AnnotationProblem(line: line, reason: reason))
    }

    @Test func `describe a hundred parameters, and not one more`() throws {
        let lines = (1...101).map { "##~~ p\($0) - \($0)" }

        #expect(try read(lines[..<100].joined(separator: "\n")).parameters.count == 100)
        #expect(
            problem(lines.joined(separator: "\n")) == AnnotationProblem(line: 101, reason: "more than 100 parameters"))
    }

}
