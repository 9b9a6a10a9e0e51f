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
    /// It takes the visitors' requests, so it is the first to be told to go.
    var isWebServer = false
    /// It does something now and then and ends by itself.
    var isTask = false

    private(set) var pid: pid_t?
    private var startedAt: Int64 = 0
    /// When it is to be started again; milliseconds of ``monotonicNow()``.
    private(set) var startAt: Int64 = 0
    /// How many starts in a row came to nothing.
    private(set) var vainStarts = 0

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

    /// A program that died younger than this was started in vain. Milliseconds; nginx tries for 2.5 s to get its port.
    private static let youth: Int64 = 5000
    /// The pause after the first vain start. It doubles with each, so that a program that cannot live does not keep the
    /// machine busy. Milliseconds.
    private static let shortestPause: Int64 = 200
    private static let longestPause: Int64 = 10_000

    /// Starts it in a session of its own. It is told to go should we be killed.
    ///
    /// - Throws: `SystemError` when there is no process to be had.
    mutating func start() throws(SystemError) {
        let parent = getpid()
        // posix_spawn cannot ask for a signal at the parent's death. We have one thread, so fork is harmless.
        let child = fork()
        if child < 0 { throw SystemError("fork", name) }
        if child == 0 { becomeProgram(childOf: parent) }
        pid = child
        startedAt = monotonicNow()
    }

    private func becomeProgram(childOf parent: pid_t) -> Never {
        // Ctrl-C is for us alone, and nobody who takes the program over can type into the admin's terminal.
        setsid()
        _ = clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGTERM), 0)
        // It may have died in between.
        if getppid() != parent { _exit(EX_TEMPFAIL) }
        for number in 1..<NSIG where number != SIGKILL && number != SIGSTOP { signal(number, SIG_DFL) }
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        let given = input ?? clinux_open("/dev/null", O_RDONLY, 0)
        if dup2(given, 0) == 0, dup2(output, 1) == 1, dup2(output, 2) == 2 {
            _ = clinux_close_on_exec_from(3)
            withCStrings(arguments) { arguments in
                withCStrings(environment) { environment in _ = execve(program, arguments, environment) }
            }
        }
        let line = "\(program): cannot be started: \(String(cString: strerror(errno)))\n"
        _ = write(2, line, line.utf8.count)
        _exit(EX_UNAVAILABLE)
    }

    /// It has ended, or could not be started: the time of its next start is set.
    mutating func ended() {
        pid = nil
        let now = monotonicNow()
        vainStarts = now - startedAt < Self.youth ? vainStarts + 1 : 0
        let doubled = Self.shortestPause << Int64(max(0, min(vainStarts, 10) - 1))
        startAt = now + (vainStarts == 0 ? 0 : min(doubled, Self.longestPause))
    }

    /// A task is done, or not to be begun yet.
    mutating func rest(until time: Int64) {
        vainStarts = 0
        startAt = time
    }
}

/// Milliseconds of a clock that nobody sets.
func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
