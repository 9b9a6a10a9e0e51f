import Linux

@testable import Scripts

/// What a fuzzer, or a test, found out about an input.
struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Reads a script and holds a value against all of its parameters.
///
/// An input has up to three parts with a byte 0x1E between each two: the script, the value, and what is in a file called
/// `list` beside the script. Without the third there is no such file.
final class AnnotationsTarget {
    private let folder: String
    private let style = AnnotationStyle()
    /// What is in the file now.
    private var list: [UInt8]?

    private static let separator: UInt8 = 0x1E
    /// So few that a fuzzer comes to the end of them.
    private static let mostVariants = 20

    /// - Parameter folder: an empty one for the script, better in memory than on a disk.
    init(folder: String) throws {
        self.folder = folder
        let script = try Descriptor.open(folder + "/script.sh", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o755)
        fchmod(script.number, 0o755)
    }

    func run(_ input: [UInt8]) throws {
        let parts = input.split(separator: Self.separator, maxSplits: 2, omittingEmptySubsequences: false).map(
            Array.init)
        try put(list: parts.count > 2 ? parts[2] : nil)
        let text = parts[0]
        let value = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""

        let result = read(text)
        try checkInspection(of: text, result)
        switch result {
        case .failure(let problem): try check(problem, of: text)
        case .success(let annotations):
            let script = Script(name: "script.sh", path: folder + "/script.sh", annotations)
            try checkAccess(of: script, text)
            try check(script)
            try check(script, given: value)
        }
    }

    private func put(list: [UInt8]?) throws {
        guard list != self.list else { return }
        self.list = list
        guard let list else {
            unlink(folder + "/list")
            return
        }
        try Descriptor.open(folder + "/list", O_WRONLY | O_CREAT | O_TRUNC).write(list)
    }

    private func read(_ text: [UInt8]) -> Result<Annotations, AnnotationProblem> {
        do throws(AnnotationProblem) {
            return .success(try Annotations(of: text, style: style, neighbours: Neighbours(folder)))
        } catch { return .failure(error) }
    }

    // MARK: What is told

    /// It is read once more.
    private func checkInspection(of text: [UInt8], _ result: Result<Annotations, AnnotationProblem>) throws {
        try Descriptor.open(folder + "/script.sh", O_WRONLY | O_TRUNC).write(text)
        let finding = Inspector(style: style).inspect(folder + "/script.sh")
        let lines = lines(of: text)
        for remark in finding.remarks {
            try expect(remark.description.unicodeScalars.allSatisfy(isShowable), "a remark holds control characters")
            if let place = remark.place { try check(place.line, place.column, in: lines) }
        }
        let errors = finding.remarks.filter(\.isError)
        switch result {
        case .success(let annotations):
            try expect(errors.isEmpty, "an error for a script that is offered")
            try expect(
                finding.script == Script(name: "script.sh", path: folder + "/script.sh", annotations), "another script")
            let json = finding.script?.json.text ?? ""
            try expect(
                json.utf8.allSatisfy { $0 == UInt8(ascii: "\n") || $0 >= 0x20 }, "JSON with control characters")
        case .failure(let problem):
            try expect(finding.script == nil && errors.count == 1, "no error for a script that is not offered")
            try expect(
                errors[0].place == Catalogue.Problem.Place(line: problem.line, column: problem.column)
                    && errors[0].text == problem.reason, "another problem")
        }
    }

    private func check(_ problem: AnnotationProblem, of text: [UInt8]) throws {
        try expect(!problem.reason.isEmpty, "a problem without a reason")
        try check(problem.line, problem.column, in: lines(of: text))
    }

