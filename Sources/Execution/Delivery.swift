import FileStore
import JobQueue
import Linux
import Scripts
import Storage

/// Makes of a job's parameters what its script is given.
///
/// Everything that was checked at submission is checked again: the script may have been edited, a file may be gone.
struct Delivery {
    private(set) var handover: Handover

    private let attempt: Attempt
    private let inbox: Inbox
    private let secrets: Secrets
    private let results: Results
    /// The job's own, where outputs go.
    private let folder: String
    private let machine: Machine

    /// - Throws: ``Commission/Refusal``, or what the stores throw.
    init(
        _ parameters: [JobParameter], to script: Script, for attempt: Attempt, _ inbox: Inbox, _ secrets: Secrets,
        _ results: Results, _ folder: String, on machine: Machine
    ) throws {
        handover = Handover(to: script)
        self.attempt = attempt
        self.inbox = inbox
        self.secrets = secrets
        self.results = results
        self.folder = folder
        self.machine = machine

        let wanted = script.parameters.filter(\.isGiven)
        let given = Delivery.groups(parameters)
        guard given.map(\.[0].name) == wanted.map(\.name) else {
            throw Commission.Refusal(
                sentence: "The script wants other parameters now than when this job was submitted. Submit it again.")
        }
        var rows: [String: [JobParameter]] = [:]
        for group in given { rows[group[0].name] = group }
        let asked = script.asked { Delivery.text(of: rows[$0.name] ?? []) }
        for (parameter, isAsked) in zip(script.parameters, asked) {
            try deliver(parameter, rows[parameter.name] ?? [], isAsked: isAsked)
        }
    }

    /// Several files of one parameter are several rows of the same name.
    private static func groups(_ parameters: [JobParameter]) -> [[JobParameter]] {
        var groups: [[JobParameter]] = []
        for parameter in parameters {
            if groups.last?.first?.name == parameter.name {
                groups[groups.count - 1].append(parameter)
            } else {
                groups.append([parameter])
            }
        }
        return groups
    }

    private static func text(of rows: [JobParameter]) -> String { rows.map(\.value).joined(separator: "\n") }

    private mutating func deliver(_ parameter: Parameter, _ rows: [JobParameter], isAsked: Bool) throws {
        if case .use(let resource) = parameter.type { return handover.put(parameter, amount(of: resource)) }
        let text = Delivery.text(of: rows)
        guard !text.isEmpty else {
            if isAsked, let problem = parameter.problemWhenEmpty { throw refusal(parameter, problem) }
            return handover.put(parameter, "")
        }
        guard isAsked else { throw refusal(parameter, "It is not asked for together with the other values.") }
        switch parameter.type {
        case .file, .files: return try deliverFiles(parameter, rows)
        case .secret: return try deliverSecret(parameter, rows)
        default: break
        }
        guard rows.count == 1, rows[0].kind == (parameter.type.isOutput ? .output : .text) else {
            throw refusal(parameter, "The script wants another kind of value now.")
        }
        if let problem = parameter.problem(with: text, on: Day(of: attempt.job.queuedAt)) {
            throw refusal(parameter, problem)
        }
        handover.put(parameter, parameter.type.isOutput ? folder + "/" + text : text)
    }

    private mutating func deliverFiles(_ parameter: Parameter, _ rows: [JobParameter]) throws {
        if let problem = parameter.problem(withCount: rows.count) { throw refusal(parameter, problem) }
        let paths = try rows.map { row in
            let (path, size) = try file(row)
            if let problem = parameter.problem(withFileNamed: name(of: row.value), size: size) {
                throw refusal(parameter, problem)
            }
            return path
        }
        handover.put(
            parameter, paths.joined(separator: "\n"), names: rows.map { name(of: $0.value) }.joined(separator: "\n"))
    }

    /// Not as an argument, which everybody on the machine can read: as the path of a file that only our own user can.
    private mutating func deliverSecret(_ parameter: Parameter, _ rows: [JobParameter]) throws {
        guard rows.count == 1, rows[0].kind == .secret, let (path, text) = secrets.find(rows[0].value) else {
            throw refusal(parameter, "It is not there any more; submit the job again.")
        }
        if let problem = parameter.problem(with: text, on: Day(of: attempt.job.queuedAt)) {
            throw refusal(parameter, problem)
        }
        handover.put(parameter, path)
    }

    /// Where a file is, and its size.
    private func file(_ row: JobParameter) throws -> (path: String, size: Int64) {
        switch row.kind {
        case .input:
            if let id = row.file, let file = try inbox.file(id, of: attempt.job.requester),
                let path = inbox.path(of: file)
            {
                return (path, file.size)
            }
        case .shared:
            if let path = inbox.sharedPath(row.value), let file = inbox.sharedFile(row.value) {
                return (path, file.size)
            }
        case .result: return try results.file(row, of: attempt.job.requester)
        default: break
        }
        throw Commission.Refusal(
            sentence: "The file \(row.value) for \(row.name) is not there any more. "
                + "Upload it again and submit the job again.")
    }

    private func amount(of resource: ValueType.Resource) -> String {
        switch resource {
        case .cpus: String(attempt.share.cpus ?? machine.cpus)
        case .memory: String(attempt.share.memory ?? machine.memory)
        case .time: attempt.job.timeLimit.map { String($0.milliseconds / 1000) } ?? ""
        }
    }

    private func refusal(_ parameter: Parameter, _ problem: String) -> Commission.Refusal {
        Commission.Refusal(sentence: "The parameter \(parameter.name) will not do: \(problem)")
    }
}

extension ValueType {
    fileprivate var isOutput: Bool { if case .output = self { true } else { false } }
}
