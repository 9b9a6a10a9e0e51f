internal import Linux

/// The program `supervisor`: two processes that see one attempt through.
///
/// The *guard* takes the lock, and forks the *shim*, which starts the script and waits for it. Should the shim be killed,
/// the script's processes become the guard's children (both are subreapers), and it goes on in the shim's place. So no
/// single SIGKILL loses an exit status.
public enum Supervisor {
    /// Where the starter leaves the attempt's directory open.
    static let directoryDescriptor: CInt = 3
    /// EX_CONFIG of sysexits.h.
    private static let misuse: CInt = 78

    /// Runs the guard. Returns never.
    public static func run() -> Never {
        guard getuid() != 0, geteuid() != 0 else { fail("refuses to run as root: jobs must not", misuse) }
        guard fcntlIsOpen(directoryDescriptor) else { fail("is started by the worker, not by hand", misuse) }
        // Their sender means the worker, or a terminal that we have nothing to do with.
        for number in [SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT] { signal(number, SIG_IGN) }
        _ = clinux_close_on_exec_from(UInt32(directoryDescriptor))
        chdir("/")
        do {
            try guardAttempt(AttemptDirectory(descriptor: Descriptor(owning: directoryDescriptor)))
        } catch {
            fail("\(error)", EX_OSERR)
        }
        exit(0)
    }

    private static func guardAttempt(_ attempt: borrowing AttemptDirectory) throws {
        guard let lock = try attempt.takeLock() else { return }
        // Never closed by us: the kernel frees the lock when the last of the two processes is gone.
        _ = lock.release()
        try becomeSubreaper()
        let order = try attempt.order()
        let shim = fork()
        if shim < 0 { throw SystemError("fork", nil) }
        if shim == 0 {
            do {
                setsid()
                try becomeSubreaper()
                try Shim.run(order, in: attempt, guardPID: getppid())
            } catch {
                fail("\(error)", EX_OSERR)
            }
            exit(0)
        }
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(shim, &status, 0) }
        // The shim has done its work, or died over it.
        if try attempt.exitRecord() == nil, case .started(let script, _, _) = try attempt.ticket() {
            try Watch(order, attempt, script: script).untilTheEnd()
        }
        TreeKill.killChildren(but: nil)
    }

    private static func becomeSubreaper() throws(SystemError) {
        guard clinux_prctl(PR_SET_CHILD_SUBREAPER, 1, 0) == 0 else { throw SystemError("prctl", nil) }
    }

    private static func fcntlIsOpen(_ descriptor: CInt) -> Bool { clinux_fcntl_int(descriptor, F_GETFD, 0) >= 0 }

    /// Says something into the attempt's `trouble`.
    static func complain(_ text: String) {
        let line = "supervisor: \(text)\n"
        _ = write(2, line, line.utf8.count)
    }

    private static func fail(_ text: String, _ status: CInt) -> Never {
        complain(text)
        exit(status)
    }
}
