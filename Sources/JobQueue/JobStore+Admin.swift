public import Linux
internal import SQLite
public import Storage

/// How the queue as a whole stands.
public struct QueueStanding: Sendable, Equatable {
    /// Since when nothing is started because the admin said so, and who; `nil`: it goes on.
    public let drainedAt: Instant?
    public let drainedBy: String?
    /// Why the worker starts nothing at present, and since when; `nil`: nothing is in the way.
    public let stalledReason: String?
    public let stalledAt: Instant?
    /// What the worker found that there is for jobs; `nil`: no worker has looked yet.
    public let machine: Machine?

    init(_ row: borrowing Row) {
        drainedAt = row.optionalInstant(0)
        drainedBy = row.optionalText(1)
        stalledReason = row.optionalText(2)
        stalledAt = row.optionalInstant(3)
        machine =
            if let cpus = row.optionalInt(4), let memory = row.optionalInt64(5) {
                Machine(cpus: cpus, memory: memory)
            } else { nil }
    }
}

extension JobStore {
    /// How the queue as a whole stands.
    public func queueStanding() throws -> QueueStanding {
        let standing = try database.first(
            """
            SELECT drained_at, drained_by, stalled_reason, stalled_at, machine_cpus, machine_memory FROM queue
            """, QueueStanding.init)
        guard let standing else { preconditionFailure("the migration puts the row in, and nobody may delete it") }
        return standing
    }

    // MARK: The admin's verbs

    /// From now on no job starts; those that run go on. Says `false` when that was so already.
    @discardableResult
    public func drain(by whom: String, at now: Instant) throws -> Bool {
        try change {
            try database.run(
                "UPDATE queue SET drained_at = \(now), drained_by = \(whom) WHERE drained_at IS NULL") == 1
        }
    }

    /// Jobs start again. Says `false` when nothing had stopped them.
    @discardableResult
    public func resume() throws -> Bool {
        try change {
            try database.run(
                "UPDATE queue SET drained_at = NULL, drained_by = NULL WHERE drained_at IS NOT NULL") == 1
        }
    }

    /// What a wish about a waiting job came to.
    public enum WaitingOutcome: Equatable, Sendable {
        case done
        /// It was so already.
        case already
        /// It does not wait: it runs or is over.
        case notWaiting(JobState)
    }

    /// Keeps a waiting job in the queue until it is released.
    ///
    /// - Returns: `nil` when there is no such job.
    public func hold(_ job: JobID, at now: Instant) throws -> WaitingOutcome? {
        try setHeld(job, true, "Held by the administrator.", at: now)
    }

    /// Undoes a hold.
    ///
    /// - Returns: `nil` when there is no such job.
    public func release(_ job: JobID, at now: Instant) throws -> WaitingOutcome? {
        try setHeld(job, false, "Released by the administrator.", at: now)
    }

    private func setHeld(_ job: JobID, _ isHeld: Bool, _ detail: String, at now: Instant) throws -> WaitingOutcome? {
        try change {
            guard let former = try self.job(job) else { return nil }
            guard former.state == .queued else { return .notWaiting(former.state) }
            guard former.isHeld != isHeld else { return .already }
            try database.run("UPDATE jobs SET held = \(isHeld) OR awaits, held_by_admin = \(isHeld) WHERE id = \(job)")
            try note(job, from: .queued, to: .queued, attempt: former.attempt, at: now, detail: detail)
            return .done
        }
    }

    /// What a priority may be; a new job has 0.
    public static let priorities = -1000...1000

    /// Gives a waiting job another priority.
    ///
    /// - Precondition: `priority` is one of ``priorities``.
    /// - Returns: `nil` when there is no such job.
    public func setPriority(_ job: JobID, to priority: Int, at now: Instant) throws -> WaitingOutcome? {
        precondition(Self.priorities.contains(priority), "checked by the caller")
        return try change {
            guard let former = try self.job(job) else { return nil }
            guard former.state == .queued else { return .notWaiting(former.state) }
            guard former.priority != priority else { return .already }
            try database.run("UPDATE jobs SET priority = \(priority) WHERE id = \(job)")
            try note(
                job, from: .queued, to: .queued, attempt: former.attempt, at: now,
                detail: "Priority \(priority), by the administrator.")
            return .done
        }
    }

    // MARK: What the worker tells

    /// Tells what there is for jobs.
    public func found(_ machine: Machine) throws {
        guard try queueStanding().machine != machine else { return }
        _ = try change {
            try database.run("UPDATE queue SET machine_cpus = \(machine.cpus), machine_memory = \(machine.memory)")
        }
    }

    /// Tells why nothing is started at present, a sentence for everybody. Says `false`, and writes nothing, when that is
    /// known already.
    @discardableResult
    public func stall(_ reason: String, at now: Instant) throws -> Bool {
        guard try queueStanding().stalledReason != reason else { return false }
        return try change {
            try database.run(
                "UPDATE queue SET stalled_reason = \(reason), stalled_at = coalesce(stalled_at, \(now))") == 1
        }
    }

    /// Tells that nothing is in the way any more. Says `false`, and writes nothing, when nothing was.
    @discardableResult
    public func unstall() throws -> Bool {
        guard try queueStanding().stalledReason != nil else { return false }
        return try change { try database.run("UPDATE queue SET stalled_reason = NULL, stalled_at = NULL") == 1 }
    }
}
