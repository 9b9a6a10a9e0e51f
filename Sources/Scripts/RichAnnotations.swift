internal import Linux

/// Gathers the lines of a script whose first annotation is `@syntax 2`.
///
/// Everything that is not understood is a problem: a form that asks for something else than its author meant is worse than
/// none.
struct RichAnnotations {
    private let style: AnnotationStyle
    private let neighbours: Neighbours
    private(set) var title: String?
    private(set) var about: [String] = []
    private(set) var tags: [String] = []
    private(set) var parameters: [Parameter] = []
    private(set) var outputs: [Script.OutputNote] = []
    private var termLines = TermLines(isRich: true)
    private var accessLines = AccessLines()
    private var examples: [(words: [(name: String, value: String, position: Int)], line: Int, scanner: LineScanner)] =
        []
    /// Where each parameter and each line that may stand once is.
    private var lines: [String: Int] = [:]
    /// Which parameter each variable of the script's environment is of.
    private var variables: [String: String] = [:]

    static let mostTags = 20
    static let mostOutputs = 50
    /// Of a title and of a tag. Characters.
    static let (longestTitle, longestTag) = (100, 40)
    /// What the script finds in its environment anyway.
    static let reservedVariables: Set<String> = ["SR_JOB", "SR_ATTEMPT", "SR_SCRIPT", "SR_REQUESTER", "SR_RUN"]

    init(style: AnnotationStyle, neighbours: Neighbours) {
        self.style = style
        self.neighbours = neighbours
    }

    /// Reads a line from where its content begins.
    mutating func take(_ scanner: LineScanner, line: Int) throws(AnnotationProblem) {
        var scanner = scanner
        if scanner.next == UInt8(ascii: "@") { return try takeKeyword(&scanner, line) }
        try takeParameter(try ParameterLine(&scanner, neighbours), scanner, line)
    }

    /// Whom the script is for; `nil`: everybody.
    var access: Access? { accessLines.access }

    /// All that was said.
    func finished() throws(AnnotationProblem) -> (terms: Terms, example: [Script.Example]?) {
        (try termLines.finished(), try example())
    }

    // MARK: Parameters

    private mutating func takeParameter(
        _ said: ParameterLine, _ scanner: LineScanner, _ line: Int
    ) throws(AnnotationProblem) {
        if let first = lines[said.name] {
            throw scanner.problem("\(said.name) is described in line \(first) already", at: said.namePosition)
        }
        guard parameters.count < Annotations.mostParameters else {
            throw scanner.problem("more than \(Annotations.mostParameters) parameters", at: said.namePosition)
        }
        let type = said.reading?.type ?? typeByName(said.name)
        if said.isOptional {
            switch type {
            case .flag, .use:
                throw scanner.problem("\(type.word) is never missing; take the ? away", at: said.namePosition)
            default: break
            }
        }
        let parameter = Parameter(
            name: said.name, description: said.description, type: type, isOptional: said.isOptional || type == .flag,
            standard: said.reading?.standard, condition: try condition(said.condition, scanner))
        if case .value(let value) = parameter.standard {
            // Bounds that are today are somewhere else tomorrow.
            if let problem = parameter.problem(with: value, on: .epoch),
                !parameter.type.dependsOnToday || Day(value) == nil
            {
                throw scanner.problem(
                    "what the form is filled in with will not do: \(problem)", at: said.reading?.standardPosition)
            }
        }
        for variable in parameter.variables {
            if RichAnnotations.reservedVariables.contains(variable) {
                throw scanner.problem(
                    "\(said.name) would be \(variable), which every script has already; take another name",
                    at: said.namePosition)
            }
            if let other = variables.updateValue(said.name, forKey: variable) {
                throw scanner.problem(
                    "\(said.name) and \(other) would both be \(variable); take another name", at: said.namePosition)
            }
        }
        lines[said.name] = line
        parameters.append(parameter)
    }

    private func typeByName(_ name: String) -> ValueType {
        if name.hasPrefix(style.inputPrefix) { return .anyFile }
        return name.hasPrefix(style.outputPrefix) ? .anyOutput : .anyText
    }

