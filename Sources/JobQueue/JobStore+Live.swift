public import Linux
internal import SQLite
public import Storage

extension JobStore {
    /// The live jobs that are about to begin or to be ended: the ones that a worker has to look at without being called.
    public func inTransition() throws -> [Job] {
        try database.all(Self.inTransitionQuery, Job.init)
    }

    /// Only the very words of the index `jobs_live` let SQLite use it; without them it would read all jobs there are.
    static let inTransitionQuery: SQL = """
        SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
         WHERE state IN ('starting', 'running', 'stopping')
           AND (state <> 'running' OR stop_requested_at IS NOT NULL)
        """

    /// The live job whose folders are named so; `nil` when it is over, or was never ours.
    public func live(ofFolders uid: String) throws -> Job? {
        try database.first(
            """
            SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
             WHERE uid = \(uid) AND state IN ('starting', 'running', 'stopping')
            """, Job.init)
    }
}

// MARK: Time limits

/// A job that runs and has a time limit about which its requester has not been warned.
public struct TimedJob: Sendable {
    public let job: Job
    public let startedAt: Instant
    public let limit: Instant.Span
}

extension JobStore {
    /// The jobs that run with a time limit, as far as nobody has been warned about their present attempt.
    public func unwarned() throws -> [TimedJob] {
        try database.all(Self.unwarnedQuery) { row in
            let job = Job(row)
            guard let startedAt = job.startedAt, let limit = job.timeLimit else { return nil }
            return TimedJob(job: job, startedAt: startedAt, limit: limit)
        }.compactMap(\.self)
    }

    /// The words of the index `jobs_live` again.
    static let unwarnedQuery: SQL = """
        SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
         WHERE state IN ('starting', 'running', 'stopping') AND state = 'running' AND time_limit IS NOT NULL
           AND (SELECT warned_at FROM attempts WHERE job_id = jobs.id AND number = attempt) IS NULL
        """

    /// How many attempts of a job have come so far that its script ran.
    public func begunAttempts(of job: JobID) throws -> Int {
        try database.first(
            "SELECT count(*) FROM attempts WHERE job_id = \(job) AND started_at IS NOT NULL"
        ) { $0.int(0) } ?? 0
    }
}
