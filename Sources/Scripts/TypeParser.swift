internal import Linux
internal import Patterns

/// Reads what stands between the brackets of a parameter line: a type, what it allows, and what the form is filled in with.
///
///     [int 1..99 = 31]   [text 1..32 /[a-z]+/]   [choice fast|exact="Slow, exact" = fast]   [file .fa .fasta max=2G]
struct TypeParser {
    private let scanner: LineScanner
    private let neighbours: Neighbours
    private let tokens: [Token]
    private var index = 0
    /// Where the closing bracket is.
    private let end: Int

    static let words: Set<String> = [
        "text", "lines", "int", "float", "choice", "choices", "flag", "date", "email", "file", "files", "output",
        "secret",
        "use",
    ]
    static let mostChoices = 1000
    /// Of a choice's value and of its label. Bytes.
    static let longestChoice = 200
    static let mostEndings = 50
    static let mostFiles = 1000

    /// A type, and what the form is filled in with.
    struct Reading {
        let type: ValueType
        var standard: Parameter.Standard?
        /// Where that stands.
        var standardPosition = 0
    }

    private struct Token {
        let content: Content
        let position: Int
        let isAfterBlank: Bool

        enum Content: Equatable {
            case word(String)
            case quoted(String)
            case pattern(String)
            case equals
            case bar
        }

        var word: String? { if case .word(let word) = content { word } else { nil } }
        var isEquals: Bool { content == .equals }
        var isBar: Bool { content == .bar }
    }

    /// Reads from the opening bracket to behind the closing one.
    ///
    /// - Throws: ``AnnotationProblem``.
    static func take(_ scanner: inout LineScanner, _ neighbours: Neighbours) throws(AnnotationProblem) -> Reading {
        let start = scanner.position
        _ = scanner.take("[")
        var tokens: [Token] = []
        while true {
            scanner.skipBlanks()
            let (position, isAfterBlank) = (scanner.position, scanner.isAfterBlank)
            let content: Token.Content
            switch scanner.next {
            case nil: throw scanner.problem("the bracket begins here and does not end: ] is missing", at: start)
            case UInt8(ascii: "]"):
                _ = scanner.take("]")
                var parser = TypeParser(scanner: scanner, neighbours: neighbours, tokens: tokens, end: position)
                return try parser.read()
            case UInt8(ascii: "["): throw scanner.problem("a text with brackets in it stands in quotes: \"[…]\"")
            case UInt8(ascii: "="):
                _ = scanner.take("=")
                content = .equals
            case UInt8(ascii: "|"):
                _ = scanner.take("|")
                content = .bar
            case UInt8(ascii: "\""):
                content = .quoted(
                    try scanner.takeText(between: "\"", keepingBackslashes: false, called: "the text in quotes"))
            case UInt8(ascii: "/"):
                content = .pattern(try scanner.takeText(between: "/", keepingBackslashes: true, called: "the pattern"))
            default:
                content = .word(scanner.take { !LineScanner.isBlank($0) && !"[]=|\"".utf8.contains($0) })
            }
            tokens.append(Token(content: content, position: position, isAfterBlank: isAfterBlank))
        }
    }

    private init(scanner: LineScanner, neighbours: Neighbours, tokens: [Token], end: Int) {
        self.scanner = scanner
        self.neighbours = neighbours
        self.tokens = tokens
        self.end = end
    }

    // MARK: Types

    /// What people write who come from elsewhere.
    private static let meant = [
        "integer": "int", "number": "float", "decimal": "float", "double": "float", "real": "float", "string": "text",
        "str": "text", "textarea": "lines", "multiline": "lines", "select": "choice", "enum": "choice",
        "option": "choice", "multiselect": "choices", "checkboxes": "choices", "bool": "flag", "boolean": "flag",
        "checkbox": "flag", "switch": "flag", "day": "date", "mail": "email", "e-mail": "email", "upload": "file",
        "input": "file", "inputs": "files", "path": "file", "outfile": "output", "password": "secret",
        "token": "secret",
    ]