    private func condition(
        _ said: ParameterLine.Condition?, _ scanner: LineScanner
    ) throws(AnnotationProblem) -> Parameter.Condition? {
        guard let said else { return nil }
        guard let other = parameters.first(where: { $0.name == said.parameter }) else {
            throw scanner.problem(
                "there is no parameter \(said.parameter) in the lines above", at: said.position)
        }
        let possible: [String]
        switch other.type {
        case .flag: possible = [ValueType.yes, "no"]
        case .choice(let choices), .choices(let choices, _): possible = choices.map(\.value)
        default:
            throw scanner.problem(
                "when wants a choice, choices or a flag; \(said.parameter) is \(other.type.word)", at: said.position)
        }
        guard let values = said.values ?? (other.type == .flag ? [ValueType.yes] : nil) else {
            throw scanner.problem("when wants a value, as in: when \(said.parameter)=\(possible[0])", at: said.position)
        }
        let known = Set(possible)
        for value in values where !known.contains(value) {
            throw scanner.problem("\(said.parameter) is never \(value)", at: said.position)
        }
        return Parameter.Condition(parameter: said.parameter, values: values)
    }

    // MARK: Lines about the script

    private mutating func takeKeyword(_ scanner: inout LineScanner, _ line: Int) throws(AnnotationProblem) {
        let start = scanner.position
        let keyword = scanner.take { !LineScanner.isBlank($0) }
        switch keyword {
        case "@title":
            try once(keyword, scanner, line, start)
            title = try text(&scanner, keyword, "Align reads", atMost: Self.longestTitle)
        case "@about":
            about.append(try text(&scanner, keyword, "Maps reads to a genome.", atMost: Parameter.longestText))
        case "@tags": try takeTags(&scanner)
        case "@output": try takeOutput(&scanner)
        case "@example":
            try once(keyword, scanner, line, start)
            examples.append((try words(&scanner), line, scanner))
        case "@needs", "@limits", "@time", "@retry", "@idempotent":
            do throws(AnnotationProblem) {
                try termLines.take(keyword + " " + scanner.takeRest(), line: line)
            } catch { throw error.at(column: scanner.problem("", at: start).column) }
        case AccessLines.keyword: try accessLines.take(&scanner)
        case "@syntax": throw scanner.problem("@syntax stands once, before all other lines", at: start)
        default:
            throw scanner.problem(
                "\(keyword) is not understood; there are @title, @about, @tags, @needs, @limits, @time, @retry, "
                    + "@idempotent, @access, @example and @output", at: start)
        }
    }

    private mutating func once(
        _ keyword: String, _ scanner: LineScanner, _ line: Int, _ position: Int
    ) throws(AnnotationProblem) {
        if let first = lines[keyword] {
            throw scanner.problem("\(keyword) stands in line \(first) already", at: position)
        }
        lines[keyword] = line
    }

    private func text(
        _ scanner: inout LineScanner, _ keyword: String, _ example: String, atMost most: Int
    ) throws(AnnotationProblem) -> String {
        scanner.skipBlanks()
        let place = scanner.position
        let text = scanner.takeRest()
        guard !text.isEmpty else { throw scanner.problem("\(keyword) says nothing, as in: \(keyword) \(example)") }
        guard text.unicodeScalars.count <= most else {
            throw scanner.problem("\(keyword) has more than \(most) characters", at: place)
        }
        return text
    }

    private mutating func takeTags(_ scanner: inout LineScanner) throws(AnnotationProblem) {
        let text = try text(&scanner, "@tags", "genomics, alignment", atMost: Parameter.longestText)
        for part in text.utf8.split(separator: UInt8(ascii: ",")) {
            let tag = part.text.trimmingBlanks
            guard !tag.isEmpty, !tags.contains(tag) else { continue }
            guard tag.unicodeScalars.count <= Self.longestTag, tags.count < Self.mostTags else {
                throw scanner.problem("at most \(Self.mostTags) tags of \(Self.longestTag) characters", at: nil)
            }
            tags.append(tag)
        }
    }

