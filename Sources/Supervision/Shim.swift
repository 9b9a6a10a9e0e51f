internal import Linux

/// Starts the script behind a gate, and sees it through.
enum Shim {
    /// The gate's exit status, which nobody sees: without a ticket there is no record.
    private static let unexecuted: CInt = 125

    static func run(_ order: Order, in attempt: borrowing AttemptDirectory, guardPID: pid_t) throws {
        let log = try attempt.descriptor.open(beneath: "log", O_WRONLY | O_CREAT | O_APPEND).release()
        let gate = try Pipe()
        let failure = try Pipe()
        let child = fork()
        if child < 0 { throw SystemError("fork", nil) }
        if child == 0 { becomeScript(order, log: log, gate: gate, failure: failure) }
        close(log)
        gate.closeReading()
        failure.closeWriting()

        // No instruction of the script runs before its identity is on the disk.
        guard let script = ProcessIdentity(of: child) else { throw SystemError("open", "/proc/\(child)/stat") }
        let ticket = Ticket.started(script: script, guardPID: guardPID, at: Instant.now().milliseconds)
        guard try attempt.put(ticket) else {
            // Revoked: the end of the gate without a word ends the child.
            gate.closeWriting()
            var status: CInt = 0
            _ = retryingOnInterrupt { waitpid(child, &status, 0) }
            return
        }
        var go: UInt8 = 1
        let opened = retryingOnInterrupt { write(gate.writing, &go, 1) }
        guard opened == 1 else { throw SystemError("write", "gate") }
        gate.closeWriting()

        var errno: Int32 = 0
        let told = retryingOnInterrupt { read(failure.reading, &errno, MemoryLayout<Int32>.size) }
        // The pipe has ended without a word: the script has taken the process over.
        if told == 0 { attempt.ringWorker() }
        let watch = try Watch(order, attempt, script: script)
        try watch.untilTheEnd(execFailure: told == MemoryLayout<Int32>.size ? Int(errno) : nil)
    }

    /// In the child: waits at the gate, then becomes the script. Between fork and exec of a process with one thread, so
    /// everything may be called.
    private static func becomeScript(_ order: Order, log: CInt, gate: Pipe, failure: Pipe) -> Never {
        gate.closeWriting()
        var go: UInt8 = 0
        guard retryingOnInterrupt({ read(gate.reading, &go, 1) }) == 1 else { _exit(unexecuted) }
        setsid()
        for number in 1..<NSIG where number != SIGKILL && number != SIGSTOP { signal(number, SIG_DFL) }
        umask(0o027)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource(RLIMIT_CORE.rawValue), &none)
        let null = clinux_open("/dev/null", O_RDONLY, 0)
        if null >= 0, dup2(null, 0) >= 0, dup2(log, 1) >= 0, dup2(log, 2) >= 0,
            chdir(order.workingDirectory) == 0
        {
            _ = clinux_close_on_exec_from(3)
            withCStrings(order.arguments) { arguments in
                withCStrings(order.environment) { environment in
                    _ = execve(order.program, arguments, environment)
                }
            }
        }
        var code = errno
        _ = write(failure.writing, &code, MemoryLayout<Int32>.size)
        _exit(127)
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