    private mutating func read() throws(AnnotationProblem) -> Reading {
        guard let word = takeWord() else {
            throw problem("a type is missing, such as int, choice or file", at: tokens.first?.position ?? end)
        }
        switch word {
        case "text":
            let length = try takeCount(0...Parameter.longestText, of: "length", within: 0...Parameter.longestText)
            return try finish(.text(length: length, try takePattern()), such: "= \"some text\"")
        case "lines":
            let count = try takeCount(
                0...Parameter.longestText, of: "number of lines", within: 0...Parameter.longestText)
            return try finish(.lines(count: count, try takePattern()), such: "= \"one line\"")
        case "int":
            let range = try takeRange(.min, .max, such: "1..99") { word in
                ValueType.int(.min ... .max).problem(with: word, on: .epoch) == nil ? Int64(word) : nil
            }
            return try finish(.int(range), such: "= 31")
        case "float":
            let range = try takeRange(-.infinity, .infinity, such: "0..1") { word in
                ValueType.float(-.infinity ... .infinity).problem(with: word, on: .epoch) == nil ? Double(word) : nil
            }
            return try finish(.float(range), such: "= 0.05")
        case "choice": return try finish(.choice(try takeChoices()), such: "= one of them")
        case "choices":
            let count = try takeCount(1...TypeParser.mostChoices, of: "count", within: 1...TypeParser.mostChoices)
            return try finishChoices(try takeChoices(), count)
        case "flag": return try finishFlag()
        case "date": return try finishDate(try takeDays())
        case "email": return try finish(.email, such: "= lab@example.org")
        case "file": return try finish(.file(try takeFileRule()))
        case "files":
            let count = try takeCount(1...TypeParser.mostFiles, of: "count", within: 1...TypeParser.mostFiles)
            return try finish(.files(try takeFileRule(), count: count))
        case "output": return try finish(.output(endings: try takeEndings()), such: "= result.csv")
        case "secret":
            let length = try takeCount(0...Parameter.longestText, of: "length", within: 0...Parameter.longestText)
            return try finish(.secret(length: length, try takePattern()))
        case "use": return try finish(.use(try takeResource()))
        default:
            let advice =
                TypeParser.meant[word].map { "; write \($0)" }
                ?? "; there are text, lines, int, float, choice, choices, flag, date, email, file, files, output, secret and use"
            throw problem("there is no type \(word)\(advice)", at: tokens[0].position)
        }
    }

    private func problem(_ reason: String, at place: Int? = nil) -> AnnotationProblem {
        scanner.problem(reason, at: place ?? (index < tokens.count ? tokens[index].position : end))
    }

    // MARK: The end of the brackets

    /// Nothing more but, where `example` is given, what the form is filled in with.
    private mutating func finish(_ type: ValueType, such example: String? = nil) throws(AnnotationProblem) -> Reading {
        var reading = Reading(type: type)
        guard index < tokens.count else { return reading }
        guard let example else { throw problem("\(type.word) takes nothing of the kind") }
        reading.standardPosition = try passEquals(type, example)
        reading.standard = .value(try takeLast(example))
        return reading
    }

    private mutating func finishChoices(
        _ choices: [ValueType.Choice], _ count: ClosedRange<Int>
    ) throws(AnnotationProblem) -> Reading {
        for choice in choices where choice.value.utf8.contains(UInt8(ascii: ",")) {
            throw problem("where several can be chosen, none may hold a comma: \(choice.value)", at: tokens[0].position)
        }
        guard count.lowerBound <= choices.count else {
            throw problem("there are only \(choices.count) to choose from", at: tokens[0].position)
        }
        var reading = try finish(.choices(choices, count: count), such: "= one,another")
        if case .value(let text) = reading.standard {
            reading.standard = .value(text.utf8.map { $0 == UInt8(ascii: ",") ? UInt8(ascii: "\n") : $0 }.text)
        }
        return reading
    }