    /// `NAMES - DESCRIPTION`, where names may hold `*` and `?`.
    private mutating func takeOutput(_ scanner: inout LineScanner) throws(AnnotationProblem) {
        scanner.skipBlanks()
        let place = scanner.position
        let names = scanner.take { !LineScanner.isBlank($0) }
        scanner.skipBlanks()
        guard !names.isEmpty, scanner.take("-"), scanner.next.map(LineScanner.isBlank) == true else {
            throw scanner.problem(
                "@output wants names and a description, as in: @output *.bam - aligned reads", at: place)
        }
        guard outputs.count < Self.mostOutputs else {
            throw scanner.problem("more than \(Self.mostOutputs) lines of @output", at: place)
        }
        outputs.append(Script.OutputNote(names: names, description: scanner.takeRest()))
    }

    // MARK: The example

    /// `NAME=VALUE` with blanks between; a value with blanks stands in quotes.
    private func words(
        _ scanner: inout LineScanner
    ) throws(AnnotationProblem) -> [(name: String, value: String, position: Int)] {
        var words: [(name: String, value: String, position: Int)] = []
        while true {
            scanner.skipBlanks()
            if scanner.isAtEnd { return words }
            let place = scanner.position
            let name = scanner.take { !LineScanner.isBlank($0) && $0 != UInt8(ascii: "=") }
            guard scanner.take("=") else {
                throw scanner.problem("@example wants names and values, as in: @example k=31 reads=demo.fq", at: place)
            }
            let value =
                scanner.next == UInt8(ascii: "\"")
                ? try scanner.takeText(between: "\"", keepingBackslashes: false, called: "the text in quotes")
                : scanner.take { !LineScanner.isBlank($0) }
            words.append((name, value, place))
        }
    }

    /// Checked when all parameters are known.
    private func example() throws(AnnotationProblem) -> [Script.Example]? {
        guard let (words, _, scanner) = examples.first else { return nil }
        var example: [Script.Example] = []
        for (name, value, place) in words {
            guard let parameter = parameters.first(where: { $0.name == name }) else {
                throw scanner.problem("there is no parameter \(name)", at: place)
            }
            guard !example.contains(where: { $0.parameter == name }) else {
                throw scanner.problem("\(name) stands here twice", at: place)
            }
            let isList = parameter.type.isList
            let values = isList ? value.utf8.split(separator: UInt8(ascii: ",")).map(\.text) : [value]
            switch parameter.type {
            case .secret, .use: throw scanner.problem("there is no example of \(parameter.type.word)", at: place)
            case .file, .files:
                for file in values where !RichAnnotations.isPlainPath(file) {
                    throw scanner.problem("\(file) is no file below the script's folder", at: place)
                }
                let problem =
                    values.isEmpty
                    ? parameter.problemWhenEmpty
                    : parameter.problem(withCount: values.count)
                        ?? values.compactMap { parameter.problem(withFileNamed: Linux.name(of: $0), size: 0) }.first
                if let problem { throw scanner.problem("the example will not do for \(name): \(problem)", at: place) }
            default:
                let text = parameter.type == .flag && value == "no" ? "" : values.joined(separator: "\n")
                if case .date = parameter.type, value == "today" { break }
                if let problem = parameter.problem(with: text, on: .epoch), !parameter.type.dependsOnToday {
                    throw scanner.problem("the example will not do for \(name): \(problem)", at: place)
                }
            }
            example.append(Script.Example(parameter: name, values: values))
        }
        return example
    }

    /// Leads to nothing hidden and to nothing above.
    private static func isPlainPath(_ path: String) -> Bool {
        path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0.first != UInt8(ascii: ".") }
    }
}

extension ValueType {
    /// It has several items.
    public var isList: Bool {
        switch self {
        case .choices, .files: true
        default: false
        }
    }

    /// What will do today may not do tomorrow.
    var dependsOnToday: Bool {
        guard case .date(let range) = self else { return false }
        return range.first == .today || range.last == .today
    }
}

extension Parameter {
    /// The variables of the script's environment that hold it: `SR_` and the name in upper case, with `_FILE` for a secret's
    /// file; and the names that the user's files had.
    public var variables: [String] {
        let name = "SR_" + String(decoding: name.utf8.map { ValueType.isLetter($0) ? $0 & ~0x20 : $0 }, as: UTF8.self)
        switch type {
        case .secret: return [name + "_FILE"]
        case .file, .files: return [name, name + "_NAMES"]
        default: return [name]
        }
    }
}
