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

    /// Their sender means the worker, or a terminal that we have nothing to do with. All others are as ``AttemptDirectory/launch(_:)``
    /// gives them, which is as a script shall find them.
    static let ignored = [SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT]

    /// Runs the guard. Returns never.
    public static func run() -> Never {
        guard getuid() != 0, geteuid() != 0 else { fail("refuses to run as root: jobs must not", misuse) }
        guard fcntlIsOpen(directoryDescriptor) else { fail("is started by the worker, not by hand", misuse) }
        for number in ignored { signal(number, SIG_IGN) }
        _ = clinux_close_on_exec_from(UInt32(directoryDescriptor))
        _ = "/".withCString { chdir($0) }
        do {
            try guardAttempt(AttemptDirectory(descriptor: Descriptor(owning: directoryDescriptor)))
        } catch {
            fail("\(error)", EX_OSERR)
        }
        _exit(0)
    }

    private static func guardAttempt(_ attempt: consuming AttemptDirectory) throws {
        guard let lock = try attempt.takeLock() else { return }
        // Never closed by us: the kernel frees the lock when the last of the two processes is gone.
        _ = lock.release()
        try becomeSubreaper()
        let duty = try Duty(attempt)
        let shim = fork()
        if shim < 0 { throw SystemError("fork", nil) }
        if shim == 0 {
            do {
                setsid()
                try becomeSubreaper()
                try Shim.run(duty)
            } catch {
                fail("\(error)", EX_OSERR)
            }
            _exit(0)
        }
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(shim, &status, 0) }
        // The shim has done its work, or died over it.
        if status != 0 { try takeOver(duty) }
        TreeKill.endDescendants(but: nil, AttemptCgroup(directories: []))
        // Nothing is freed first: the kernel does that at one blow.
        _exit(0)
    }

    /// Goes on where a shim stopped that was killed, or failed.
    private static func takeOver(_ duty: borrowing Duty) throws {
        guard case .started(let beginning) = try duty.attempt.ticket() else {
            // The script stood at the gate, and has ended there or is about to.
            complain("the script was not let through the gate")
            TreeKill.endDescendants(but: nil, AttemptCgroup(directories: []))
            return AttemptCgroup(of: duty.order, named: duty.name).remove()
        }
        if let record = try duty.attempt.exitRecord() {
            try duty.attempt.settle(record, duty.progress)
            TreeKill.endDescendants(but: nil, AttemptCgroup(directories: beginning.cgroups))
            AttemptCgroup(directories: beginning.cgroups).remove()
            duty.attempt.ringWorker(duty.name)
        } else {
            let log = try LogKeeper(duty.attempt.descriptor, budget: duty.order.maxLogBytes)
            var watch = try Watch(duty, beginning, log)
            try watch.untilTheEnd(duty)
        }
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

/// What guard and shim have in common, made before they part.
struct Duty: ~Copyable {
    let attempt: AttemptDirectory
    let order: Order
    /// The attempt's, and of its cgroup.
    let name: String
    let control: ControlSocket
    let progress: Progress
    let guardProcess: ProcessIdentity

    init(_ attempt: consuming AttemptDirectory) throws {
        let order = try attempt.order()
        let name = try attempt.name()
        let control = try ControlSocket(in: attempt.descriptor)
        let progress = try Progress()
        guard let own = ProcessIdentity(of: getpid()) else { throw SystemError("open", "/proc/\(getpid())/stat") }
        self.attempt = attempt
        self.order = order
        self.name = name
        self.control = control
        self.progress = progress
        guardProcess = own
    }
}
