internal import Linux

/// Ends processes that would rather not: they fork, make themselves daemons, ignore TERM, watch over each other.
enum TreeKill {
    /// A tree that grows faster than it can be stopped is killed as far as it is known, and looked at again. Walks.
    private static let mostWalks = 100

    /// Ends every process that descends from this one and reaps them, until there are none; `kept` is ended but not reaped,
    /// so that its status can still be asked for. The cgroup's own kill comes first, because it is the one blow that hits all.
    static func endDescendants(but kept: pid_t?, _ cgroup: AttemptCgroup) {
        cgroup.kill()
        while true {
            let ended = stopAndKill { stop in Descendants.walk { identity, _ in stop(identity) } }
            let children = Descendants.ofOurs().filter { $0 != kept }
            if children.isEmpty { return }
            for child in children {
                // Who has come to us just now was not killed yet: no waiting for it.
                let isEnded = ProcessIdentity(of: child).map(ended.contains) ?? false
                reap(child, waiting: isEnded)
            }
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

    /// Buries the children but `kept` that have ended by themselves.
    static func reapEnded(but kept: pid_t) {
        for child in Descendants.ofOurs() where child != kept { reap(child, waiting: false) }
    }

    static func reap(_ child: pid_t, waiting: Bool = true) {
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(child, &status, waiting ? 0 : WNOHANG) }
    }
}
