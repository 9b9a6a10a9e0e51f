internal import Linux

/// Ends processes that would rather not: they fork, make themselves daemons, ignore TERM, watch over each other.
enum TreeKill {
    /// A tree that grows faster than it can be stopped is killed as far as it is known, and looked at again. Walks.
    private static let mostWalks = 100
    /// Buried at a time, so that there is time for other things. Processes.
    private static let mostBurials = 200

    /// Ends every process that descends from this one and reaps them, until there are none; `kept` is ended but not reaped,
    /// so that its status can still be asked for. The cgroup's own kill comes first, because it is the one blow that hits all.
    static func endDescendants(but kept: pid_t?, _ cgroup: AttemptCgroup) {
        cgroup.kill()
        if isNobodyLeft(but: kept) { return }
        while true {
            stopChildren()
            _ = stopAndKill { stop in
                Descendants.walk { identity, status in if !status.isOver { stop(identity) } }
            }
            let children = Descendants.ofOurs().filter { $0 != kept }
            if children.isEmpty { return }
            for child in children { kill(child, SIGKILL) }
            for child in children { reap(child) }
        }
    }

    /// Whether there is none but `kept`, and that one is over: whoever it had left is our own child by then. So it is when a
    /// script ends by itself, and no tree has to be walked.
    private static func isNobodyLeft(but kept: pid_t?) -> Bool {
        var (information, usage) = (siginfo_t(), rusage())
        let options = CInt(WEXITED | WNOHANG | WNOWAIT)
        guard let kept else {
            return clinux_waitid(CInt(P_ALL.rawValue), 0, &information, options, &usage) != 0 && errno == ECHILD
        }
        guard clinux_waitid(CInt(P_PID.rawValue), kept, &information, options, &usage) == 0,
            clinux_siginfo_pid(&information) == kept
        else { return false }
        return Descendants.areNone(but: kept)
    }

    /// Stops our children until no new one comes. A process that lives for a moment only, just long enough to start its
    /// successor, is one of them soon, and no slower way would meet it. Their numbers are theirs until we reap them.
    private static func stopChildren() {
        var stopped: Set<Int32> = []
        for _ in 0..<mostWalks {
            let before = stopped.count
            for child in Descendants.ofOurs() where stopped.insert(child).inserted { kill(child, SIGSTOP) }
            if stopped.count == before { return }
        }
    }

    /// Stops everything that `each` finds until it finds nothing new, then kills all of it.
    ///
    /// Stopping comes first because who is stopped forks no more, and takes the place of another where the number of
    /// processes is limited: killing one would only make room for the next.
    ///
    /// - Parameter each: calls the given closure with every process that it knows of.
    static func stopAndKill<Failure: Error>(
        _ each: ((ProcessIdentity) -> Void) throws(Failure) -> Void
    ) throws(Failure) -> Set<ProcessIdentity> {
        var found: Set<ProcessIdentity> = []
        for _ in 0..<mostWalks {
            let before = found.count
            try each { identity in
                if found.insert(identity).inserted { identity.send(SIGSTOP) }
            }
            if found.count == before { break }
        }
        for identity in found { identity.send(SIGKILL) }
        return found
    }

    /// Buries children but `kept` that have ended by themselves: whoever is not buried has a number that others may need, and
    /// counts where the number of processes is limited. Says whether there may be more.
    static func reapEnded(but kept: pid_t) -> Bool {
        for _ in 0..<mostBurials {
            var (information, usage) = (siginfo_t(), rusage())
            // The kernel finds one sooner than a list of all children would be read.
            guard clinux_waitid(CInt(P_ALL.rawValue), 0, &information, CInt(WEXITED | WNOHANG | WNOWAIT), &usage) == 0
            else { return false }
            let ended = clinux_siginfo_pid(&information)
            // Nobody.
            if ended == 0 { return false }
            guard ended != kept else {
                // It would be found again and again.
                for child in Descendants.ofOurs() where child != kept { reap(child, waiting: false) }
                return false
            }
            reap(ended, waiting: false)
        }
        return true
    }

    static func reap(_ child: pid_t, waiting: Bool = true) {
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(child, &status, waiting ? 0 : WNOHANG) }
    }
}
