import Linux
import TestSupport
import Testing

@testable import Supervision

/// An attempt of this test's own: a script, its directories, and a real supervisor started for it.
final class Trial {
    let scratch = ScratchDirectory()
    let attempts: String
    let work: String
    private(set) var supervisorPID: Int32 = 0

    init() throws {
        attempts = scratch("state/attempts")
        work = scratch("work")
        for folder in [scratch.path, scratch("state"), attempts, work] {
            mkdir(folder, 0o755)
            giveAway(folder)
        }
    }

    /// Nobody else buries the supervisor, or ends what a test left that failed.
    deinit {
        guard supervisorPID > 0 else { return }
        var status: CInt = 0
        guard waitpid(supervisorPID, &status, WNOHANG) == 0 || (try? directory().isAlive()) == true else { return }
        kill(supervisorPID, SIGKILL)
        waitpid(supervisorPID, &status, 0)
        guard case .started(let beginning) = try? directory().ticket() else { return }
        for watcher in beginning.watchers { watcher.send(SIGKILL) }
        try? Strays.kill(marked: "SR_TRIAL=\(scratch.path)", session: beginning.script, cgroups: beginning.cgroups)
    }

    func order(
        _ script: String, _ arguments: [String] = [], environment: [String]? = nil, grace: Int64 = 10_000,
        maxLogBytes: Int64 = 1 << 20, timeLimit: Int64 = 0, limits: Limits = Limits(), memory: Int64 = 0,
        processes: Int64 = 0, cgroupParent: String = ""
    ) throws -> Order {
        let path = scratch("script")
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(Array(script.utf8))
        fchmod(file.number, 0o755)
        giveAway(path)
        return Order(
            program: path, arguments: [path] + arguments,
            environment: environment ?? ["PATH=/usr/bin:/bin", "SR_TRIAL=\(scratch.path)"], workingDirectory: work,
            grace: grace, maxLogBytes: maxLogBytes, timeLimit: timeLimit, limits: limits, memory: memory,
            processes: processes, cgroupParent: cgroupParent)
    }

    /// Makes the attempt and starts its supervisor, as the ordinary user.
    ///
    /// - Parameter wrapper: a program with its arguments that starts the supervisor instead.
    func start(_ order: Order, name: String = "a.1", through wrapper: [String] = []) throws {
        try asOrdinaryUser {
            let attempt = try layDown(order, name)
            let supervisor = BuiltProgram.path("supervisor")
            guard let program = wrapper.first else {
                supervisorPID = try attempt.launch(supervisor)
                return
            }
            supervisorPID = try spawn(attempt, program, wrapper + [supervisor])
        }
    }

    /// The same from within another cgroup, into which only root can put a process.
    func start(_ order: Order, name: String = "a.1", within cgroup: String) throws {
        try asOrdinaryUser { _ = try layDown(order, name) }
        let attempt = try directory(name)
        let script = "echo 0 > $0/cgroup.procs && exec setpriv --reuid $1 --regid $1 --clear-groups $2"
        supervisorPID = try spawn(
            attempt, "/bin/sh",
            ["sh", "-c", script, cgroup, "\(ordinaryUser)", BuiltProgram.path("supervisor")])
    }

    private func layDown(_ order: Order, _ name: String) throws -> AttemptDirectory {
        guard let attempt = try AttemptDirectory.make(in: attempts, named: name, order: order)
        else { throw SystemError("mkdir", name) }
        return attempt
    }

    private func spawn(
        _ attempt: borrowing AttemptDirectory, _ program: String, _ arguments: [String]
    ) throws -> pid_t {
        let trouble = try attempt.descriptor.open(beneath: "trouble", O_WRONLY | O_CREAT | O_APPEND)
        return try Linux.spawn(
            program, arguments: arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            standard: StandardDescriptors(error: trouble.number), handedOver: attempt.descriptor.number)
    }