    private mutating func finishFlag() throws(AnnotationProblem) -> Reading {
        var reading = try finish(.flag, such: "= yes")
        switch reading.standard {
        case .value("no"): reading.standard = nil
        case .value("yes"), nil: break
        default: throw problem("a flag is filled in with yes or no", at: reading.standardPosition)
        }
        return reading
    }

    private mutating func finishDate(_ range: ValueType.DayRange) throws(AnnotationProblem) -> Reading {
        var reading = try finish(.date(range), such: "= today")
        if reading.standard == .value("today") { reading.standard = .today }
        return reading
    }

    private mutating func passEquals(_ type: ValueType, _ example: String) throws(AnnotationProblem) -> Int {
        guard tokens[index].isEquals else {
            throw problem("\(type.word) does not take this; what the form is filled in with is written \(example)")
        }
        index += 1
        return index < tokens.count ? tokens[index].position : end
    }

    private mutating func takeLast(_ example: String) throws(AnnotationProblem) -> String {
        guard index < tokens.count else { throw problem("a value is missing, as in: \(example)") }
        let text: String
        switch tokens[index].content {
        case .word(let word): text = word
        case .quoted(let quoted): text = quoted
        default: throw problem("a value is missing, as in: \(example)")
        }
        index += 1
        guard index == tokens.count else {
            throw problem("a text with blanks or signs in it stands in quotes: = \"…\"")
        }
        return text
    }

    // MARK: What a type takes

    private mutating func takeWord() -> String? {
        guard index < tokens.count, let word = tokens[index].word else { return nil }
        index += 1
        return word
    }

    /// A range if the next word is one, else all.
    private mutating func takeRange<Bound: Comparable>(
        _ least: Bound, _ most: Bound, such example: String, _ read: (String) -> Bound?
    ) throws(AnnotationProblem) -> ClosedRange<Bound> {
        guard index < tokens.count, let word = tokens[index].word else { return least...most }
        guard let (first, last) = TypeParser.parts(ofRange: word),
            let first = first.isEmpty ? least : read(first), let last = last.isEmpty ? most : read(last)
        else { throw problem("\(word) is no range such as \(example), 1.. or ..9") }
        guard first <= last else { throw problem("\(word) begins above its end") }
        index += 1
        return first...last
    }

    private static func parts(ofRange word: String) -> (String, String)? {
        let bytes = Array(word.utf8)
        guard let dots = bytes.indices.first(where: { bytes[$0...].starts(with: "..".utf8) }), bytes.count > 2 else {
            return nil
        }
        return (bytes[..<dots].text, bytes[(dots + 2)...].text)
    }

    /// How many, if the next word has two dots in it.
    private mutating func takeCount(
        _ all: ClosedRange<Int>, of what: String, within: ClosedRange<Int>
    ) throws(AnnotationProblem) -> ClosedRange<Int> {
        guard index < tokens.count, let word = tokens[index].word, TypeParser.parts(ofRange: word) != nil,
            word.utf8.first != UInt8(ascii: ".") || word.utf8.starts(with: "..".utf8)
        else { return all }
        let place = tokens[index].position
        let range = try takeRange(all.lowerBound, all.upperBound, such: "1..10") { word in
            word.utf8.allSatisfy(ValueType.isDigit) ? Int(word) : nil
        }
        guard within.contains(range.lowerBound), within.contains(range.upperBound) else {
            throw problem("the \(what) lies between \(within.lowerBound) and \(within.upperBound)", at: place)
        }
        return range
    }

    private mutating func takePattern() throws(AnnotationProblem) -> Pattern? {
        guard index < tokens.count, case .pattern(let text) = tokens[index].content else { return nil }
        do throws(Pattern.Problem) {
            let pattern = try Pattern(text)
            index += 1
            return pattern
        } catch { throw problem(error.reason) }
    }

