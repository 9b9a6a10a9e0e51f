internal import SQLite
public import Storage

extension JobStore {
    /// The job of this number.
    public func job(_ id: JobID) throws -> Job? {
        try database.first(
            "SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id WHERE jobs.id = \(id)", Job.init)
    }

    /// All that the worker has claimed and that is not over, in the order of their numbers.
    public func live() throws -> [Job] {
        try database.all(
            """
            SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
             WHERE state IN ('starting', 'running', 'stopping') ORDER BY jobs.id
            """, Job.init)
    }

    /// At most `limit` of the jobs that wait, those that are held too, in the order of their numbers.
    public func waiting(limit: Int) throws -> [Job] {
        try database.all(
            """
            SELECT \(Job.columns) FROM jobs CROSS JOIN users ON users.id = user_id
             WHERE jobs.id IN (SELECT id FROM jobs WHERE state = 'queued' AND held = 0
                               UNION ALL SELECT id FROM jobs WHERE state = 'queued' AND held = 1)
             ORDER BY jobs.id LIMIT \(limit)
            """, Job.init)
    }

    /// The parameters of a job, in the order of the script's arguments.
    public func parameters(of job: JobID) throws -> [JobParameter] {
        try database.all(
            "SELECT name, kind, value, file_id, source_job FROM job_parameters WHERE job_id = \(job) ORDER BY position"
        ) { row in
            JobParameter(
                name: row.text(0), kind: JobParameter.Kind(rawValue: row.text(1)) ?? .text, value: row.text(2),
                file: row.optionalInt64(3).map(FileID.init), source: row.optionalInt64(4).map(JobID.init))
        }
    }

    /// The names under which a job's secrets are kept.
    public func secrets(of job: JobID) throws -> [String] {
        try database.all("SELECT value FROM job_parameters WHERE job_id = \(job) AND kind = 'secret'") { $0.text(0) }
    }

    /// Whether a job that is not over has this secret.
    public func needsSecret(_ name: String) throws -> Bool {
        try database.first(
            """
            SELECT 1 FROM job_parameters JOIN jobs ON jobs.id = job_id
             WHERE kind = 'secret' AND value = \(name) AND state IN ('queued', 'starting', 'running', 'stopping')
            """
        ) { _ in true } ?? false
    }

    /// What happened to a job, the first event first.
    public func events(of job: JobID) throws -> [JobEvent] {
        try database.all(
            "SELECT at, attempt, from_state, to_state, actor, detail FROM events WHERE job_id = \(job) ORDER BY id"
        ) { row in
            JobEvent(
                at: row.instant(0), attempt: row.int(1), from: row.optionalText(2).flatMap(JobState.init),
                to: JobState(rawValue: row.text(3)) ?? .lost, actor: row.text(4), detail: row.text(5))
        }
    }

    /// Which part of a list to show, by key: no counting and no offset, so that the millionth job costs what the first
    /// does.
    public enum Slice: Equatable, Sendable {
        case newest
        /// Jobs with smaller numbers than this.
        case before(JobID)
        /// Jobs with greater numbers than this.
        case after(JobID)
    }

    /// At most `limit` jobs, the newest first, of everybody or of `requester`.
    ///
    /// - Parameter foldingSweeps: the last job of a sweep stands for all of it.
    public func list(
        _ slice: Slice, of requester: UserID?, limit: Int, foldingSweeps: Bool = false
    ) throws -> [Job] {
        let before: Int64
        switch slice {
        case .newest: before = .max
        case .before(let job): before = job.number
        case .after(let job):
            let ascending: SQL
            if let requester {
                ascending = """
                    SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
                     WHERE user_id = \(requester) AND is_folded <= \(!foldingSweeps) AND jobs.id > \(job) ORDER BY jobs.id LIMIT \(limit)
                    """
            } else {
                ascending = """
                    SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
                     WHERE is_folded <= \(!foldingSweeps) AND jobs.id > \(job) ORDER BY jobs.id LIMIT \(limit)
                    """
            }
            return try database.all(ascending, Job.init).reversed()
        }
        if let requester {
            return try database.all(
                """
                SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
                 WHERE user_id = \(requester) AND is_folded <= \(!foldingSweeps) AND jobs.id < \(before) ORDER BY jobs.id DESC LIMIT \(limit)
                """, Job.init)
        }
        return try database.all(
            """
            SELECT \(Job.columns) FROM jobs CROSS JOIN users ON users.id = user_id
             WHERE is_folded <= \(!foldingSweeps) AND jobs.id < \(before) ORDER BY jobs.id DESC LIMIT \(limit)
            """, Job.init)
    }

    /// The user of an address, for the list's filter.
    public func requester(_ email: String) throws -> UserID? {
        try database.first("SELECT id FROM users WHERE email = \(email)") { UserID($0.int64(0)) }
    }

    /// How many wait and how many run, counted up to a thousand each: a glance, not a census.
    public func glance() throws -> (queued: Int, live: Int) {
        let queued = try database.first(
            "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'queued' AND held = 0 LIMIT 1000)"
        ) { $0.int(0) }
        return (queued ?? 0, try liveCount())
    }

    /// The script as it was when a job was submitted.
    public func scriptCopy(_ hash: [UInt8]) throws -> [UInt8]? {
        try database.first("SELECT content FROM script_copies WHERE hash = \(hash)") { $0.blob(0) }
    }
}
