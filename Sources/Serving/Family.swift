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
    /// A program that was started so often in vain before the site answered will not do it the next time.
    private static let mostVainStarts = 4
    /// The exit status of a program whose settings are wrong: EX_CONFIG of sysexits.h.
    private static let refusal: CInt = 78

    /// Why a family is not kept any longer.
    enum Outcome: Equatable {
        /// A signal said so.
        case toldToStop
        /// This program refuses its settings, which no second start would mend.
        case refused(String)
        /// This program does not live, and the site has never answered.
        case failed(String)
    }

    /// Blocks this process's signals; they are taken in ``keep(calling:)``.
    init(_ children: [Child], log: EventLog) throws(SystemError) {
        var awaited = sigset_t()
        sigemptyset(&awaited)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGCHLD] { sigaddset(&awaited, number) }
        sigprocmask(SIG_BLOCK, &awaited, nil)
        // A web server that goes away in the middle of a question, or a reader of our output, is no reason to die.
        signal(SIGPIPE, SIG_IGN)
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
    /// - Parameter isUp: is asked again and again until it says that the site answers; it may tell people so.
    mutating func keep(calling isUp: () -> Bool) -> Outcome {
        var isReady = false
        while true {
            startWhoIsDue()
            let next = children.filter { $0.pid == nil }.map(\.startAt).min() ?? .max
            // Until the site answers, it is asked often.
            let patience = isReady ? min(60_000, max(0, next == .max ? .max : next - monotonicNow())) : 50
            var waiting = [pollfd(fd: signals.number, events: Int16(POLLIN), revents: 0)]
            _ = poll(&waiting, 1, CInt(patience))
            var information = signalfd_siginfo()
            while read(signals.number, &information, MemoryLayout<signalfd_siginfo>.size) > 0 {
                if information.ssi_signo != UInt32(SIGCHLD) { return .toldToStop }
            }
            if let refusing = bury() { return .refused(refusing) }
            if !isReady {
                if let failing = children.first(where: { $0.vainStarts >= Self.mostVainStarts }) {
                    return .failed(failing.name)
                }
                isReady = isUp()
            }
        }
    }

    /// Ends all that was started, and nothing else: jobs belong to their supervisors.
    ///
    /// The web server goes first, while the programs are still there for the requests that it has taken.
    mutating func dismiss() {
        dismiss(where: \.isWebServer)
        dismiss { _ in true }
    }

    private mutating func dismiss(where isMeant: (Child) -> Bool) {
        for child in children where isMeant(child) { if let pid = child.pid { kill(pid, child.farewell) } }
        let end = monotonicNow() + Self.patience
        while children.contains(where: { isMeant($0) && $0.pid != nil }), monotonicNow() < end {
            _ = bury()
            usleep(10_000)
        }
        for index in children.indices where isMeant(children[index]) {
            guard let pid = children[index].pid else { continue }
            log.note("program-killed", ["which": children[index].name, "pid": "\(pid)"])
            kill(-pid, SIGKILL)
            kill(pid, SIGKILL)
            var status: CInt = 0
            _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
            children[index].ended()
        }
    }

    private mutating func startWhoIsDue() {
        let now = monotonicNow()
        for index in children.indices where children[index].pid == nil && children[index].startAt <= now {
            do throws(SystemError) { try children[index].start() } catch {
                // The machine has no process to spare now; what runs goes on meanwhile.
                log.note("not-started", ["which": children[index].name, "cause": "\(error)"])
                children[index].ended()
            }
        }
    }

    /// Takes note of everyone who has ended. Returns the name of a program that refused its settings.
    private mutating func bury() -> String? {
        var refusing: String?
        while true {
            // Looked at first and buried later: as long as it is not buried, its number is nobody else's.
            var information = siginfo_t()
            let looked = clinux_waitid(
                CInt(P_ALL.rawValue), 0, &information, CInt(WEXITED | WNOHANG | WNOWAIT), nil)
            let pid = clinux_siginfo_pid(&information)
            guard looked == 0, pid > 0 else { return refusing }
            let index = children.firstIndex { $0.pid == pid }
            // Nothing of a program of ours is left behind. Others are orphans that came to us to be buried.
            if index != nil { kill(-pid, SIGKILL) }
            var status: CInt = 0
            guard retryingOnInterrupt({ waitpid(pid, &status, 0) }) == pid else { return refusing }
            if let index { take(note: status, of: index, pid, refusing: &refusing) }
        }
    }

    private mutating func take(note status: CInt, of index: Int, _ pid: pid_t, refusing: inout String?) {
        let hasExited = clinux_exited(status) != 0
        let how =
            hasExited
            ? "exit \(clinux_exit_status(status))" : "signal \(signalName(Int(clinux_term_signal(status))))"
        children[index].ended()
        let name = children[index].name
        if !children[index].isTask || status != 0 {
            log.note("program-ended", ["which": name, "pid": "\(pid)", "how": how])
        }
        if children[index].isTask {
            children[index].rest(until: monotonicNow() + Self.cleaningRhythm)
        } else if hasExited, clinux_exit_status(status) == Self.refusal {
            refusing = name
        }
    }
}
