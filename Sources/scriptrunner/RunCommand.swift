import Linux
import Scripts
import Serving
import Settings

/// Runs a script as a job would be run, for its author: the same checks, arguments, environment and empty folder, but by
/// whoever asks, at once, and without limits.
struct RunCommand {
    static let usage = """
        usage: scriptrunner run SCRIPT [NAME=VALUE...]

        Runs a script as a job would run: values are checked as a form checks them, what is not given is as the form
        starts with it, files are given by their paths. For several files or choices, give NAME=VALUE several times.
        It runs in an empty folder, which is told and stays. Ends with the script's own status, or 65 if a value will
        not do.

        """

    private let script: Script
    private var given: [String: [String]] = [:]
    private let say: (String, CInt) -> Void

    /// - Parameter say: takes a text and 1 for standard output, or 2 for standard error.
    init(_ words: ArraySlice<String>, say: @escaping (String, CInt) -> Void) throws(Advice) {
        guard let path = words.first else { throw Advice(Self.usage, status: EX_USAGE) }
        let style = (try? Settings.load()).map { AnnotationStyle($0) } ?? AnnotationStyle()
        let finding = Inspector(style: style).inspect(RunCommand.full(path))
        guard let script = finding.script else {
            throw Advice(finding.remarks.map(\.description).joined(separator: "\n"), status: EX_DATAERR)
        }
        for word in words.dropFirst() {
            let parts = word.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(Substring(parts[0]))
            guard parts.count == 2, script.parameters.contains(where: { $0.name == name && $0.isGiven }) else {
                let names = script.parameters.filter(\.isGiven).map(\.name).joined(separator: ", ")
                throw Advice(
                    "\(word): is no NAME=VALUE of the script; it has \(names.isEmpty ? "no parameters" : names)",
                    status: EX_USAGE)
            }
            given[name, default: []].append(String(Substring(parts[1])))
        }
        self.script = script
        self.say = say
    }

    func run() throws -> CInt {
        let today = Day(of: Instant.now())
        var folder = Array("/tmp/scriptrunner-run-XXXXXX".utf8CString)
        guard mkdtemp(&folder) != nil else { throw SystemError("mkdtemp", "/tmp") }
        let outputs = String(decoding: folder.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var secrets: [String] = []
        defer { for secret in secrets { unlink(secret) } }

        var problems: [String] = []
        let asked = script.asked { text(of: $0, on: today) }
        var handover = Handover(to: script)
        for (parameter, isAsked) in zip(script.parameters, asked) {
            let text = isAsked ? text(of: parameter, on: today) : ""
            if isAsked, let problem = problem(of: parameter, text, on: today) {
                problems.append("\(parameter.name): \(problem)")
            }
            switch parameter.type {
            case .use(let resource): handover.put(parameter, amount(of: resource))
            case .output where !text.isEmpty: handover.put(parameter, outputs + "/" + text)
            case .file, .files:
                let paths = ValueType.items(of: text)
                handover.put(
                    parameter, paths.map(RunCommand.full).joined(separator: "\n"),
                    names: paths.map(name(of:)).joined(separator: "\n"))
            case .secret where !text.isEmpty:
                let path = outputs + ".\(parameter.name)"
                try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL).write(text.utf8)
                secrets.append(path)
                handover.put(parameter, path)
            default: handover.put(parameter, text)
            }
        }
        guard problems.isEmpty else {
            rmdir(outputs)
            for problem in problems { say(problem + "\n", 2) }
            return EX_DATAERR
        }
        say("in \(outputs):\n", 2)
        return try start(handover, in: outputs)
    }

    /// As the form would send it, or starts with it.
    private func text(of parameter: Parameter, on today: Day) -> String {
        guard let values = given[parameter.name] else { return parameter.standard?.text(on: today) ?? "" }
        let text = parameter.type.isList ? values.joined(separator: "\n") : values.last ?? ""
        return parameter.type == .flag && text == "no" ? "" : text
    }

    private func problem(of parameter: Parameter, _ text: String, on today: Day) -> String? {
        guard parameter.type.isFile else { return parameter.problem(with: text, on: today) }
        let paths = ValueType.items(of: text)
        if paths.isEmpty { return parameter.problemWhenEmpty }
        for path in paths {
            var status = stat()
            guard stat(path, &status) == 0 else { return "\(path): \(String(cString: strerror(errno)))" }
            guard status.st_mode & S_IFMT == S_IFREG else { return "\(path): is no regular file" }
            if let problem = parameter.problem(withFileNamed: name(of: path), size: Int64(status.st_size)) {
                return problem
            }
        }
        return parameter.problem(withCount: paths.count)
    }

    private func amount(of resource: ValueType.Resource) -> String {
        let machine = Machine.detected()
        switch resource {
        case .cpus: return String(script.terms.needs.cpus ?? machine.cpus)
        case .memory: return String(script.terms.needs.memory ?? machine.memory)
        case .time: return script.terms.timeLimit.map { String($0.milliseconds / 1000) } ?? ""
        }
    }

    private func start(_ handover: Handover, in folder: String) throws -> CInt {
        let user = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? String(getuid())
        let environment = Handover.environment(
            folder: folder, user: user, job: "0", attempt: 1, script: script.name, requester: "\(user)@localhost")
        umask(0o027)
        guard folder.withCString({ chdir($0) }) == 0 else { throw SystemError("chdir", folder) }
        // The script has a session of its own, as a job has: whoever presses Ctrl-C cancels it as a job is cancelled.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGCHLD] { sigaddset(&signals, number) }
        sigprocmask(SIG_BLOCK, &signals, nil)
        let child = try spawn(
            script.path, arguments: [script.path] + handover.arguments,
            environment: environment + ["SR_RUN=0"] + handover.variables,
            standard: StandardDescriptors(output: 1, error: 2))
        var status: CInt = 0
        while waitpid(child, &status, WNOHANG) == 0 {
            var number: CInt = 0
            sigwait(&signals, &number)
            if number != SIGCHLD { kill(-child, SIGTERM) }
        }
        return clinux_exited(status) != 0 ? clinux_exit_status(status) : 128 + clinux_term_signal(status)
    }

    private static func full(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }
}
