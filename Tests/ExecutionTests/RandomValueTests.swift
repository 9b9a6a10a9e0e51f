import FileStore
import JobQueue
import Linux
import Scripts
import Settings
import Storage
import TestSupport
import Testing

/// Through the queue, the worker and a supervisor, to a script that shows what the kernel was told to start.
@Suite struct `A random value` {
    /// A type, and values that will do.
    struct Trial: Sendable, CustomTestStringConvertible {
        let type: String
        let good: [String]
        var testDescription: String { type }
    }

    /// Of each type.
    private static let values = 400
    /// A form has a hundred parameters at most.
    private static let batch = 90
    private static let refused = 3

    @Test(arguments: [
        Trial(type: "text", good: ["a", "two words", "$(reboot)"]),
        Trial(type: "text 1..40 /[ -~]+/", good: ["a b", "-rf", "'\"\\"]),
        Trial(type: "lines", good: ["a\nb", "-n\n\n--help", "x\n"]),
        Trial(type: #"lines 1..9 /[^"]*/"#, good: ["S1\nS2", "$x\n`id`"]),
        Trial(type: "int", good: ["0", "-1", "31", "9223372036854775807"]),
        Trial(type: "int -5..99", good: ["-5", "42", "99"]),
        Trial(type: "float", good: ["0.25", "-1e-3", "12", "1E+9"]),
        Trial(type: #"choice a|"two words"|"$(x)"|"ä""#, good: ["a", "two words", "$(x)", "ä"]),
        Trial(type: #"choices a|"two words"|"-rf"|"ä""#, good: ["a", "-rf\nä", "two words\na"]),
        Trial(type: "flag", good: ["yes"]),
        Trial(type: "date", good: ["2026-02-28", "2024-02-29", "0001-01-01"]),
        Trial(type: "email", good: ["ada@example.org", "a.b+c'd`e$f@x-y.example"]),
        Trial(type: "output", good: ["a.txt", "a b", "$(x).csv", "ä", "a\\b"]),
        Trial(type: "secret", good: ["open sesame", "$(x)", "-rf"]),
        // What the original form has.
        Trial(type: "", good: ["a", "line\nline\n", "\tx", "$(reboot)"]),
    ])
    func `is refused, or reaches the script byte for byte`(trial: Trial) throws {
        let seed = environment("SEED").flatMap { UInt64($0) } ?? .random(in: 0...UInt64(UInt32.max))
        let again: Comment = "run it again with SEED=\(seed)"
        let shop = try Shop()
        var random = RandomValues(Dice(seed: seed), good: trial.good)
        let parameter = try #require(try script("one.sh", in: shop, trial.type, count: 1).parameters.first)
        var (taken, refused): ([String], [String]) = ([], [])
        for value in trial.good + (1...Self.values).map({ _ in random.next() }) where !value.isEmpty {
            if parameter.problem(with: value, on: Day(of: Instant.now())) == nil {
                taken.append(value)
            } else {
                refused.append(value)
            }
        }
        #expect(taken.count >= trial.good.count && refused.count >= Self.refused, again)
        // Each secret is a synced file.
        if trial.type == "secret" { taken = Array(taken.prefix(Self.batch)) }

        var rest = taken[...]
        while !rest.isEmpty {
            let values = Array(rest.prefix(Self.batch))
            rest = rest.dropFirst(values.count)
            _ = try script("batch.sh", in: shop, trial.type, count: values.count)
            let job = try shop.submit("batch.sh", try parameters(values, trial.type, shop))
            let end = try shop.runToEnd(job)
            try #require(end.state == .succeeded, "\(end.reason ?? ""), \(again)")
            try check(values, trial.type, job, shop, again)
        }
        for value in refused.prefix(Self.refused) {
            _ = try script("batch.sh", in: shop, trial.type, count: 2)
            let job = try shop.submit("batch.sh", try parameters([trial.good[0], value], trial.type, shop))
            let end = try shop.runToEnd(job)
            #expect(end.state == .failed && end.reason?.contains("p1 will not do") == true, again)
            #expect(try !shop.hasOutput(job, "arguments"), again)
        }
    }

    /// A script with so many parameters of the type, `p0` and so on, which puts down how the kernel started it.
    private func script(_ name: String, in shop: Shop, _ type: String, count: Int) throws -> Script {
        let lines = (0..<count).map { type.isEmpty ? "##~~ p\($0) - a text\n" : "##~~ p\($0) [\(type)]\n" }
        let text = """
            #!/bin/sh
            \(type.isEmpty ? "" : "##~~ @syntax 2\n")\(lines.joined())cat /proc/$$/cmdline > arguments
            cat /proc/$$/environ > environment
            \(type == "secret" ? #"for file; do cat "$file"; printf '\0'; done > secrets"# : "")
            """
        try shop.script(name, text)
        return try #require(Catalogue(shop.settings).script(named: name))
    }

    private func parameters(_ values: [String], _ type: String, _ shop: Shop) throws -> [JobParameter] {
        try values.enumerated().map { index, value in
            switch type {
            case "secret":
                let kept = try asOrdinaryUser { try Secrets(stateDirectory: shop.settings.stateDir).keep(value) }
                return JobParameter(name: "p\(index)", kind: .secret, value: kept)
            case "output": return JobParameter(name: "p\(index)", kind: .output, value: value)
            default: return JobParameter(name: "p\(index)", kind: .text, value: value)
            }
        }
    }

    private func check(_ values: [String], _ type: String, _ job: JobID, _ shop: Shop, _ again: Comment) throws {
        let folder = try shop.outbox(job)
        func texts(_ name: String) throws -> [[UInt8]] {
            let bytes = try Descriptor.open("\(folder)/\(name)", O_RDONLY).readAll(limit: 1 << 22)
            #expect(bytes.last == 0, again)
            return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        }
        var expected = values.map { Array($0.utf8) }
        // Behind the shell and the script.
        let arguments = try texts("arguments").dropFirst(2)
        let variables = try texts("environment").filter { $0.starts(with: "SR_P".utf8) }
        if type == "secret" {
            #expect(try texts("secrets") == expected, again)
            let paths = arguments.map { $0.starts(with: "\(shop.settings.stateDir)/secrets/".utf8) }
            #expect(paths == values.map { _ in true }, again)
            expected = Array(arguments)
        }
        if type == "output" { expected = expected.map { Array("\(folder)/".utf8) + $0 } }
        #expect(Array(arguments) == expected, again)
        let suffix = type == "secret" ? "_FILE" : ""
        let wanted = type.isEmpty ? [] : expected.enumerated().map { Array("SR_P\($0)\(suffix)=".utf8) + $1 }
        #expect(Set(variables) == Set(wanted) && variables.count == wanted.count, again)
        // Nothing else came along.
        let names = Set(
            try texts("environment").map { String(decoding: $0.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self) })
        let own = names.filter { !$0.hasPrefix("SR_P") }
        #expect(
            own == [
                "PATH", "HOME", "LANG", "SHELL", "USER", "LOGNAME", "SR_JOB", "SR_ATTEMPT", "SR_SCRIPT", "SR_REQUESTER",
                "SR_RUN",
            ], again)
    }

    private func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// Texts that are made up, and good ones that were tampered with.
private struct RandomValues {
    private var dice: Dice
    private let good: [String]

    init(_ dice: Dice, good: [String]) {
        self.dice = dice
        self.good = good
    }

    private static let snippets = [
        "$(touch x)", "`id`", ";", "&&", "|", ">x", "'", "\"", "\\", "--", "-rf", "-", " ", "\n", "\r\n", "\t", "*",
        "~", "$HOME",
        "${IFS}", "%00", "\0", "=", "SR_P1=x", "../", "/", ".", "yes", "no", "0", "00", "1", "9", "e5", "1e309", "-0",
        "NaN", "inf",
        "2026-02-29", "2026-01-01", "a@b.c", "a", "b", "two words", "ä", "a\u{308}", "\u{301}", "\u{202E}", "\u{FEFF}",
        "\u{200D}",
        "\u{2028}", "\u{FFFF}", "\u{1B}[2J", "\u{7F}", "\u{85}", "日本", "👩‍👩‍👧", "٣", "#", "##~~ p0 - x", "{a,b}",
        "a[$(id)]", "!!",
    ]
    private static let scalars: [ClosedRange<UInt32>] = [
        0x20...0x7E, 0x20...0x7E, 0x20...0x7E, 0...0x1F, 0x7F...0xFF, 0x300...0x36F, 0x590...0x6FF, 0x2000...0x206F,
        0x4E00...0x4EFF, 0xFDD0...0xFDEF, 0xFFF0...0xFFFF, 0x1F600...0x1F64F, 0x10FFF0...0x10FFFF,
    ]

    mutating func next() -> String {
        if dice.oneIn(2) { return tampered(good.randomElement(using: &dice)!) }
        return (0..<dice.roll(1...8)).map { _ in piece() }.joined()
    }

    private mutating func piece() -> String {
        if dice.oneIn(2) { return RandomValues.snippets.randomElement(using: &dice)! }
        let scalar = UInt32.random(in: RandomValues.scalars.randomElement(using: &dice)!, using: &dice)
        return Unicode.Scalar(scalar).map { String(Character($0)) } ?? ""
    }

    private mutating func tampered(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        for _ in 0..<dice.roll(1...2) {
            let place = dice.roll(0...scalars.count)
            switch dice.roll(1...4) {
            case 1: scalars.insert(contentsOf: piece().unicodeScalars, at: place)
            case 2 where place < scalars.count: scalars.remove(at: place)
            case 3 where place < scalars.count: scalars.replaceSubrange(place...place, with: piece().unicodeScalars)
            default: scalars += scalars
            }
        }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }
}
