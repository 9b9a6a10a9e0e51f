internal import Accounts
import FileStore
import JobQueue
import Linux
import Scripts
internal import Sodium
import Storage
import Web

/// The jobs that a form for several stands for: one for each combination of its values, once for each row of its table.
struct Variations {
    /// For each parameter, what goes back into the form.
    private(set) var fields: [FieldValue] = []
    /// For each job, what comes of each parameter. Right only if nothing else is wrong.
    private(set) var jobs: [[FieldValue]] = []
    /// What is wrong with the table.
    private(set) var tableProblem: String?
    /// What is wrong with all together.
    private(set) var problem: String?

    var isRight: Bool { tableProblem == nil && problem == nil && fields.allSatisfy { $0.problem == nil } }

    /// - Parameter most: more jobs are too many.
    init(_ submission: Submission, of script: Script, upTo most: Int, on today: Day) throws {
        var candidates: [String: [FieldValue]] = [:]
        fields = try script.parameters.map { parameter in
            let (field, values) = try submission.variants(of: parameter, upTo: most, on: today)
            candidates[parameter.name] = values
            return field.unjudged
        }
        var rows: [[String: FieldValue]] = [[:]]
        if submission.hasTable {
            do {
                rows = try submission.rows(of: script, upTo: most, on: today)
                for name in rows.first?.keys ?? [:].keys { candidates[name] = nil }
            } catch let error as Table.Problem {
                tableProblem = error.sentence
                rows = [[:]]
            }
        }
        let varying = script.parameters.filter { (candidates[$0.name]?.count ?? 1) > 1 }
        // Of a hundred fields the product may be larger than any integer.
        let combinations = varying.reduce(Double(rows.count)) { $0 * Double(candidates[$1.name]?.count ?? 1) }
        let count = Int(min(combinations, 1e9))
        guard count <= most else {
            let words = count < 1_000_000_000 ? "\(count)" : "more than a thousand million"
            problem = "These values make \(words) jobs, and at most \(most) may be submitted together. Take some away."
            return
        }
        var known: Set<String> = []
        for row in rows {
            for number in 0..<(count / rows.count) {
                // The last one varies fastest, as the digits of a number do.
                var rest = number
                var chosen = row
                for parameter in varying.reversed() {
                    let values = candidates[parameter.name] ?? []
                    chosen[parameter.name] = values[rest % values.count]
                    rest /= values.count
                }
                let job = FieldValue.settled(script) { chosen[$0.name] ?? candidates[$0.name]?.first ?? FieldValue() }
                note(problemsOf: job, of: script, isInRow: { row[$0] != nil })
                // Where a value is not asked for, several of it are no several jobs.
                if known.insert(Self.key(of: job)).inserted { jobs.append(job) }
            }
        }
    }

    private mutating func note(problemsOf job: [FieldValue], of script: Script, isInRow: (String) -> Bool) {
        for (index, value) in job.enumerated() {
            guard let problem = value.problem else { continue }
            if isInRow(script.parameters[index].name) {
                tableProblem = tableProblem ?? "\(script.parameters[index].name): \(problem)"
            } else {
                fields[index].refuse(problem)
            }
        }
    }

    /// Tells one job's values from another's.
    private static func key(of job: [FieldValue]) -> String {
        job.map { value in
            value.parameters.map { parameter in
                let number = parameter.file.map { "\($0)" } ?? parameter.source.map { "\($0)" } ?? ""
                return "\(parameter.kind.rawValue)\u{0}\(parameter.value)\u{0}\(number)"
            }.joined(separator: "\u{1}")
        }.joined(separator: "\u{2}")
    }

    /// Tells these jobs from others: what a preview has shown is what is submitted.
    func seal(_ terms: Terms, after followed: [JobID]) -> String {
        let all = jobs.map(Self.key).joined(separator: "\u{3}")
        let needs = "\(terms.needs.cpus ?? 0) \(terms.needs.memory ?? 0) \(terms.timeLimit?.milliseconds ?? 0)"
        let after = followed.map { "\($0)" }.joined(separator: " ")
        return SHA256.hash(Array("\(needs)\u{3}\(after)\u{3}\(all)".utf8)).hex
    }
}

