import Linux
import TestSupport

/// A program that a test started; it does not outlive this object.
final class Child {
    let pid: pid_t
    private let errorFile: String
    private var status: CInt?

    /// Starts `program` with nothing of ours but /dev/null and a file for what it writes to standard error.
    init(
        _ program: String, _ arguments: [String] = [], environment: [String] = [], standardError: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_addopen(&actions, 2, standardError, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var pid: pid_t = 0
        let failure = withCStrings([program] + arguments) { arguments in
            withCStrings(environment) { posix_spawn(&pid, program, &actions, nil, arguments, $0) }
        }
        guard failure == 0 else { throw SystemError("posix_spawn", program, code: failure) }
        self.pid = pid
        errorFile = standardError
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            _ = wait()
        }
    }

    /// Waits for the end: the exit status, or the signal as a negative number.
    @discardableResult
    func wait() -> Int {
        var status = self.status ?? 0
        if self.status == nil { _ = retryingOnInterrupt { waitpid(pid, &status, 0) } }
        self.status = status
        return clinux_exited(status) != 0 ? Int(clinux_exit_status(status)) : -Int(clinux_term_signal(status))
    }

    /// Whether it is over already.
    func isOver() -> Bool {
        if status == nil {
            var status: CInt = 0
            if waitpid(pid, &status, WNOHANG) == pid { self.status = status }
        }
        return status != nil
    }

    /// Ends it now.
    func end() {
        if status == nil { kill(pid, SIGKILL) }
        wait()
    }

    /// What it has written to standard error so far.
    func standardError() throws -> String {
        String(decoding: try Descriptor.open(errorFile, O_RDONLY).readAll(limit: 1 << 20), as: UTF8.self)
    }
}
