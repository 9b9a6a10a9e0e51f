import EventLog
import FileStore
import JobQueue
import Notices
import SQLite
import Settings
import Storage

extension Worker {
    /// Records what else there is to jobs that were cancelled because one that they were to follow did not succeed. Joins the
    /// transaction that cancelled them.
    ///
    /// - Returns: what to do once all of it is on the disk.
    func storeCancellation(of followers: [JobID]) throws -> () -> Void {
        guard !followers.isEmpty else { return {} }
        try notices.cancelled(followers, now: now())
        let names = try followers.flatMap(jobs.secrets)
        return { [secrets = commission.secrets, log] in
            for name in names { secrets.forget(name) }
            for job in followers { log.note("job-cancelled", ["job": "\(job)"]) }
        }
    }

    /// Does what a worker of an earlier release did not do when it ended jobs that others follow.
    func settleOverlooked() throws {
        let tell = try database.write {
            try storeCancellation(of: try jobs.settleOverlooked(keepingFor: settings.retention, at: now()))
        }
        tell()
    }
}