    private mutating func takeEndings() throws(AnnotationProblem) -> [String] {
        var endings: [String] = []
        while index < tokens.count, let word = tokens[index].word, word.utf8.first == UInt8(ascii: ".") {
            let isEnding = word.utf8.dropFirst().allSatisfy {
                ValueType.isLetter($0) || ValueType.isDigit($0) || ".-_".utf8.contains($0)
            }
            guard isEnding, word.utf8.count > 1, word.utf8.count <= 50 else {
                throw problem("\(word) is no ending such as .csv")
            }
            guard endings.count < TypeParser.mostEndings else {
                throw problem("more than \(TypeParser.mostEndings) endings")
            }
            endings.append(word)
            index += 1
        }
        return endings
    }

    private mutating func takeFileRule() throws(AnnotationProblem) -> ValueType.FileRule {
        var rule = ValueType.FileRule(endings: try takeEndings())
        guard index + 1 < tokens.count, tokens[index].word == "max", tokens[index + 1].isEquals else { return rule }
        index += 2
        guard index < tokens.count, let word = tokens[index].word, let size = size(written: word), size > 0 else {
            throw problem("max wants a size, as in: max=2G")
        }
        index += 1
        rule.most = size
        // Whatever the order is.
        rule.endings += try takeEndings()
        return rule
    }

    private mutating func takeResource() throws(AnnotationProblem) -> ValueType.Resource {
        guard let word = takeWord(), let resource = ValueType.Resource(rawValue: word) else {
            index = min(index, 1)
            throw problem(
                "use wants one of \(list(ValueType.Resource.allCases.map(\.rawValue), "and")), as in: use cpus")
        }
        return resource
    }

    private mutating func takeDays() throws(AnnotationProblem) -> ValueType.DayRange {
        var range = ValueType.DayRange()
        guard index < tokens.count, let word = tokens[index].word else { return range }
        func bound(_ text: String) -> ValueType.DayRange.Bound?? {
            if text.isEmpty { return .some(nil) }
            if text == "today" { return .today }
            return Day(text).map { .day($0) }
        }
        guard let (first, last) = TypeParser.parts(ofRange: word), let first = bound(first), let last = bound(last)
        else {
            throw problem("\(word) is no range of days such as 2020-01-01..today")
        }
        if case .day(let first) = first, case .day(let last) = last, first > last {
            throw problem("\(word) begins after its end")
        }
        index += 1
        range.first = first
        range.last = last
        return range
    }

    // MARK: Choices

    private mutating func takeChoices() throws(AnnotationProblem) -> [ValueType.Choice] {
        if index + 1 < tokens.count, tokens[index].word == "from", let name = tokens[index + 1].word {
            defer { index += 2 }
            switch neighbours.choices(in: name) {
            case .success(let choices): return choices
            case .failure(let failure): throw problem(failure.reason, at: tokens[index + 1].position)
            }
        }
        var choices: [ValueType.Choice] = []
        var values: Set<String> = []
        while true {
            let place = index < tokens.count ? tokens[index].position : end
            let value = try takeChoiceText("a choice is missing, as in: choice fast|exact=\"Slow, exact\"")
            var label = value
            if index < tokens.count, tokens[index].isEquals, !tokens[index].isAfterBlank {
                index += 1
                guard index < tokens.count, case .quoted = tokens[index].content else {
                    throw problem(
                        "a label stands in quotes: \(value)=\"…\"; what the form is filled in with has a blank before its ="
                    )
                }
                label = try takeChoiceText("")
            }
            guard values.insert(value).inserted else {
                throw problem("\(value) stands here twice", at: place)
            }
            guard choices.count < TypeParser.mostChoices else {
                throw problem("more than \(TypeParser.mostChoices) choices")
            }
            choices.append(ValueType.Choice(value: value, label: label))
            guard index < tokens.count, tokens[index].isBar else { return choices }
            index += 1
        }
    }

    private mutating func takeChoiceText(_ reason: String) throws(AnnotationProblem) -> String {
        guard index < tokens.count else { throw problem(reason) }
        let text: String
        switch tokens[index].content {
        case .word(let word): text = word
        case .quoted(let quoted): text = quoted
        default: throw problem(reason)
        }
        guard Neighbours.canBeChosen(text) else {
            throw problem("a choice has 1 to \(TypeParser.longestChoice) bytes and no control characters")
        }
        index += 1
        return text
    }
}