    func directory(_ name: String = "a.1") throws -> AttemptDirectory {
        guard let directory = try AttemptDirectory.open(in: attempts, named: name) else {
            throw SystemError("open", name)
        }
        return directory
    }

    /// Starts, waits for the supervisor's end, and returns the record.
    func run(_ order: Order, through wrapper: [String] = []) throws -> ExitRecord? {
        try start(order, through: wrapper)
        return try waitForSupervisor()
    }

    @discardableResult
    func waitForSupervisor() throws -> ExitRecord? {
        var status: CInt = 0
        let pid = supervisorPID
        _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
        return try directory().exitRecord()
    }

    /// Kills guard and shim so that neither notices the other's death, and buries the guard.
    func killBoth() throws {
        let watchers = try beginning().watchers
        for signal in [SIGSTOP, SIGKILL] {
            for watcher in watchers { watcher.send(signal) }
        }
        try waitForSupervisor()
        try waitUntil("the lock to be free") { try !directory().isAlive() }
    }

    func requestStop() throws -> Bool { try asOrdinaryUser { try directory().requestStop() } }

    /// Waits until the script has made this file.
    func waitForFile(_ name: String) throws {
        try waitUntil(name) { access(work + "/" + name, F_OK) == 0 }
    }

    /// Tells a waiting script something.
    func make(_ name: String) throws { _ = try Descriptor.open(work + "/" + name, O_WRONLY | O_CREAT) }

    func file(_ name: String) throws -> String {
        String(decoding: try Descriptor.open(work + "/" + name, O_RDONLY).readAll(limit: 1 << 24), as: UTF8.self)
    }

    /// A number that the script has written into a file.
    func number(_ name: String) throws -> Int32 {
        try #require(Int32(try file(name).split(separator: "\n").first.map(String.init) ?? ""))
    }

    func has(_ name: String) -> Bool { access(work + "/" + name, F_OK) == 0 }

    func log() throws -> String {
        String(
            decoding: try directory().descriptor.open(beneath: "log", O_RDONLY).readAll(limit: 1 << 24), as: UTF8.self)
    }

    /// Who the script is, and who sees it through, once that is on the disk.
    func beginning() throws -> Ticket.Beginning {
        var found: Ticket.Beginning?
        try waitUntil("the ticket") {
            if case .started(let beginning) = try directory().ticket() { found = beginning }
            return found != nil
        }
        return found!
    }

    /// The guard's child, if it has one by now.
    func shimNow() -> Int32? {
        let path = "/proc/\(supervisorPID)/task/\(supervisorPID)/children"
        guard let children = try? Descriptor.open(path, O_RDONLY).readAll(limit: 999) else { return nil }
        return String(decoding: children, as: UTF8.self).split(separator: " ").first.flatMap { Int32($0) }
    }

    /// The guard's child: the shim.
    func shimPID() throws -> Int32 { try #require(shimNow()) }
}

func exists(_ pid: Int32) -> Bool { kill(pid, 0) == 0 || errno == EPERM }

/// Gone, or a zombie that nobody has buried yet.
func isGone(_ pid: Int32) -> Bool { ProcessStatus(pid)?.isOver ?? true }

/// Stopped by a signal, traced or not.
func isStopped(_ pid: Int32) -> Bool {
    guard let stat = try? Descriptor.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096) else { return false }
    let state = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.dropFirst().first
    return state == "T" || state == "t"
}

/// All living processes that were started with this trial's variable.
func relatives(of trial: Trial) throws -> [Int32] {
    let mark = Array("SR_TRIAL=\(trial.scratch.path)".utf8) + [0]
    return try ProcessTable.all().filter { !$0.status.isOver }.map(\.pid).filter { pid in
        let environment = try? Descriptor.open("/proc/\(pid)/environ", O_RDONLY).readAll(limit: 1 << 20)
        return environment?.holds(mark) == true
    }
}
