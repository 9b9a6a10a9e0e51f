public import Linux
public import SQLite
internal import Storage

/// The jobs: how they come, whose turn it is, what becomes of them.
///
/// Every change of a job's state goes through ``move(_:to:by:at:detail:)``, which writes the event in the same
/// transaction; the database refuses changes that are not drawn in docs/job-states.md. All writes may be combined with
/// other stores' inside one `database.write`.
public struct JobStore {
    let database: Database
    /// Which program makes the changes; it stands in each event.
    let actor: String
    /// The worker's generation, checked before each of its changes; `nil` for pages.
    var generation: Int64?

    public init(_ database: Database, actor: String) {
        self.database = database
        self.actor = actor
    }

    /// A later worker has taken over: this one must write nothing more.
    public struct Superseded: Error {}

    /// Begins a worker's rule: from now on changes by an earlier worker are refused (``Superseded``).
    public mutating func takeOver(pid: Int, bootID: String, version: String, at now: Instant) throws {
        generation = try database.write {
            try database.run(
                """
                INSERT INTO workers (id, generation, pid, boot_id, started_at, version)
                VALUES (1, 1, \(pid), \(bootID), \(now), \(version))
                ON CONFLICT (id) DO UPDATE SET generation = generation + 1, pid = excluded.pid,
                    boot_id = excluded.boot_id, started_at = excluded.started_at, version = excluded.version
                """)
            return try database.first("SELECT generation FROM workers") { $0.int64(0) }
        }
    }

    /// Runs changes that belong together as one transaction, after making sure that this worker still rules.
    func change<Result>(_ body: () throws -> Result) throws -> Result {
        try database.write {
            if let generation {
                guard try database.first("SELECT generation FROM workers", { $0.int64(0) }) == generation
                else { throw Superseded() }
            }
            return try body()
        }
    }

    /// Does something beside the database that a worker may do only while it rules. Nobody takes over meanwhile, so keep it
    /// short.
    public func whileRuling(_ body: () throws -> Void) throws { try change(body) }

    /// Changes a job's state and writes the event. The caller has looked at `from` in this transaction.
    func move(
        _ job: JobID, from: JobState, to: JobState, attempt: Int, at now: Instant, detail: String = ""
    ) throws {
        let changed = try database.run(
            "UPDATE jobs SET state = \(to.rawValue) WHERE id = \(job) AND state = \(from.rawValue)")
        precondition(changed == 1, "the state was read in the same transaction")
        try note(job, from: from, to: to, attempt: attempt, at: now, detail: detail)
    }

    /// Writes the event of a change that the caller makes in the same transaction.
    func note(
        _ job: JobID, from: JobState?, to: JobState, attempt: Int, at now: Instant, detail: String = ""
    ) throws {
        try database.run(
            """
            INSERT INTO events (job_id, attempt, at, from_state, to_state, actor, detail)
            VALUES (\(job), \(attempt), \(now), \(from?.rawValue), \(to.rawValue), \(actor), \(detail))
            """)
    }

    /// State and attempt of a job; `nil` when there is no such job.
    func standing(of job: JobID) throws -> (state: JobState, attempt: Int)? {
        try database.first("SELECT state, attempt FROM jobs WHERE id = \(job)") { row in
            JobState(rawValue: row.text(0)).map { ($0, row.int(1)) }
        } ?? nil
    }
}
