public import Linux
public import Supervision

/// Runs attempts on this machine, each under a supervisor of its own.
///
/// What it knows of an attempt stands in the attempt's directory, so another worker can go on where this one stopped. The
/// one thing in memory is which supervisors are our children: a fresh one that has not taken its lock yet is told from
/// one that never will.
public struct LocalExecutor {
    let attemptsDir: String
    let supervisor: String
    private(set) var children: [String: pid_t] = [:]

    /// - Parameters:
    ///   - attemptsDir: where attempts are kept; it exists.
    ///   - supervisor: the program's full path.
    public init(attemptsDir: String, supervisor: String) {
        self.attemptsDir = attemptsDir
        self.supervisor = supervisor
    }

    /// Where an attempt stands.
    public enum Standing: Equatable {
        /// Its supervisor is about to start the script, or finds that it cannot.
        case starting
        /// The script's processes are alive under their supervisor.
        case running(Begun)
        /// It is over and recorded. `begun` is nil only when it was never let through the gate.
        case ended(ExitRecord, begun: Begun?)
        /// It never ran and never will; `trouble` is what its supervisor had to say.
        case neverBegan(trouble: String)
        /// It ran, and nobody is left who knows how it ended. None of its processes lives.
        case vanished(Begun)
    }

    /// The beginning of a script, as its ticket tells.
    public struct Begun: Equatable {
        public let script: ProcessIdentity
        public let guardPID: Int32
        public let at: Instant
        /// Those that see it through: as long as one of them lives, its end will be recorded.
        public let supervisors: [ProcessIdentity]
        let cgroups: [String]
    }

    /// Lays down a new attempt and starts its supervisor.
    ///
    /// - Parameter prepare: is called once it is certain that this attempt was never begun before, and before anything
    ///   runs. It may clear away what an earlier attempt left.
    /// - Returns: `false` when there is such an attempt already (the database was restored from an older copy): it is
    ///   never run a second time, and ``poll(_:)`` tells what became of it.
    public mutating func submit(_ name: String, _ order: Order, prepare: () throws -> Void) throws -> Bool {
        guard let attempt = try AttemptDirectory.make(in: attemptsDir, named: name, order: order) else { return false }
        try prepare()
        children[name] = try attempt.launch(supervisor)
        return true
    }

    /// Where the attempt stands now. Call ``reap()`` before, so that a supervisor that has ended is not taken for one that
    /// is about to begin.
    public func poll(_ name: String) throws -> Standing {
        guard let attempt = try AttemptDirectory.open(in: attemptsDir, named: name) else {
            // Claimed, and then the worker died or the disk was full; or the worker sleeps and has its lock no more.
            guard try AttemptDirectory.forbid(in: attemptsDir, named: name) else { return try poll(name) }
            return .neverBegan(trouble: "The attempt was never laid down.")
        }
        // Whether somebody lives is asked first: whoever was gone then has written all that it ever will.
        let isAlive = try attempt.isAlive() || children[name] != nil
        let ticket = try attempt.ticket()
        let begun: Begun? =
            if case .started(let beginning) = ticket {
                Begun(
                    script: beginning.script, guardPID: beginning.guardPID, at: Instant(milliseconds: beginning.at),
                    supervisors: beginning.watchers, cgroups: beginning.cgroups)
            } else { nil }
        // Asked before the record is: a process that died at the gate is recorded before it is buried, and once it is
        // buried it looks like one that has become the script.
        let isBeforeExec = begun?.script.isBeforeExec ?? true
        if let record = try attempt.exitRecord() {
            // It may have begun and ended since the ticket was looked for; a record comes after the ticket, which stays.
            if begun == nil, case .started = try attempt.ticket() { return try poll(name) }
            return .ended(record, begun: begun)
        }
        switch (begun, isAlive) {
        case (let begun?, true):
            // Let through the gate, but perhaps the script cannot be started: the next look knows.
            return isBeforeExec ? .starting : .running(begun)
        case (let begun?, false):
            try Strays.kill(
                marked: LocalExecutor.mark(of: name), session: begun.script, cgroups: begun.cgroups)
            return .vanished(begun)
        case (nil, true) where ticket == nil: return .starting
        case (nil, _):
            // Whoever comes late finds the ticket and goes away.
            guard try attempt.revoke() else { return try poll(name) }
            return .neverBegan(trouble: attempt.trouble())
        }
    }

    /// Asks a running attempt to end: TERM, a grace, KILL. Asking again is harmless.
    ///
    /// - Returns: whether the attempt will now never begin, because it had not begun yet.
    public func cancel(_ name: String) throws -> Bool {
        guard let attempt = try AttemptDirectory.open(in: attemptsDir, named: name) else { return false }
        if try attempt.ticket() == nil, try attempt.revoke() { return true }
        attempt.requestStop()
        return false
    }

    /// Buries the supervisors that have ended.
    public mutating func reap() {
        for (name, pid) in children {
            var status: CInt = 0
            let ended = retryingOnInterrupt { waitpid(pid, &status, WNOHANG) }
            if ended != 0 { children[name] = nil }
        }
    }

    /// The environment variable that every process of an attempt inherits, by which its strays are found should both of
    /// its supervisor's processes have been killed.
    static func mark(of name: String) -> String { "SR_RUN=\(name)" }
}
