public import Linux
internal import Patterns

extension Parameter {
    /// What is wrong with a value, as a sentence for the form; `nil` when it will do. A value that will do reaches the script
    /// as it is, byte for byte.
    ///
    /// Of a list it takes all items with a line break between each two, as the script gets them. Files of the inbox are
    /// checked by ``problem(withFileNamed:size:)``.
    ///
    /// - Parameter today: when the form was filled in.
    public func problem(with value: String, on today: Day) -> String? {
        if value.utf8.contains(0) { return "This text holds a NUL character, which no program can be given." }
        if value.utf8.count > Self.longestText {
            return "This text is longer than \(Self.longestText) bytes; put it into a file and upload that."
        }
        guard value.unicodeScalars.allSatisfy(Self.canBeShown) else {
            if case .output = type { return "A file name cannot hold line breaks or other control characters." }
            return "This text holds control characters, which no page can show as they are; "
                + "put it into a file and upload that."
        }
        if type.isFile { return nil }
        if value.isEmpty { return isOptional ? nil : type.missing }
        return type.problem(with: value, on: today)
    }

    /// Whether a page, and a terminal that shows a log, can show this as it is: tabs and line breaks, but no other control
    /// characters, nor noncharacters. So what a job's page tells is what the script was given.
    static func canBeShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: true
        case 0..<0x20, 0x7F...0x9F, 0xFDD0...0xFDEF: false
        default: scalar.value & 0xFFFE != 0xFFFE
        }
    }

    /// What is wrong with a file for this parameter, as a sentence for the form; `nil` when it will do.
    public func problem(withFileNamed name: String, size: Int64) -> String? {
        switch type {
        case .file(let rule), .files(let rule, _):
            if let problem = type.problem(withEndingOf: name, rule.endings) { return problem }
            if let most = rule.most, size > most {
                return "\(name) has \(readableMemory(size)); at most \(readableMemory(most)) are allowed here."
            }
            return nil
        default: return nil
        }
    }
}

extension Parameter {
    /// What is wrong with so many files, as a sentence for the form; `nil` when it will do.
    public func problem(withCount count: Int) -> String? {
        guard case .files(_, let wanted) = type else { return count > 1 ? "Only one file is wanted." : nil }
        if count < wanted.lowerBound { return "These are \(count) files; at least \(wanted.lowerBound) are wanted." }
        if count > wanted.upperBound { return "These are \(count) files; at most \(wanted.upperBound) are allowed." }
        return nil
    }
}

extension ValueType {
    /// What a form says when nothing was filled in.
    var missing: String {
        switch self {
        case .choice: "Choose one."
        case .choices: "Choose at least one."
        case .file: "Choose a file, or upload one."
        case .files: "Choose at least one file, or upload one."
        case .output: "Give the output file a name, such as result.txt."
        default: "Fill this in."
        }
    }

