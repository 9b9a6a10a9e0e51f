internal import Linux

/// A program that is to run as long as we do: started, and started again when it dies.
struct Child {
    /// For the log.
    let name: String
    let program: String
    let arguments: [String]
    let environment: [String]
    /// What it finds as standard input; `nil` is /dev/null.
    let input: CInt?
    /// Where its standard output and error go.
    let output: CInt
    /// Asks it to finish what it is doing and go.
    let farewell: CInt
    /// It is run once and not again.
    var isTask = false

    private(set) var pid: pid_t?
    private(set) var startedAt: Int64 = 0
    /// When it is to be started again; milliseconds of ``monotonicNow()``.
    var startAt: Int64 = 0

    init(
        _ name: String, _ program: String, arguments: [String] = [], environment: [String], input: CInt? = nil,
        output: CInt, farewell: CInt = SIGTERM
    ) {
        self.name = name
        self.program = program
        self.arguments = [program] + arguments
        self.environment = environment
        self.input = input
        self.output = output
        self.farewell = farewell
    }

    /// A program that died young is started again after this pause, so that one that cannot live does not keep the
    /// machine busy. Milliseconds; the next one comes within a second.
    static let pause: Int64 = 700

    /// Starts it in a process group of its own. It is told to go should we be killed.
    ///
    /// - Throws: `SystemError` when there is no process to be had.
    mutating func start() throws(SystemError) {
        let parent = getpid()
        // posix_spawn cannot ask for a signal at the parent's death. We have one thread, so fork is harmless.
        let child = fork()
        if child < 0 { throw SystemError("fork", name) }
        if child == 0 {
            setpgid(0, 0)
            _ = clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGTERM), 0)
            // It may have died in between.
            if getppid() != parent { _exit(EX_TEMPFAIL) }
            var none = sigset_t()
            sigemptyset(&none)
            sigprocmask(SIG_SETMASK, &none, nil)
            for number in 1..<NSIG where number != SIGKILL && number != SIGSTOP { signal(number, SIG_DFL) }
            let given = input ?? clinux_open("/dev/null", O_RDONLY, 0)
            if dup2(given, 0) == 0, dup2(output, 1) == 1, dup2(output, 2) == 2 {
                _ = clinux_close_on_exec_from(3)
                withCStrings(arguments) { arguments in
                    withCStrings(environment) { environment in _ = execve(program, arguments, environment) }
                }
            }
            _exit(EX_UNAVAILABLE)
        }
        setpgid(child, child)
        pid = child
        startedAt = monotonicNow()
    }

    /// It has ended: nothing of it is left behind, and the time of its next start is set.
    mutating func ended() {
        if let pid { kill(-pid, SIGKILL) }
        pid = nil
        let now = monotonicNow()
        startAt = isTask ? .max : now - startedAt < 1000 ? now + Self.pause : now
    }
}

/// Milliseconds of a clock that nobody sets.
func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
