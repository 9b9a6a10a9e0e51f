import Linux
import Patterns
import Testing

@testable import Scripts

@Suite struct `The value of a parameter` {
    private func problem(_ type: ValueType, _ value: String) -> String? {
        Parameter(name: "p", description: "", type: type, isOptional: type == .plain).problem(with: value, on: .epoch)
    }

    @Test(arguments: [
        "", "a", "$(reboot)", "; rm -rf /", "-rf", "--help", "../../etc/passwd", "line\nline", "a\tb", "日本",
        "'\"\\",
        String(repeating: "x", count: Parameter.longestText),
    ])
    func `may be any text`(value: String) {
        #expect(problem(.plain, value) == nil)
    }

    @Test(arguments: ["\u{1B}[2J", "a\rb", "\u{7F}", "\u{85}", "\u{9F}"])
    func `is no text that a page could not show as the script gets it`(value: String) {
        #expect(problem(.plain, value)?.contains("control characters") == true)
    }

    @Test func `may be a text as long as a program's argument, in bytes`() {
        let tooLong = "This text is longer than 100000 bytes; put it into a file and upload that."

        #expect(problem(.plain, String(repeating: "x", count: 100_001)) == tooLong)
        #expect(problem(.plain, String(repeating: "ä", count: 50_001)) == tooLong)
        #expect(problem(.plain, String(repeating: "ä", count: 50_000)) == nil)
    }

    @Test func `is no text that is too long for its pattern`() throws {
        let pattern = try Pattern(".{900}")
        let value = String(repeating: "x", count: pattern.longestValue + 1)
        let sentence = "This is too long to be held against .{900}: at most \(pattern.longestValue) bytes are."

        #expect(problem(.text(length: 0...100_000, pattern), value) == sentence)
        #expect(problem(.secret(length: 0...100_000, pattern), value) == sentence)
        #expect(
            problem(.lines(count: 0...100_000, pattern), String(repeating: "x\n", count: value.utf8.count)) == sentence)
        #expect(problem(.text(length: 0...100_000, pattern), String(repeating: "x", count: 900)) == nil)
    }

    @Test(arguments: [ValueType.plain, .anyFile, .anyOutput])
    func `never holds NUL, which no program can be given`(type: ValueType) {
        for value in ["\0", "a\0b", "a\0\u{301}"] {
            #expect(problem(type, value) == "This text holds a NUL character, which no program can be given.")
        }
    }

    @Test(arguments: [
        "result.txt", "a b", "größe", "日本.csv", "a..b", "a-", "a.", "_.txt", "~", "*", "$HOME", "a\\b", "CON",
        "\u{301}a",
        String(repeating: "x", count: Parameter.longestOutputName),
    ])
    func `may be any name for an output file that is one file in its folder`(name: String) {
        #expect(problem(.anyOutput, name) == nil)
    }

    @Test(arguments: [
        ("", "Give the output file a name, such as result.txt."),
        (".", "A file name cannot begin with a dot."),
        ("..", "A file name cannot begin with a dot."),
        (".hidden", "A file name cannot begin with a dot."),
        (".\u{301}hidden", "A file name cannot begin with a dot."),
        ("../x", "A file name cannot hold a slash."),
        ("/etc/passwd", "A file name cannot hold a slash."),
        ("a/", "A file name cannot hold a slash."),
        ("a/\u{301}b", "A file name cannot hold a slash."),
        ("-rf", "A file name cannot begin with a dash: programs would take it for an option."),
        ("-\u{301}rf", "A file name cannot begin with a dash: programs would take it for an option."),
        ("a\nb", "A file name cannot hold line breaks or other control characters."),
        ("a\r\nb", "A file name cannot hold line breaks or other control characters."),
        ("a\u{1B}b", "A file name cannot hold line breaks or other control characters."),
        ("a\u{9B}b", "A file name cannot hold line breaks or other control characters."),
        ("a\u{85}b", "A file name cannot hold line breaks or other control characters."),
        (String(repeating: "ä", count: 101), "This name is longer than 200 bytes."),
    ])
    func `is no name for an output file when it leads elsewhere, hides, or looks like an option`(
        name: String, sentence: String
    ) {
        #expect(problem(.anyOutput, name) == sentence)
    }

    @Test func `is left to the inbox when it is a file of the inbox`() {
        #expect(problem(.anyFile, "../x") == nil)
        #expect(problem(.anyFile, "") == nil)
    }
}
