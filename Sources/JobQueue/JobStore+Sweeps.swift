public import Linux
internal import SQLite
public import Storage

/// Jobs of one script that were submitted together, each with other values.
public struct Sweep: Sendable {
    public let id: SweepID
    public let requester: UserID
    /// The requester's e-mail address.
    public let requesterEmail: String
    /// The script's file name in script_dir.
    public let script: String
    /// How many jobs it began with.
    public let size: Int
    public let createdAt: Instant
    /// When all of its jobs were over; `nil` until then.
    public let endedAt: Instant?

    static let columns: SQL = "sweeps.id, user_id, email, script, size, sweeps.created_at, ended_at"

    init(_ row: borrowing Row) {
        id = SweepID(row.int64(0))
        requester = UserID(row.int64(1))
        requesterEmail = row.text(2)
        script = row.text(3)
        size = row.int(4)
        createdAt = row.instant(5)
        endedAt = row.optionalInstant(6)
    }
}

extension JobStore {
    /// The sweep of this number.
    public func sweep(_ id: SweepID) throws -> Sweep? {
        try database.first(
            "SELECT \(Sweep.columns) FROM sweeps JOIN users ON users.id = user_id WHERE sweeps.id = \(id)", Sweep.init)
    }

    /// The jobs of a sweep, in the order in which they were submitted.
    public func jobs(of sweep: SweepID) throws -> [Job] {
        try database.all(
            """
            SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id WHERE sweep_id = \(sweep) ORDER BY jobs.id
            """, Job.init)
    }

    /// How many jobs of a sweep are in each state; none of those that nobody is in.
    public func standing(of sweep: SweepID) throws -> [JobState: Int] {
        var counts: [JobState: Int] = [:]
        try database.each("SELECT state, count(*) FROM jobs WHERE sweep_id = \(sweep) GROUP BY state") { row in
            if let state = JobState(rawValue: row.text(0)) { counts[state] = row.int(1) }
        }
        return counts
    }

    /// When a job goes that ends now, for an update of it: after the retention or, in a sweep, with the others, because
    /// their outputs belong together.
    static func expiry(after retention: Instant.Span, at now: Instant) -> SQL {
        "expires_at = CASE WHEN sweep_id IS NULL THEN \(now + retention) END"
    }

    /// After the end of a job: if it was the last of its sweep, the sweep is over too. Joins the caller's transaction.
    func finishSweep(of job: JobID, keepingFor retention: Instant.Span, at now: Instant) throws {
        guard let sweep = try sweep(of: job),
            try database.first(Self.unfinishedQuery(of: sweep), { _ in true }) == nil
        else { return }
        try database.run("UPDATE sweeps SET ended_at = \(now) WHERE id = \(sweep)")
        try database.run("UPDATE jobs SET expires_at = \(now + retention) WHERE sweep_id = \(sweep)")
    }

    func sweep(of job: JobID) throws -> SweepID? {
        try database.first("SELECT sweep_id FROM jobs WHERE id = \(job)") { $0.optionalInt64(0).map(SweepID.init) }
            ?? nil
    }

    /// Whether a job of a sweep is not over.
    static func unfinishedQuery(of sweep: SweepID) -> SQL {
        """
        SELECT 1 FROM jobs INDEXED BY jobs_by_sweep
         WHERE sweep_id = \(sweep) AND state IN ('queued', 'starting', 'running', 'stopping') LIMIT 1
        """
    }
}
