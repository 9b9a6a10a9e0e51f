import Linux

/// A program that a test started. It ends with this value at the latest.
public final class StartedProgram {
    public let pid: pid_t
    private var end: CInt?

    /// - Parameters:
    ///   - environment: all of it.
    ///   - input: becomes descriptor 0; others are not inherited.
    ///   - output: a file that standard output goes to.
    ///   - errors: a file that standard error is appended to.
    public init(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], input: borrowing Descriptor,
        output: String = "/dev/null", errors: String = "/dev/null"
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.number, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        // Whatever the test runner blocks or ignores, the program begins as a web server would start it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in words + variables { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, &attributes, &words, &variables)
        guard code == 0 else { throw SystemError("posix_spawn", path, code: code) }
        self.pid = pid
    }

    deinit {
        guard end == nil else { return }
        signal(SIGKILL)
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
    }

    public func signal(_ number: CInt) { if end == nil { kill(pid, number) } }

    /// Waits for the end: the exit status, or the negative number of the signal that ended it.
    public func wait() throws -> CInt {
        if let end { return end }
        var status: CInt = 0
        try waitUntil("the end of process \(pid)") { waitpid(pid, &status, WNOHANG) == pid }
        let end = clinux_exited(status) != 0 ? clinux_exit_status(status) : -clinux_term_signal(status)
        self.end = end
        return end
    }

    /// How many threads it has now.
    public var threads: Int {
        (try? Descriptor.directory("/proc/\(pid)/task").entries().count) ?? 0
    }
}
