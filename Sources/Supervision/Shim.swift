internal import Linux

/// Starts the script behind a gate, and sees it through.
enum Shim {
    /// The exit status of a process that has not become the script. Nobody is told it.
    static let unexecuted: CInt = 125
    /// When the machine's memory runs out, the kernel shall take a script rather than the database's writers, the pages or
    /// the web server; but a script rather not before what an admin has marked with more than this (proc(5): -1000 to 1000).
    private static let oomScore = "500"

    static func run(_ duty: borrowing Duty) throws {
        guard let own = ProcessIdentity(of: getpid()) else { throw SystemError("open", "/proc/\(getpid())/stat") }
        let output = try duty.attempt.descriptor.open(beneath: "log", O_WRONLY | O_CREAT | O_APPEND).release()
        let gate = try Pipe()
        let failure = try Pipe()
        let child = fork()
        if child < 0 { throw SystemError("fork", nil) }
        if child == 0 { becomeScript(duty.order, duty.progress, log: output, gate: gate, failure: failure) }
        close(output)
        gate.closeReading()
        failure.closeWriting()

        // No instruction of the script runs before its identity is on the disk, nor outside of its cgroup.
        guard let script = ProcessIdentity(of: child) else { throw SystemError("open", "/proc/\(child)/stat") }
        let cgroup = AttemptCgroup(of: duty.order, named: duty.name, entering: child)
        let beginning = Ticket.Beginning(
            script: script, guardPID: duty.guardProcess.pid, at: Instant.now().milliseconds,
            watchers: [duty.guardProcess, own], cgroups: cgroup.directories)
        guard try duty.attempt.put(.started(beginning)) else {
            // Revoked: the end of the gate without a word ends the child.
            gate.closeWriting()
            TreeKill.reap(child)
            return cgroup.remove()
        }
        let log = try LogKeeper(duty.attempt.descriptor, budget: duty.order.maxLogBytes)
        var watch = try Watch(duty, beginning, log, execFailure: Descriptor(owning: failure.reading))
        var go: UInt8 = 1
        // Somebody may have killed the child at the gate; the watch will see.
        _ = retryingOnInterrupt { write(gate.writing, &go, 1) }
        gate.closeWriting()
        try watch.untilTheEnd(duty)
    }

    /// In the child: makes everything ready, waits at the gate, then becomes the script. Between fork and exec of a process
    /// with one thread, so everything may be called.
    private static func becomeScript(
        _ order: Order, _ progress: Progress, log: CInt, gate: Pipe, failure: Pipe
    ) -> Never {
        gate.closeWriting()
        // Made before the limits hold: an argument that finds no memory must not be missing.
        let status = withCStrings([order.program]) { program in
            withCStrings(order.arguments) { arguments in
                withCStrings(order.environment) { environment in
                    let isReady = prepare(order, log)
                    var code = isReady ? 0 : errno
                    var go: UInt8 = 0
                    guard retryingOnInterrupt({ read(gate.reading, &go, 1) }) == 1 else { return unexecuted }
                    if isReady {
                        execve(program[0]!, arguments, environment)
                        code = errno
                    }
                    progress.execFailure = code
                    _ = write(failure.writing, &code, MemoryLayout<Int32>.size)
                    return unexecuted
                }
            }
        }
        _exit(status)
    }

    private static func prepare(_ order: Order, _ log: CInt) -> Bool {
        setsid()
        for number in Supervisor.ignored { signal(number, SIG_DFL) }
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        umask(0o027)
        // Raising is always allowed. Whatever stands in the way is no reason not to run.
        try? Descriptor.open("/proc/self/oom_score_adj", O_WRONLY).write(oomScore.utf8)
        let null = "/dev/null".withCString { clinux_open($0, O_RDONLY, 0) }
        return null >= 0 && dup2(null, 0) >= 0 && dup2(log, 1) >= 0 && dup2(log, 2) >= 0
            && order.workingDirectory.withCString { chdir($0) } == 0 && clinux_close_on_exec_from(3) == 0
            && order.limits.apply()
    }
}

/// A pipe whose ends are closed by name, because parent and child close different ones.
struct Pipe {
    let reading: CInt
    let writing: CInt

    init() throws(SystemError) {
        var ends: [CInt] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("pipe2", nil) }
        (reading, writing) = (ends[0], ends[1])
    }

    func closeReading() { close(reading) }
    func closeWriting() { close(writing) }
}
