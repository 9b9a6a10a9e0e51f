public import Linux
internal import SQLite
public import Storage

/// A try at running a job, as it is told afterwards.
public struct AttemptReport: Sendable, Equatable {
    /// From 1.
    public let number: Int
    /// When its script began; `nil`: it did not.
    public let startedAt: Instant?
    /// `nil` while it goes on.
    public let endedAt: Instant?
    public let exitCode: Int?
    public let signal: Int?
    /// Why it ended so, a sentence; `nil` when there is nothing to add.
    public let cause: String?
    /// How it ended; `nil` while it goes on, and when it never began.
    public let end: JobState?
}

extension JobStore {
    /// The attempts of a job so far, the first one first.
    public func attempts(of job: JobID) throws -> [AttemptReport] {
        try database.all(Self.attemptsQuery(of: job)) { row in
            AttemptReport(
                number: row.int(0), startedAt: row.optionalInstant(1), endedAt: row.optionalInstant(2),
                exitCode: row.optionalInt(3), signal: row.optionalInt(4), cause: row.optionalText(5),
                end: row.optionalText(6).flatMap(JobState.init))
        }
    }

    static func attemptsQuery(of job: JobID) -> SQL {
        """
        SELECT number, started_at, ended_at, exit_code, signal, cause,
               (SELECT to_state FROM events WHERE events.job_id = attempts.job_id AND events.attempt = attempts.number
                    AND to_state NOT IN ('queued', 'starting', 'running', 'stopping') LIMIT 1)
          FROM attempts WHERE job_id = \(job) ORDER BY number
        """
    }
}
