public import Linux
internal import SQLite
public import Storage

/// Why a job cannot follow another. A form that was looked through just before can meet it only when things have changed
/// since: looking through it again tells its sender.
public struct CannotFollow: Error, Equatable {
    /// The other one; `nil`: they are too many.
    public let job: JobID?

    public init(job: JobID?) { self.job = job }
}

extension JobStore {
    /// A job follows no more jobs than these: each end looks at what all of its followers still await.
    public static let mostFollowed = 100

    // MARK: Submitting

    /// Whether a job that follows these has to wait for one of them.
    ///
    /// - Throws: ``CannotFollow`` unless each is the requester's own and waits, runs or has succeeded.
    func isToAwait(_ followed: Set<JobID>, of user: UserID) throws -> Bool {
        guard followed.count <= Self.mostFollowed else { throw CannotFollow(job: nil) }
        var awaits = false
        for id in followed {
            guard let job = try job(id), job.requester == user, job.canBeFollowed else { throw CannotFollow(job: id) }
            awaits = awaits || job.state != .succeeded
        }
        return awaits
    }

    func follow(_ job: JobID, _ followed: Set<JobID>) throws {
        for other in followed.sorted() {
            try database.run("INSERT INTO job_dependencies (job_id, after_id) VALUES (\(job), \(other))")
        }
    }

    // MARK: Ends

    /// Does what the end of a job means for those that follow it, in the transaction of that end: where all that it follows
    /// have succeeded, a job takes its place in the queue; where one ended in another way, it is cancelled, and so are those
    /// that follow it in turn.
    ///
    /// - Returns: the jobs that were cancelled.
    func settle(
        followersOf job: JobID, ended state: JobState, keepingFor retention: Instant.Span, at now: Instant
    ) throws -> [JobID] {
        guard state != .succeeded else {
            for follower in try awaiting(job) where try !isAnyAwaited(by: follower.id) {
                try database.run("UPDATE jobs SET awaits = 0, held = held_by_admin WHERE id = \(follower.id)")
                try note(
                    follower.id, from: .queued, to: .queued, attempt: 0, at: now,
                    detail: "Job #\(job) has succeeded, and with it all that this one follows.")
            }
            return []
        }
        var cancelled: [JobID] = []
        var ends = [(job: job, state: state)]
        var next = 0
        while next < ends.count {
            let end = ends[next]
            next += 1
            let reason = "Job #\(end.job), which it was to follow, \(end.state.clause). So it was not started."
            for follower in try awaiting(end.job) {
                // What is found late may have ended before its follower came.
                let moment = max(now, follower.queuedAt)
                try database.run(
                    """
                    UPDATE jobs SET state = 'cancelled', ended_at = \(moment), reason = \(reason),
                           \(Self.expiry(after: retention, at: moment))
                     WHERE id = \(follower.id)
                    """)
                try finishSweep(of: follower.id, keepingFor: retention, at: moment)
                try note(follower.id, from: .queued, to: .cancelled, attempt: 0, at: now, detail: reason)
                cancelled.append(follower.id)
                ends.append((follower.id, .cancelled))
            }
        }
        return cancelled
    }

    /// Settles the followers of jobs that were ended by a worker of an earlier release, which knows of no followers.
    ///
    /// - Returns: the jobs that were cancelled.
    public func settleOverlooked(keepingFor retention: Instant.Span, at now: Instant) throws -> [JobID] {
        try change {
            try database.all(Self.overlookedQuery) { (JobID($0.int64(0)), JobState(rawValue: $0.text(1)) ?? .lost) }
                .flatMap { try settle(followersOf: $0.0, ended: $0.1, keepingFor: retention, at: now) }
        }
    }

    /// Of a job that awaits others all may have succeeded, or one may have ended in another way.
    static let overlookedQuery: SQL = """
        SELECT DISTINCT ended.id, ended.state
          FROM jobs AS follower CROSS JOIN job_dependencies ON job_id = follower.id
          CROSS JOIN jobs AS ended ON ended.id = after_id
         WHERE follower.state = 'queued' AND follower.held = 1 AND follower.awaits = 1
           AND ended.state NOT IN ('queued', 'starting', 'running', 'stopping')
        """

    /// The jobs that follow this one and wait.
    private func awaiting(_ job: JobID) throws -> [Job] { try database.all(Self.awaitingQuery(job), Job.init) }

    static func awaitingQuery(_ job: JobID) -> SQL {
        """
        SELECT \(Job.columns) FROM job_dependencies CROSS JOIN jobs ON jobs.id = job_id
          CROSS JOIN users ON users.id = user_id
         WHERE after_id = \(job) AND state = 'queued' AND awaits = 1 ORDER BY job_id
        """
    }

    private func isAnyAwaited(by job: JobID) throws -> Bool {
        try database.first(Self.awaitedQuery(by: job, limit: 1)) { _ in true } ?? false
    }