    private func lines(of text: [UInt8]) -> [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    private func check(_ line: Int, _ column: Int, in lines: [ArraySlice<UInt8>]) throws {
        try expect((1...lines.count).contains(line), "line \(line) of \(lines.count)")
        let characters = String(decoding: lines[line - 1], as: UTF8.self).unicodeScalars.count
        try expect((1...characters + 1).contains(column), "column \(column) of \(characters)")
    }

    private func isShowable(_ scalar: Unicode.Scalar) -> Bool {
        !(0..<0x20).contains(scalar.value) && !(0x7F...0x9F).contains(scalar.value)
    }

    /// What is meant for a few is never for everybody.
    private func checkAccess(of script: Script, _ text: [UInt8]) throws {
        let prefix = Array(style.docPrefix.utf8)
        let said = lines(of: text).filter { $0.starts(with: prefix) }.map { $0.dropFirst(prefix.count) }
            .filter { $0.split { " \t\r".utf8.contains($0) }.first?.elementsEqual("@access".utf8) == true }
        let isForAll = said.contains {
            $0.split { " \t\r,".utf8.contains($0) }.contains { $0.elementsEqual("all".utf8) }
        }
        try expect(said.isEmpty || (script.access == nil) == isForAll, "it is for others than it says")
    }

    // MARK: What a script wants

    private func check(_ script: Script) throws {
        let parameters = script.parameters
        try expect(Set(parameters.map { Array($0.name.utf8) }).count == parameters.count, "two parameters of one name")
        try expect(parameters.count <= Annotations.mostParameters, "too many parameters")
        let terms = script.terms
        try expect(terms.retries == 0 || terms.isIdempotent, "tried again, but not idempotent")
        try expect(terms.leeway.cpus.map { $0.contains(terms.needs.cpus ?? 0) } != false, "CPUs out of the range")
        try expect(terms.leeway.memory.map { $0.contains(terms.needs.memory ?? 0) } != false, "memory out of the range")
        try expect(
            terms.leeway.time.map { $0.contains(terms.timeLimit ?? .seconds(0)) } != false, "time out of the range")
        guard script.syntax == 2 else {
            for parameter in parameters {
                try expect(
                    [.plain, .anyFile, .anyOutput].contains(parameter.type) && !parameter.name.isEmpty
                        && parameter.standard == nil && parameter.condition == nil, "\(parameter) of the original form")
            }
            return
        }
        let variables = parameters.flatMap(\.variables)
        try expect(Set(variables).count == variables.count, "two values in one variable")
        try expect(RichAnnotations.reservedVariables.isDisjoint(with: variables), "a variable that is there anyway")
        try expect(
            variables.allSatisfy {
                $0.utf8.allSatisfy { byte in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_".utf8.contains(byte) }
            },
            "a variable that no shell reads")
        for (index, parameter) in parameters.enumerated() {
            _ = parameter.type.sentence(on: .epoch)
            if case .value(let text) = parameter.standard, !parameter.type.dependsOnToday {
                try expect(!parameter.type.isFile && parameter.type != .flag || text == ValueType.yes, "a standard")
                try expect(parameter.problem(with: text, on: .epoch) == nil, "the form starts with what will not do")
            }
            if let condition = parameter.condition {
                let other = parameters[..<index].first { $0.name == condition.parameter }
                let possible: Set<String>
                switch other?.type {
                case .flag: possible = ["yes", "no"]
                case .choice(let choices), .choices(let choices, _): possible = Set(choices.map(\.value))
                default: throw Broken("a condition on nothing")
                }
                try expect(
                    !condition.values.isEmpty && condition.values.allSatisfy(possible.contains),
                    "a condition that never holds")
            }
        }
        try checkExample(of: script)
    }

    private func checkExample(of script: Script) throws {
        var seen: Set<String> = []
        for example in script.example ?? [] {
            try expect(seen.insert(example.parameter).inserted, "two examples for one parameter")
            guard let parameter = script.parameters.first(where: { $0.name == example.parameter }) else {
                throw Broken("an example for no parameter")
            }
            if parameter.type.isFile {
                try expect(
                    example.values.isEmpty
                        ? parameter.problemWhenEmpty == nil : parameter.problem(withCount: example.values.count) == nil,
                    "an example of too many files, or too few")
                for path in example.values {
                    let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? ""
                    try expect(parameter.problem(withFileNamed: name, size: 0) == nil, "an example's file will not do")
                    try expect(!name.isEmpty && !path.hasPrefix("/"), "an example's file that lies elsewhere")
                }
            } else if !parameter.type.dependsOnToday, example.values != ["today"] || parameter.type.word != "date" {
                let text =
                    parameter.type == .flag && example.values == ["no"] ? "" : example.values.joined(separator: "\n")
                try expect(parameter.problem(with: text, on: .epoch) == nil, "an example will not do")
            }
        }
    }

    // MARK: What a value becomes

    private func check(_ script: Script, given value: String) throws {
        var handover = Handover(to: script)
        for parameter in script.parameters {
            var candidates = [value]
            if case .value(let text) = parameter.standard { candidates += [text, text + value] }
            for candidate in candidates {
                let problem = parameter.problem(with: candidate, on: .epoch)
                try expect(problem == parameter.problem(with: candidate, on: .epoch), "a value is checked in two ways")
                if problem == nil { try checkAccepted(candidate, by: parameter) }
            }
            if parameter.canVary { try checkVariants(of: parameter, value) }
            _ = parameter.problem(withFileNamed: value, size: Int64(value.utf8.count))
            handover.put(parameter, value)
            try expect(handover.arguments.last.map { $0.utf8.elementsEqual(value.utf8) } == true, "another argument")
        }
        try expect(handover.arguments.count == script.parameters.count, "another number of arguments")
        let asked = script.asked { _ in value }
        for (parameter, isAsked) in zip(script.parameters, asked) where !isAsked {
            var isUse = false
            if case .use = parameter.type { isUse = true }
            try expect(isUse || parameter.condition != nil, "an unconditional parameter is not asked for")
        }
        try checkTable(value)
        _ = Progress(in: value, style: style)
        _ = [script].found(by: value)
        _ = script.description(ofOutput: value)
    }

    private func checkVariants(of parameter: Parameter, _ text: String) throws {
        guard case .values(let values) = parameter.variants(of: text, upTo: Self.mostVariants, on: .epoch) else {
            return
        }
        try expect((1...Self.mostVariants).contains(values.count), "\(values.count) variants")
        try expect(Set(values).count == values.count, "two variants are the same")
        for value in values {
            try expect(parameter.problem(with: value, on: .epoch) == nil, "a variant will not do")
        }
    }

    private func checkTable(_ text: String) throws {
        guard let table = try? Table(Array(text.utf8), upTo: Self.mostVariants) else { return }
        try expect((1...Self.mostVariants).contains(table.rows.count), "\(table.rows.count) rows")
        try expect(table.rows.allSatisfy { $0.count == table.names.count }, "a row of another length")
    }

    /// What scripts may rely on, found out in another way than the checks do.
    private func checkAccepted(_ value: String, by parameter: Parameter) throws {
        func promise(_ holds: Bool) throws {
            try expect(holds, "\(parameter.type.word) takes \(Array(value.utf8))")
        }
        try promise(!value.utf8.contains(0) && value.utf8.count <= Parameter.longestText)
        try promise(value.unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\t" || isShowable($0) })
        if value.isEmpty { return try promise(parameter.isOptional || parameter.type.isFile) }
        let lines = value.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        switch parameter.type {
        case .plain, .file, .files, .use: break
        case .lines(let count, _): try promise(count.contains(lines.count) || count.contains(lines.count - 1))
        case .text(let length, _), .secret(let length, _):
            try promise(lines.count == 1 && length.contains(value.unicodeScalars.count))
        case .int(let range): try promise(Int64(value).map { "\($0)" == value && range.contains($0) } == true)
        case .float(let range):
            let number = value.withCString { strtod($0, nil) }
            try promise(lines.count == 1 && value.utf8.allSatisfy("0123456789+-.eE".utf8.contains))
            try promise(number.isFinite && range.contains(number))
        case .choice(let choices): try promise(choices.contains { Array($0.value.utf8) == Array(value.utf8) })
        case .choices(let choices, let count):
            try promise(count.contains(lines.count) && Set(lines).count == lines.count)
            try promise(Set(choices.map { Array($0.value.utf8) }).isSuperset(of: lines))
            try promise(ValueType.items(of: value).map { Array($0.utf8) } == lines)
        case .flag: try promise(value == "yes")
        case .date: try promise(Day(value).map { "\($0)" == value } == true)
        case .email:
            try promise(value.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !value.utf8.starts(with: "-".utf8))
            try promise(!value.utf8.contains { "<>,;:\"\\()[] ".utf8.contains($0) })
        case .output:
            try promise(lines.count == 1 && !value.utf8.contains { "/\t".utf8.contains($0) } && value.utf8.count < 256)
            try promise(!".-".utf8.contains(lines[0][0]))
        }
    }
}

func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
    if !holds { throw Broken(otherwise()) }
}