extension Submission {
    /// What goes back into the form for a parameter, and the values that it stands for: one at least, of which what is wrong
    /// counts only where it is asked for.
    fileprivate func variants(
        of parameter: Parameter, upTo most: Int, on today: Day
    ) throws -> (field: FieldValue, values: [FieldValue]) {
        let sent = sent(for: parameter).filter { !$0.isEmpty }
        guard parameter.canVary else {
            let value = try value(of: parameter, on: today)
            return (value, [value])
        }
        if parameter.type.isFile {
            let all = try given(for: parameter, sent)
            guard all.problem == nil, all.parameters.count > 1 else {
                return (all, [all.parameters.isEmpty ? try value(of: parameter, on: today) : all])
            }
            return (all, all.parameters.map { FieldValue(text: $0.value, parameters: [$0]) })
        }
        let text = sent.joined(separator: "\n").withPlainLineBreaks
        let field = FieldValue(text: text)
        switch parameter.variants(of: text, upTo: most, on: today) {
        case .values(let values): return (field, values.map { checked(parameter, $0, on: today) })
        case .problem(let problem): return (field, [FieldValue(text: text, problem: problem)])
        }
    }

    /// The values of each row of the table, by parameter.
    ///
    /// - Throws: `Table.Problem`, or what the stores throw.
    fileprivate func rows(of script: Script, upTo most: Int, on today: Day) throws -> [[String: FieldValue]] {
        guard table.count <= Table.longest else {
            throw Table.Problem(sentence: "The table is larger than \(readableSize(Int64(Table.longest))).")
        }
        let table = try Table(table, upTo: most)
        let parameters = try table.names.enumerated().map { index, name in
            guard let parameter = script.parameters.first(where: { $0.name == name }) else {
                let known = script.parameters.filter(\.canStandInATable).map(\.name).joined(separator: ", ")
                throw Table.Problem(
                    sentence: "The first line of the table names “\(name)”, but a table may have: \(known).")
            }
            guard parameter.canStandInATable else {
                throw Table.Problem(sentence: "\(name) cannot stand in a table.")
            }
            guard table.names.firstIndex(of: name) == index else {
                throw Table.Problem(sentence: "The first line of the table names \(name) twice.")
            }
            return parameter
        }
        let own = parameters.contains { $0.type.isFile } ? try site.inbox.files(of: visitor.user.id) : []
        return try table.rows.enumerated().map { index, cells in
            var row: [String: FieldValue] = [:]
            for (parameter, cell) in zip(parameters, cells) {
                var value = try self.value(of: parameter, inCell: cell, own, on: today)
                if let problem = value.problem {
                    value = FieldValue(text: cell, problem: "\(problem) (row \(index + 1) of the table)")
                }
                row[parameter.name] = value
            }
            return row
        }
    }

    private func value(of parameter: Parameter, inCell cell: String, _ own: [InboxFile], on today: Day) throws
        -> FieldValue
    {
        guard parameter.type.isFile else {
            let text = parameter.type == .flag && cell == "no" ? "" : cell
            return checked(parameter, text, on: today)
        }
        var value = FieldValue()
        for name in ValueType.items(of: cell) where !name.isEmpty {
            if let file = own.first(where: { $0.name == name }) {
                value.add(.own(file), to: parameter)
            } else if let shared = site.inbox.sharedFile(name) {
                value.add(.shared(shared), to: parameter)
            } else {
                value.refuse("There is no file \(name) among yours and the shared ones; upload it first.")
            }
        }
        if value.parameters.isEmpty {
            if let problem = parameter.problemWhenEmpty { value.refuse(problem) }
            value.parameters = [JobParameter(name: parameter.name, kind: .text, value: "")]
        } else if let problem = parameter.problem(withCount: value.parameters.count) {
            value.refuse(problem)
        }
        return value
    }
}
