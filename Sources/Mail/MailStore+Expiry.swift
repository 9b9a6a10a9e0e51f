internal import SQLite
public import Storage

extension MailStore {
    /// Whether a mail about the job still waits to be sent: neither has a server taken it, nor was it given up.
    public func isWaiting(about job: JobID) throws -> Bool {
        try database.first(Self.waitingQuery(about: job)) { _ in true } ?? false
    }

    static func waitingQuery(about job: JobID) -> SQL {
        "SELECT 1 FROM mails WHERE job_id = \(job) AND state = 'queued' LIMIT 1"
    }

    /// Deletes at most `limit` mails about a job; says how many. Joins the caller's transaction.
    public func forget(about job: JobID, limit: Int) throws -> Int {
        try database.write { try database.run(Self.forgetMails(about: job, limit: limit)) }
    }

    static func forgetMails(about job: JobID, limit: Int) -> SQL {
        "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE job_id = \(job) LIMIT \(limit))"
    }
}