    /// What will do, as a sentence for the form; `nil` when there is nothing to say.
    public func sentence(on today: Day) -> String? {
        func counted(_ count: ClosedRange<Int>, _ least: Int, _ most: Int, _ things: String) -> String? {
            if count.lowerBound == count.upperBound { return "\(count.lowerBound) \(things)" }
            switch (count.lowerBound > least, count.upperBound < most) {
            case (true, true): return "\(count.lowerBound) to \(count.upperBound) \(things)"
            case (true, false): return "at least \(count.lowerBound) \(things)"
            case (false, true): return "at most \(count.upperBound) \(things)"
            case (false, false): return nil
            }
        }
        func about(_ rule: FileRule) -> [String?] {
            [
                rule.endings.isEmpty ? nil : "names end in \(list(rule.endings, "or"))",
                rule.most.map { "at most \(readableMemory($0)) each" },
            ]
        }
        let parts: [String?]
        switch self {
        case .plain, .flag, .email, .use, .choice: parts = []
        case .text(let length, let pattern), .secret(let length, let pattern):
            parts = [counted(length, 0, Parameter.longestText, "characters"), pattern.map { "of the form \($0.text)" }]
        case .lines(let count, let pattern):
            parts = [counted(count, 0, Parameter.longestText, "lines"), pattern.map { "each of the form \($0.text)" }]
        case .int(let range):
            parts = ["a whole number" + ValueType.bounds(range.lowerBound, range.upperBound, .min, .max)]
        case .float(let range):
            parts = ["a number" + ValueType.bounds(range.lowerBound, range.upperBound, -.infinity, .infinity)]
        case .choices(let choices, let count): parts = [counted(count, 1, choices.count, "of them")]
        case .date(let range):
            let (first, last) = (range.first?.day(on: today), range.last?.day(on: today))
            parts = [first.map { "from \($0)" }, last.map { "until \($0)" }]
        case .file(let rule):
            parts = [
                rule.endings.isEmpty ? nil : "the name ends in \(list(rule.endings, "or"))",
                rule.most.map { "at most \(readableMemory($0))" },
            ]
        case .files(let rule, let count):
            parts = [counted(count, 1, TypeParser.mostFiles, "files")] + about(rule)
        case .output(let endings):
            parts = ["the name of a file" + (endings.isEmpty ? "" : " that ends in \(list(endings, "or"))")]
        }
        let said = parts.compactMap(\.self)
        guard let first = said.first else { return nil }
        let text = ([first] + said.dropFirst()).joined(separator: ", ")
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    /// What is wrong with a value that is not empty.
    func problem(with value: String, on today: Day) -> String? {
        switch self {
        case .text(let length, let pattern), .secret(let length, let pattern):
            if value.utf8.contains(UInt8(ascii: "\n")) { return "This has to be one line." }
            return lengthProblem(value, length) ?? patternProblem(value, pattern)
        case .lines(let count, let pattern): return linesProblem(value, count, pattern)
        case .int(let range): return intProblem(value, range)
        case .float(let range): return floatProblem(value, range)
        case .choice(let choices):
            return choices.contains { $0.value.utf8.elementsEqual(value.utf8) } ? nil : "This is none of the choices."
        case .choices(let choices, let count): return choicesProblem(value, choices, count)
        case .flag: return value.utf8.elementsEqual(ValueType.yes.utf8) ? nil : "This is neither yes nor no."
        case .date(let range): return dateProblem(value, range, today)
        case .email:
            return ValueType.looksLikeAddress(value) ? nil : "This is no e-mail address such as ada@example.org."
        case .output(let endings): return nameProblem(value) ?? problem(withEndingOf: value, endings)
        case .plain, .file, .files, .use: return nil
        }
    }

    private func lengthProblem(_ value: String, _ length: ClosedRange<Int>) -> String? {
        let count = value.unicodeScalars.count
        if count < length.lowerBound {
            return "This has \(count) characters; at least \(length.lowerBound) are wanted."
        }
        if count > length.upperBound {
            return "This has \(count) characters; at most \(length.upperBound) are allowed."
        }
        return nil
    }

    private func patternProblem(_ value: String, _ pattern: Pattern?) -> String? {
        guard let pattern else { return nil }
        if let problem = lengthProblem(value, pattern) { return problem }
        return pattern.matchesAll(of: value)
            ? nil : "This does not have the form that the script wants: \(pattern.text)"
    }

    /// All lines together, because each takes its time.
    private func lengthProblem(_ value: String, _ pattern: Pattern) -> String? {
        value.utf8.count <= pattern.longestValue
            ? nil : "This is too long to be held against \(pattern.text): at most \(pattern.longestValue) bytes are."
    }

    private func linesProblem(_ value: String, _ count: ClosedRange<Int>, _ pattern: Pattern?) -> String? {
        var lines = value.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // A line break at the end begins no line.
        if lines.last?.isEmpty == true { lines.removeLast() }
        if lines.count < count.lowerBound {
            return "These are \(lines.count) lines; at least \(count.lowerBound) are wanted."
        }
        if lines.count > count.upperBound {
            return "These are \(lines.count) lines; at most \(count.upperBound) are allowed."
        }
        guard let pattern else { return nil }
        if let problem = lengthProblem(value, pattern) { return problem }
        for (index, line) in lines.enumerated() where !pattern.matchesAll(of: String(Substring(line))) {
            return "Line \(index + 1) does not have the form that the script wants: \(pattern.text)"
        }
        return nil
    }

    /// Only what every program takes for the same number: no sign but minus, no blanks, no zeros in front, which shells take
    /// for octal.
    private func intProblem(_ value: String, _ range: ClosedRange<Int64>) -> String? {
        let wanted = "a whole number\(ValueType.bounds(range.lowerBound, range.upperBound, .min, .max))"
        let digits = value.utf8.first == UInt8(ascii: "-") ? value.utf8.dropFirst() : value.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy(ValueType.isDigit) else { return "This has to be \(wanted)." }
        if digits.first == UInt8(ascii: "0"), digits.count > 1 || digits.count < value.utf8.count {
            return "Write the number without a zero in front."
        }
        guard let number = Int64(value), range.contains(number) else { return "This has to be \(wanted)." }
        return nil
    }

    private func floatProblem(_ value: String, _ range: ClosedRange<Double>) -> String? {
        let wanted = "a number\(ValueType.bounds(range.lowerBound, range.upperBound, -.infinity, .infinity))"
        guard ValueType.isDecimal(value), let number = Double(value), number.isFinite, range.contains(number)
        else { return "This has to be \(wanted), such as 0.25." }
        return nil
    }

    /// `-12.5e-3` and the like: what C, awk, Python and R all read alike. (RFC 8259, section 6, writes numbers so.)
    private static func isDecimal(_ value: String) -> Bool {
        var rest = value.utf8[...]
        func digits() -> Int {
            let count = rest.prefix(while: isDigit).count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let hasZero = rest.first == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, whole == 1 || !hasZero, value.utf8.count <= longestNumber else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard digits() > 0 else { return false }
        }
        if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }

    /// Longer ones are no measurement. Characters.
    private static let longestNumber = 64

    private func choicesProblem(_ value: String, _ choices: [Choice], _ count: ClosedRange<Int>) -> String? {
        let chosen = value.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, one) in chosen.enumerated() {
            guard choices.contains(where: { $0.value.utf8.elementsEqual(one) }) else {
                return "This is none of the choices."
            }
            guard !chosen[..<index].contains(where: { $0.elementsEqual(one) }) else { return "One is chosen twice." }
        }
        if chosen.count < count.lowerBound { return "Choose at least \(count.lowerBound)." }
        if chosen.count > count.upperBound { return "Choose at most \(count.upperBound)." }
        return nil
    }