    /// The jobs that this one follows and that have not succeeded.
    func awaited(by job: JobID) throws -> [JobID] {
        try database.all(Self.awaitedQuery(by: job, limit: Self.mostFollowed)) { JobID($0.int64(0)) }
    }

    static func awaitedQuery(by job: JobID, limit: Int) -> SQL {
        """
        SELECT after_id FROM job_dependencies CROSS JOIN jobs ON jobs.id = after_id
         WHERE job_id = \(job) AND state <> 'succeeded' ORDER BY after_id LIMIT \(limit)
        """
    }

    // MARK: Looking

    /// The jobs that this one follows, the oldest first.
    public func followed(by job: JobID) throws -> [Job] {
        try database.all(Self.followedQuery(by: job), Job.init)
    }

    static func followedQuery(by job: JobID) -> SQL {
        """
        SELECT \(Job.columns) FROM job_dependencies CROSS JOIN jobs ON jobs.id = after_id
          CROSS JOIN users ON users.id = user_id
         WHERE job_id = \(job) ORDER BY after_id
        """
    }

    /// At most `limit` of the jobs that follow this one, the oldest first.
    public func followers(of job: JobID, limit: Int) throws -> [Job] {
        try database.all(Self.followersQuery(of: job, limit: limit), Job.init)
    }

    static func followersQuery(of job: JobID, limit: Int) -> SQL {
        """
        SELECT \(Job.columns) FROM job_dependencies CROSS JOIN jobs ON jobs.id = job_id
          CROSS JOIN users ON users.id = user_id
         WHERE after_id = \(job) ORDER BY job_id LIMIT \(limit)
        """
    }

    /// How many jobs follow this one, or follow those that do, and are in this state.
    public func countOfFollowers(of job: JobID, in state: JobState) throws -> Int {
        try database.first(Self.countQuery(of: job, in: state)) { $0.int(0) } ?? 0
    }

    static func countQuery(of job: JobID, in state: JobState) -> SQL {
        """
        WITH RECURSIVE follower (id) AS (
            SELECT job_id FROM job_dependencies WHERE after_id = \(job)
            UNION
            SELECT job_id FROM follower CROSS JOIN job_dependencies ON after_id = follower.id)
        SELECT count(*) FROM follower CROSS JOIN jobs ON jobs.id = follower.id WHERE state = \(state.rawValue)
        """
    }

    /// So many of a requester's jobs are looked at for what another may follow.
    private static let mostRecent = 1000

    /// At most `limit` of a requester's recent jobs, the newest first: those that have succeeded, or those that are not over.
    public func recent(of user: UserID, succeeded: Bool, limit: Int) throws -> [Job] {
        try database.all(Self.recentQuery(of: user, succeeded: succeeded, limit: limit), Job.init)
    }

    static func recentQuery(of user: UserID, succeeded: Bool, limit: Int) -> SQL {
        """
        SELECT \(Job.columns) FROM
            (SELECT id AS recent FROM jobs WHERE user_id = \(user) ORDER BY id DESC LIMIT \(mostRecent))
          CROSS JOIN jobs ON jobs.id = recent CROSS JOIN users ON users.id = user_id
         WHERE CASE \(succeeded) WHEN 1 THEN state = 'succeeded' ELSE ended_at IS NULL END
         ORDER BY recent DESC LIMIT \(limit)
        """
    }

    // MARK: The cleaner

    /// Whether a job that is not over follows this one, and perhaps reads what it has left.
    func isNeeded(_ job: JobID) throws -> Bool {
        try database.first(Self.neededQuery(job)) { _ in true } ?? false
    }

    static func neededQuery(_ job: JobID) -> SQL {
        """
        SELECT 1 FROM job_dependencies CROSS JOIN jobs ON jobs.id = job_id
         WHERE after_id = \(job) AND state IN ('queued', 'starting', 'running', 'stopping') LIMIT 1
        """
    }

    static func forgetFollowed(by job: JobID, limit: Int) -> SQL {
        """
        DELETE FROM job_dependencies WHERE job_id = \(job) AND after_id IN
            (SELECT after_id FROM job_dependencies WHERE job_id = \(job) LIMIT \(limit))
        """
    }

    static func forgetFollowers(of job: JobID, limit: Int) -> SQL {
        """
        DELETE FROM job_dependencies WHERE after_id = \(job) AND job_id IN
            (SELECT job_id FROM job_dependencies WHERE after_id = \(job) LIMIT \(limit))
        """
    }
}

extension Job {
    /// Whether another job may follow it: it has succeeded or may still.
    public var canBeFollowed: Bool { !state.isOver || state == .succeeded }
}

extension JobState {
    /// How a job ended, as the end of a sentence that begins with it.
    public var clause: String {
        switch self {
        case .cancelled: "was cancelled"
        case .timedOut: "ran longer than it may"
        case .outOfMemory: "used more memory than it may"
        case .outputLimit: "wrote more than it may"
        case .lost: "was lost"
        default: words
        }
    }
}
