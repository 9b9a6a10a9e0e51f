public import Linux
internal import SQLite
public import Storage

/// A job whose time is over, as far as it takes to remove it.
public struct ExpiredJob: Sendable, Equatable {
    public let id: JobID
    /// Names the job's folders.
    public let uid: String
    /// How many attempts it has had: they are numbered from 1.
    public let attempts: Int
    public let expiresAt: Instant

    init(_ row: borrowing Row) {
        id = JobID(row.int64(0))
        uid = row.text(1)
        attempts = row.int(2)
        expiresAt = row.instant(3)
    }
}

extension JobStore {
    /// At most `limit` jobs whose time is over, in the order of their expiry; those after `last`.
    public func expired(after last: ExpiredJob?, limit: Int, at now: Instant) throws -> [ExpiredJob] {
        try database.all(Self.expiredQuery(after: last, limit: limit, at: now), ExpiredJob.init)
    }

    /// Steps through the index `jobs_by_expiry`.
    static func expiredQuery(after last: ExpiredJob?, limit: Int, at now: Instant) -> SQL {
        """
        SELECT id, uid, attempt, expires_at FROM jobs
         WHERE expires_at <= \(now)
           AND (expires_at, id) > (\(last?.expiresAt.milliseconds ?? .min), \(last?.id.number ?? 0))
         ORDER BY expires_at, id LIMIT \(limit)
        """
    }

    /// Whether a job is over and its time too, and no job follows it that is not over. Asked again in the transaction that
    /// removes it.
    public func isExpired(_ job: JobID, at now: Instant) throws -> Bool {
        try database.first(
            """
            SELECT 1 FROM jobs WHERE id = \(job) AND expires_at <= \(now)
               AND state NOT IN ('queued', 'starting', 'running', 'stopping')
            """, { _ in true }) ?? false && !isNeeded(job)
    }

    /// Deletes at most `limit` rows of a job: events, attempts, parameters and what it follows, at last its own. Joins the caller's
    /// transaction; the job's mails have to be gone.
    public func forget(_ job: JobID, limit: Int) throws -> (rows: Int, isGone: Bool) {
        try change {
            var rows = 0
            for deletion in [
                Self.forgetEvents, Self.forgetAttempts, Self.forgetParameters, Self.forgetFollowed,
                Self.forgetFollowers,
            ] {
                rows += try database.run(deletion(job, limit - rows))
                guard rows < limit else { return (rows, false) }
            }
            let sweep = try sweep(of: job)
            rows += try database.run("DELETE FROM jobs WHERE id = \(job)")
            if let sweep {
                try database.run(
                    """
                    DELETE FROM sweeps WHERE id = \(sweep) AND NOT EXISTS (SELECT 1 FROM jobs WHERE sweep_id = \(sweep))
                    """)
            }
            return (rows, true)
        }
    }

    static func forgetEvents(of job: JobID, limit: Int) -> SQL {
        """
        DELETE FROM events WHERE id IN (SELECT id FROM events WHERE job_id = \(job) LIMIT \(limit))
        """
    }

    static func forgetAttempts(of job: JobID, limit: Int) -> SQL {
        """
        DELETE FROM attempts WHERE job_id = \(job) AND number IN
            (SELECT number FROM attempts WHERE job_id = \(job) LIMIT \(limit))
        """
    }

    static func forgetParameters(of job: JobID, limit: Int) -> SQL {
        """
        DELETE FROM job_parameters WHERE job_id = \(job) AND position IN
            (SELECT position FROM job_parameters WHERE job_id = \(job) LIMIT \(limit))
        """
    }

    /// The job whose folders are named so.
    public func job(ofFolders uid: String) throws -> JobID? {
        try database.first("SELECT id FROM jobs WHERE uid = \(uid)") { JobID($0.int64(0)) }
    }

    // MARK: What jobs refer to

    /// At most `limit` of the script copies that are kept, by their hashes; those after `last`.
    public func scriptCopies(after last: [UInt8], limit: Int) throws -> [[UInt8]] {
        try database.all(Self.scriptCopiesQuery(after: last, limit: limit)) { $0.blob(0) }
    }

    static func scriptCopiesQuery(after last: [UInt8], limit: Int) -> SQL {
        "SELECT hash FROM script_copies WHERE hash > \(last) ORDER BY hash LIMIT \(limit)"
    }

    /// Whether a job that is not among `leaving` was submitted with this script.
    public func isUsed(_ copy: [UInt8], apartFrom leaving: Set<JobID> = []) throws -> Bool {
        // Of one more than those that leave, one stays.
        let users = try database.all(Self.usersQuery(of: copy, limit: leaving.count + 1)) { JobID($0.int64(0)) }
        return !users.allSatisfy(leaving.contains)
    }

    static func usersQuery(of copy: [UInt8], limit: Int) -> SQL {
        "SELECT id FROM jobs WHERE script_hash = \(copy) LIMIT \(limit)"
    }

    /// Deletes a script copy. The caller has looked in this transaction that nobody uses it.
    public func forget(scriptCopy hash: [UInt8]) throws {
        _ = try change { try database.run("DELETE FROM script_copies WHERE hash = \(hash)") }
    }

    /// The names of the shared files that jobs which wait or run are going to read.
    public func sharedFilesInUse() throws -> Set<String> {
        Set(try database.all(Self.sharedInUseQuery) { $0.text(0) })
    }

    /// Three indexes that know such jobs alone: `jobs_queued`, `jobs_held`, `jobs_live`. CROSS: in this order.
    static let sharedInUseQuery: SQL = """
        SELECT value FROM jobs CROSS JOIN job_parameters ON job_id = jobs.id
         WHERE state = 'queued' AND held = 0 AND kind = 'shared'
        UNION ALL
        SELECT value FROM jobs CROSS JOIN job_parameters ON job_id = jobs.id
         WHERE state = 'queued' AND held = 1 AND kind = 'shared'
        UNION ALL
        SELECT value FROM jobs CROSS JOIN job_parameters ON job_id = jobs.id
         WHERE state IN ('starting', 'running', 'stopping') AND kind = 'shared'
        """
}