    private func dateProblem(_ value: String, _ range: DayRange, _ today: Day) -> String? {
        guard let day = Day(value) else { return "This has to be a day such as \(today)." }
        let (first, last) = (range.first?.day(on: today), range.last?.day(on: today))
        if let first, day < first { return "The first day that is allowed is \(first)." }
        if let last, day > last { return "The last day that is allowed is \(last)." }
        return nil
    }

    private func nameProblem(_ value: String) -> String? {
        if value.utf8.count > Parameter.longestOutputName {
            return "This name is longer than \(Parameter.longestOutputName) bytes."
        }
        if value.utf8.contains(UInt8(ascii: "/")) { return "A file name cannot hold a slash." }
        // By bytes: a mark that joins the first character does not change what programs see.
        if value.utf8.first == UInt8(ascii: ".") { return "A file name cannot begin with a dot." }
        if value.utf8.first == UInt8(ascii: "-") {
            return "A file name cannot begin with a dash: programs would take it for an option."
        }
        if value.unicodeScalars.contains(where: { $0 == "\n" || $0 == "\t" }) {
            return "A file name cannot hold line breaks or other control characters."
        }
        return nil
    }

    func problem(withEndingOf name: String, _ endings: [String]) -> String? {
        guard !endings.isEmpty, !endings.contains(where: { ValueType.has(name, ending: $0) }) else { return nil }
        return "The name has to end in \(list(endings, "or"))."
    }

    /// In any case of ASCII letters, and with something before the ending.
    private static func has(_ name: String, ending: String) -> Bool {
        func lower(_ byte: UInt8) -> UInt8 {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
        }
        return name.utf8.count > ending.utf8.count
            && name.utf8.suffix(ending.utf8.count).lazy.map(lower).elementsEqual(ending.utf8.lazy.map(lower))
    }

    /// One `@` with something before it, and a domain of labels with dots behind it. Whether mail arrives there nobody knows.
    private static func looksLikeAddress(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        // RFC 5321, section 4.5.3.1.
        guard bytes.count <= 254, let at = bytes.lastIndex(of: UInt8(ascii: "@")), (1...64).contains(at) else {
            return false
        }
        let allowed = Set("!#$%&'*+-/=?^_`{|}~.".utf8)
        guard bytes[..<at].allSatisfy({ isLetter($0) || isDigit($0) || allowed.contains($0) }),
            bytes.first != UInt8(ascii: "-")
        else { return false }
        let labels = bytes[(at + 1)...].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }

    /// ` from 1 to 99`, ` of at least 1`, ` of at most 99`, or nothing.
    static func bounds<Number: Comparable>(_ first: Number, _ last: Number, _ least: Number, _ most: Number) -> String {
        func written(_ number: Number) -> String {
            let text = "\(number)"
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
        return switch (first > least, last < most) {
        case (true, true): " from \(written(first)) to \(written(last))"
        case (true, false): " of at least \(written(first))"
        case (false, true): " of at most \(written(last))"
        case (false, false): ""
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
func list(_ words: [String], _ joint: String) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " \(joint) \(last)"
}

extension Day {
    /// For checks that no day decides.
    static let epoch = Day(of: Instant(milliseconds: 43_200_000))
}
