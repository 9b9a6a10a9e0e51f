import Linux
import Testing

@testable import Scripts

@Suite struct `Several values of a field` {
    private let today = Day("2026-03-01")!

    private func parameter(_ line: String) throws -> Parameter {
        try Annotations(
            of: Array("##~~ @syntax 2\n##~~ \(line)".utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere")
        ).parameters[0]
    }

    private func variants(_ line: String, _ text: String, upTo most: Int = 100) throws -> Parameter.Variants {
        try parameter(line).variants(of: text, upTo: most, on: today)
    }

    @Test(arguments: [
        ("k [int]", "7", ["7"]),
        ("k [int]", "1 2\n3, 4,5".replacing(",5", with: " 5"), ["1", "2", "3", "4", "5"]),
        ("k [int]", "-2..2", ["-2", "-1", "0", "1", "2"]),
        ("k [int]", "1..10 step 4 20", ["1", "5", "9", "20"]),
        ("k [int]", "\n 3 \n\n", ["3"]),
        ("k? [int]", "", [""]),
        ("x [float]", "1e-3 0.5", ["1e-3", "0.5"]),
        ("x [float]", "0..1 step 0.25", ["0", "0.25", "0.5", "0.75", "1"]),
        ("x [float]", "0.1..0.3 step 0.1", ["0.1", "0.2", "0.3"]),
        ("x [float]", "-0.1..0.1 step 0.05", ["-0.1", "-0.05", "0", "0.05", "0.1"]),
        ("x [float]", "1..1 step 1", ["1"]),
        ("d [date]", "2024-02-28..2024-03-01", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("d [date]", "2025-12-31..2026-01-01 2026-03-01", ["2025-12-31", "2026-01-01", "2026-03-01"]),
        // Blanks belong to texts.
        ("t [text]", " a b \nc,d", [" a b ", "c,d"]),
        ("t [text]", "1..3", ["1..3"]),
        ("m [choice a|b|c]", "a\nc", ["a", "c"]),
        ("f [flag]", "yes\nno", ["yes", ""]),
        ("f [flag]", "", [""]),
        ("o [output .csv]", "a.csv\nb.csv", ["a.csv", "b.csv"]),
    ])
    func `are what their text stands for`(line: String, text: String, values: [String]) throws {
        #expect(try variants(line, text) == .values(values))
    }

    @Test(arguments: [
        ("k [int]", "1..101", "These are more than 100 values, and no sweep may have more jobs."),
        ("k [int]", "1..9223372036854775807", "1..9223372036854775807 is no range of numbers, such as 1..10."),
        ("k [int]", "0..1 step 0.5", "0.5: This has to be a whole number."),
        ("k [int 1..5]", "4..6", "6: This has to be a whole number from 1 to 5."),
        ("k [int]", "..3", "..3 is no range of numbers, such as 1..10."),
        ("k [int]", "1...3", "1...3 is no range of numbers, such as 1..10."),
        ("k [int]", "2..1", "2..1 ends before it begins; write the smaller number first."),
        ("k [int]", "1..2 step -1", "-1 is no distance between values; write a number above 0."),
        ("k [int]", "1..2 step x", "x is no distance between values; write a number above 0."),
        ("k [int]", "1 2 1", "1 stands here twice."),
        ("k [int]", "$(id)", "This has to be a whole number."),
        ("x [float]", "0..1", "How far apart are the values of 0..1? Write, for example: 0..1 step 0.1"),
        ("x [float]", "1e0..2e0 step 1", "1e0..2e0 is no range of numbers, such as 1..10."),
        ("d [date]", "2026-01-01..2026-01-03 step 2", "Days are taken one by one; take “step” away."),
        (
            "d [date]", "2026-02-30..2026-03-01",
            "2026-02-30..2026-03-01 is no range of days, such as 2026-03-01..2026-03-07."
        ),
        ("t [text 1..3]", "abc\nabcd", "abcd: This has 4 characters; at most 3 are allowed."),
        ("m [choice a|b]", "a\nd", "d: This is none of the choices."),
        ("f [flag]", "yes\nmaybe", "maybe: This is neither yes nor no."),
    ])
    func `that will not do are told`(line: String, text: String, problem: String) throws {
        guard case .problem(let told) = try variants(line, text) else {
            Issue.record("\(text) was taken")
            return
        }
        #expect(told.hasPrefix(problem))
    }

    @Test func `are as many as may be and no more`() throws {
        #expect(try variants("k [int]", "1..100") == .values((1...100).map(String.init)))
        #expect(try variants("t [text]", "a\nb\nc", upTo: 2) == .problem(Parameter.tooMany(2)))
    }

    @Test(arguments: [
        "a [lines]", "a [choices x|y]", "a [files]", "a [secret]", "a [use cpus]",
    ])
    func `make no jobs of what is one value anyway`(line: String) throws { #expect(try !parameter(line).canVary) }
}
