public import Linux
internal import SQLite
internal import Storage

extension JobStore {
    /// Marks the job whose turn it is as starting and opens its next attempt, or returns `nil` when nothing waits.
    ///
    /// Choosing, marking, the attempt and the event are one transaction under the write lock, so a job is claimed once or
    /// not at all. Whose turn it is: the highest priority; then the requester with the fewest live jobs; then the one
    /// whose last start is the longest ago; then first come, first served. So forty jobs of one person never block the
    /// others, even with one slot.
    public func claimNext(at now: Instant) throws -> Attempt? {
        // Most of an idle worker's looks find nothing: they take no lock.
        guard try nextInTurn(at: now) != nil else { return nil }
        return try change {
            guard let next = try nextInTurn(at: now), let job = try job(next) else { return nil }
            let number = job.attempt + 1
            try move(next, from: .queued, to: .starting, attempt: number, at: now)
            try database.run("UPDATE jobs SET attempt = \(number), reason = NULL WHERE id = \(next)")
            try database.run(
                """
                INSERT INTO attempts (job_id, number, generation, claimed_at)
                VALUES (\(next), \(number), \(generation ?? 0), \(now))
                """)
            try database.run("UPDATE users SET last_start_at = \(now) WHERE id = \(job.requester)")
            return try self.job(next).map { Attempt(job: $0, number: number) }
        }
    }

    /// Whether a job waits that may start, as far as can be told without the write lock.
    public func isAnybodyNext(at now: Instant) throws -> Bool { try nextInTurn(at: now) != nil }

    /// Steps through the index `jobs_queued` once for each requester who has a job waiting, not once for each job.
    private func nextInTurn(at now: Instant) throws -> JobID? {
        try database.first(
            """
            WITH RECURSIVE
                top (priority) AS (
                    SELECT priority FROM jobs WHERE state = 'queued' AND held = 0 AND not_before <= \(now)
                    ORDER BY priority DESC LIMIT 1),
                requesters (user_id) AS (
                    SELECT (SELECT user_id FROM jobs WHERE state = 'queued' AND held = 0 AND priority = top.priority
                            ORDER BY user_id LIMIT 1) FROM top
                    UNION ALL
                    SELECT (SELECT user_id FROM jobs WHERE state = 'queued' AND held = 0
                                AND priority = (SELECT priority FROM top) AND user_id > requesters.user_id
                            ORDER BY user_id LIMIT 1)
                      FROM requesters WHERE user_id IS NOT NULL),
                heads (job_id, live, last_start_at) AS (
                    SELECT (SELECT id FROM jobs WHERE state = 'queued' AND held = 0
                                AND priority = (SELECT priority FROM top) AND user_id = requesters.user_id
                                AND not_before <= \(now) ORDER BY id LIMIT 1),
                           (SELECT count(*) FROM jobs WHERE state IN ('starting', 'running', 'stopping')
                                AND user_id = requesters.user_id),
                           last_start_at
                      FROM requesters JOIN users ON users.id = requesters.user_id)
            SELECT job_id FROM heads WHERE job_id IS NOT NULL ORDER BY live, last_start_at, job_id LIMIT 1
            """
        ) { JobID($0.int64(0)) }
    }

    /// How many jobs the worker has claimed that are not over.
    public func liveCount() throws -> Int {
        try database.first("SELECT count(*) FROM jobs WHERE state IN ('starting', 'running', 'stopping')") { $0.int(0) }
            ?? 0
    }
}
