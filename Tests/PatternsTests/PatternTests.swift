import Testing

@testable import Patterns

@Suite struct `A pattern` {
    @Test(arguments: [
        ("[A-Za-z0-9_]+", "sample_1", true), ("[A-Za-z0-9_]+", "sample 1", false), ("[A-Za-z0-9_]+", "", false),
        ("a|b", "a", true), ("a|b", "ab", false), ("", "", true), ("", "a", false), (".*", "ä€𝄞", true),
        (".", "ä", true),
        (".*", "two\nlines", false), ("(?s).*", "two\nlines", true), ("a$", "a\n", false), ("^a$", "a", true),
        (#"\d+"#, "१२", false), ("(a+)+", "aaaa", true), ("x{3}", "xxx", true), ("a\u{0}b", "a\u{0}b", true),
    ])
    func `has to match the whole value`(_ pattern: String, _ value: String, _ matches: Bool) throws {
        #expect(try Pattern(pattern).matchesAll(of: value) == matches)
    }

    @Test(arguments: ["(", "[a", "a{1001}", #"(a)\1"#, "(?=a)", "(?<!a)b", "*", #"\"#, "x{1000}{1000}"])
    func `is refused when no time would do for it, or it makes no sense`(_ text: String) {
        #expect(throws: Pattern.Problem.self) { try Pattern(text) }
    }

    @Test func `says what is wrong`() {
        #expect(throws: Pattern.Problem(reason: "the pattern is not understood: missing ): (a")) { try Pattern("(a") }
        #expect(throws: Pattern.Problem(reason: "the pattern is longer than 1000 bytes")) {
            try Pattern(String(repeating: "a", count: 1001))
        }
    }

    @Test func `is the same as another of the same text`() throws {
        #expect(try Pattern("a") == Pattern("a"))
        #expect(try Pattern("a") != Pattern("b"))
    }

    /// Matching takes so many steps for each byte at most, however a value drives it: nobody's time is measured here.
    @Test(arguments: [
        "(a+)+$", "(a|aa)+", "(.*a){20}", "(x+x+)+y", ".*a.{900}", #"[\pL\pN]+"#,
        "[ab]*a" + String(repeating: "[ab]{1000}", count: 15),
    ])
    func `costs so much at most as nobody waits for`(_ text: String) throws {
        let pattern = try Pattern(text)
        #expect(pattern.size > 1 && pattern.size * pattern.longestValue <= Pattern.mostSteps)
        let isOrdinary = pattern.size <= 2000
        #expect((pattern.longestValue >= 100_000) == isOrdinary)
    }

    @Test func `is held against no value that is too long for it`() throws {
        let pattern = try Pattern(".{900}.*")
        let longest = String(repeating: "a", count: pattern.longestValue)
        #expect(longest.utf8.count < 100_000)
        #expect(pattern.matchesAll(of: longest) && !pattern.matchesAll(of: longest + "a"))
    }

    /// Engines that try one way after another would need longer than the world is old.
    @Test(arguments: ["(a+)+$", "(a|aa)+", "(a|a?)+", "(.*a){20}", "(x+x+)+y"])
    func `is matched at once where others try for ever`(_ text: String) throws {
        let pattern = try Pattern(text)
        for letter in ["a", "x"] {
            #expect(!pattern.matchesAll(of: String(repeating: letter, count: 100_000) + "!"))
        }
    }
}
