public import Linux
internal import SQLite
internal import Scripts
internal import Storage

extension JobStore {
    /// Marks the jobs whose turn it is as starting and opens an attempt for each; they come back in the order of their
    /// turns. Empty when nothing may start.
    ///
    /// Choosing, marking, the attempts and the events are one transaction under the write lock, so a job is claimed once or
    /// not at all. Whose turn it is: the highest priority; then the requester with the fewest live jobs; then the one whose
    /// last start is the longest ago; then first come, first served. So forty jobs of one person never block the others,
    /// even with one slot. If the job whose turn it is does not fit into what is free, nothing behind it starts, and its
    /// turn stays until it does; but a job that is only kept back by a limit on numbers is passed over: it is not its turn.
    /// docs/queue-order.md explains it to users.
    public func claim(
        upTo most: Int, fitting machine: Machine, limits: Limits, at now: Instant
    ) throws -> [Attempt] {
        // Most of a worker's looks find nothing: they take no lock. Who has it already need not look twice.
        guard
            try database.isWriting
                || database.read({ try plan(upTo: most, fitting: machine, limits, at: now).isAnything })
        else { return [] }
        return try change {
            let plan = try plan(upTo: most, fitting: machine, limits, at: now)
            if plan.turn != plan.formerTurn { try database.run("UPDATE queue SET head_job = \(plan.turn)") }
            return try plan.starts.enumerated().compactMap { index, start in
                // A millisecond apart, so that the order of the starts is known afterwards.
                try open(start.head, start.share, at: now, lastStart: now + .milliseconds(Int64(index)))
            }
        }
    }

    /// Claims the next job on a machine that has room for everything.
    public func claimNext(at now: Instant) throws -> Attempt? {
        try claim(
            upTo: 1, fitting: Machine(cpus: 1 << 30, memory: largestWrittenSize),
            limits: Limits(defaultNeeds: Needs(cpus: 1)), at: now
        ).first
    }

    private func open(_ head: Head, _ share: Share, at now: Instant, lastStart: Instant) throws -> Attempt? {
        guard let standing = try standing(of: head.job) else { return nil }
        let number = standing.attempt + 1
        try move(head.job, from: .queued, to: .starting, attempt: number, at: now)
        try database.run("UPDATE jobs SET attempt = \(number), reason = NULL WHERE id = \(head.job)")
        try database.run(
            """
            INSERT INTO attempts (job_id, number, generation, claimed_at, cpus, memory)
            VALUES (\(head.job), \(number), \(generation ?? 0), \(now), \(share.cpus), \(share.memory))
            """)
        try database.run("UPDATE users SET last_start_at = \(lastStart) WHERE id = \(head.user)")
        return try job(head.job).map { Attempt(job: $0, number: number, share: share) }
    }

    /// Whether any job waits that the admin does not hold back.
    public func isAnybodyWaiting() throws -> Bool { try nextPriority(below: nil) != nil }

    /// How many jobs the worker has claimed that are not over.
    public func liveCount() throws -> Int {
        try database.first("SELECT count(*) FROM jobs WHERE state IN ('starting', 'running', 'stopping')") { $0.int(0) }
            ?? 0
    }

    /// When the next pause before another attempt is over; `nil` when no job pauses.
    public func nextDue(after now: Instant) throws -> Instant? {
        try database.first(Self.nextDueQuery(after: now)) { $0.instant(0) }
    }

    static func nextDueQuery(after now: Instant) -> SQL {
        """
        SELECT not_before FROM jobs INDEXED BY jobs_pausing
         WHERE state = 'queued' AND held = 0 AND not_before > 0 AND not_before > \(now) ORDER BY not_before LIMIT 1
        """
    }
}
