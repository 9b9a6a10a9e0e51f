internal import EventLog
internal import Linux

/// The programs that make up a running site, kept alive until we are told to stop.
struct Family: ~Copyable {
    private var children: [Child]
    private let log: EventLog
    private let signals: Descriptor

    /// How long the programs have to finish, before they are ended. Milliseconds.
    private static let patience: Int64 = 10_000
    /// The cleaner runs once a day.
    private static let cleaningRhythm: Int64 = 86_400_000

    /// Blocks this process's signals; they are taken in ``keep(until:)``.
    init(_ children: [Child], log: EventLog) throws(SystemError) {
        var awaited = sigset_t()
        sigemptyset(&awaited)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGCHLD] { sigaddset(&awaited, number) }
        sigprocmask(SIG_BLOCK, &awaited, nil)
        let number = signalfd(-1, &awaited, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("signalfd", nil) }
        signals = Descriptor(owning: number)
        // Supervisors whose worker was killed become our children, not some distant init's.
        _ = clinux_prctl(PR_SET_CHILD_SUBREAPER, 1, 0)
        self.children = children
        self.log = log
    }

    /// Starts all, and starts again whatever dies, until a signal says stop.
    ///
    /// - Parameter each: is called after every change; it may say what is to be told to people.
    /// - Returns: the name of a program that refuses its settings, which no second start would mend; `nil` after a signal.
    mutating func keep(calling each: () -> Bool) throws -> String? {
        var isReady = false
        while true {
            for index in children.indices where children[index].pid == nil && children[index].startAt <= monotonicNow()
            {
                try children[index].start()
            }
            let next = children.filter { $0.pid == nil }.map(\.startAt).min() ?? .max
            // Until the site answers, it is asked often.
            let patience = isReady ? min(60_000, max(0, next == .max ? .max : next - monotonicNow())) : 50
            var waiting = [pollfd(fd: signals.number, events: Int16(POLLIN), revents: 0)]
            _ = poll(&waiting, 1, CInt(patience))
            var information = signalfd_siginfo()
            while read(signals.number, &information, MemoryLayout<signalfd_siginfo>.size) > 0 {
                if information.ssi_signo != UInt32(SIGCHLD) { return nil }
            }
            if let refusing = bury() { return refusing }
            if !isReady { isReady = each() }
        }
    }

    /// Ends all that was started, and nothing else: jobs belong to their supervisors.
    mutating func dismiss() {
        for child in children { if let pid = child.pid { kill(pid, child.farewell) } }
        let end = monotonicNow() + Self.patience
        while children.contains(where: { $0.pid != nil }), monotonicNow() < end {
            _ = bury()
            usleep(10_000)
        }
        for child in children {
            guard let pid = child.pid else { continue }
            log.note("program-killed", ["which": child.name, "pid": "\(pid)"])
            kill(-pid, SIGKILL)
            var status: CInt = 0
            _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
        }
    }

    /// Takes note of everyone who has ended. Returns the name of a program that refused its settings.
    private mutating func bury() -> String? {
        var refusing: String?
        while true {
            var status: CInt = 0
            let pid = waitpid(-1, &status, WNOHANG)
            guard pid > 0 else { return refusing }
            // Others are orphans that came to us to be buried.
            guard let index = children.firstIndex(where: { $0.pid == pid }) else { continue }
            let how =
                clinux_exited(status) != 0
                ? "exit \(clinux_exit_status(status))" : "signal \(signalName(Int(clinux_term_signal(status))))"
            children[index].ended()
            if children[index].isTask {
                children[index].startAt = monotonicNow() + Self.cleaningRhythm
            } else {
                log.note("program-ended", ["which": children[index].name, "pid": "\(pid)", "how": how])
                if clinux_exited(status) != 0, clinux_exit_status(status) == 78 { refusing = children[index].name }
            }
        }
    }
}
