public import Linux

extension AttemptDirectory {
    /// Starts a supervisor for this attempt and returns its process number. It is the caller's child, in a session of its
    /// own, with nothing of the caller's: no descriptor, no environment, no signal mask.
    ///
    /// - Parameter supervisor: the program's path.
    public borrowing func launch(_ supervisor: String) throws(SystemError) -> Int32 {
        let trouble = try descriptor.open(beneath: "trouble", O_WRONLY | O_CREAT | O_APPEND)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, trouble.number, 2)
        posix_spawn_file_actions_adddup2(&actions, descriptor.number, Supervisor.directoryDescriptor)
        posix_spawn_file_actions_addclosefrom_np(&actions, Supervisor.directoryDescriptor + 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | Int32(POSIX_SPAWN_SETSID)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        let failure = withCStrings(["supervisor"]) { arguments in
            withCStrings([]) { environment in
                posix_spawn(&pid, supervisor, &actions, &attributes, arguments, environment)
            }
        }
        guard failure == 0 else { throw SystemError("posix_spawn", supervisor, code: failure) }
        return pid
    }
}
