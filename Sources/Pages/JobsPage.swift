import Accounts
import EventLog
import FileStore
import JobQueue
import Linux
import Notices
import SQLite
import Settings
import Storage
public import Web

/// All jobs, one job, its log, and the end of a job by its requester's wish.
///
/// Everybody signed in sees what jobs there are (`job_visibility`); log, mails and files of a job are its requester's, and
/// for everybody else they do not exist.
public struct JobsPage: Page {
    let site: Site
    public init(_ site: Site) { self.site = site }

    public mutating func respond(to request: borrowing Request) throws -> Response {
        guard let visitor = try site.visitor(request) else { return site.signIn(from: request) }
        let segments = request.segments
        guard segments.first == "jobs", segments.count <= 4 else { throw RequestProblem.notFound }
        if segments.count == 1, request.method != .post {
            return try JobList(site: site, visitor: visitor).page(request.query)
        }
        if segments.count > 2, segments[1] == "sweeps" { return try respond(toSweep: request, visitor) }
        guard (2...3).contains(segments.count), let id = JobID(text: segments[1]), let job = try site.jobs.job(id),
            site.settings.jobVisibility == .all || job.requester == visitor.user.id
        else { throw RequestProblem.notFound }
        let isOwn = job.requester == visitor.user.id
        switch (segments.count == 3 ? segments[2] : "", request.method) {
        case ("", .get), ("", .head):
            return try JobView(site: site, visitor: visitor, job: job).page(note: request.query["note"])
        case ("log", .get), ("log", .head):
            guard isOwn else { throw RequestProblem.notFound }
            return try log(of: job, attempt: request.query["attempt"])
        case ("cancel", .post):
            try request.form().check(visitor.token)
            guard isOwn else { throw RequestProblem.notFound }
            return try cancel(job, visitor, request)
        default: throw RequestProblem.notFound
        }
    }

    /// The whole log of an attempt, of the latest if none is named, to be saved.
    private func log(of job: Job, attempt named: String?) throws -> Response {
        guard let attempt = named.map({ Int($0) }) ?? job.attempt, (1...max(1, job.attempt)).contains(attempt),
            let log = LogFile(
                attemptsDirectory: site.settings.attemptsDir, jobUID: job.uid, attempt: attempt)
        else { throw RequestProblem.notFound }
        let size = log.size
        let name = attempt == job.attempt ? "job-\(job.id).log" : "job-\(job.id)-attempt-\(attempt).log"
        return .download(Download(name: name, file: log.release(), size: size))
    }

    private func cancel(_ job: Job, _ visitor: Visitor, _ request: borrowing Request) throws -> Response {
        let now = site.now()
        let outcome = try site.database.write { try stop(job, visitor, at: now) }
        if case .cancelled(let followers) = outcome { try forgetSecrets(of: [job.id] + followers) }
        site.doorbell.ring()
        site.log.note("job-stop", ["request": request.reference, "job": "\(job.id)", "user": "\(visitor.user.id)"])
        return .seeOther(site.path("jobs", "\(job.id)").query("note", outcome == .over ? "over" : "stopping"))
    }

    /// Joins the caller's transaction.
    private func stop(_ job: Job, _ visitor: Visitor, at now: Instant) throws -> JobStore.StopOutcome? {
        let outcome = try site.jobs.stop(job.id, of: visitor.user.id, keepingFor: site.settings.retention, at: now)
        if case .cancelled(let followers) = outcome {
            try site.notices.cancelledBeforeStart(job, byAdmin: false, at: now)
            try site.notices.cancelled(followers, now: now)
        }
        return outcome
    }

    /// Where jobs never run, nobody else would.
    private func forgetSecrets(of jobs: [JobID]) throws {
        for secret in try jobs.flatMap(site.jobs.secrets) { site.secrets.forget(secret) }
    }

    // MARK: Sweeps

    /// A sweep, its table for other programs, and the end of all its jobs by its requester's wish.
    private func respond(toSweep request: borrowing Request, _ visitor: Visitor) throws -> Response {
        let segments = request.segments
        guard let id = SweepID(text: segments[2]), let sweep = try site.jobs.sweep(id),
            site.settings.jobVisibility == .all || sweep.requester == visitor.user.id
        else { throw RequestProblem.notFound }
        switch (segments.count == 4 ? segments[3] : "", request.method) {
        case ("", .get), ("", .head):
            return try SweepView(site: site, visitor: visitor, sweep: sweep).page(note: request.query["note"])
        case ("table.csv", .get), ("table.csv", .head):
            return try SweepView(site: site, visitor: visitor, sweep: sweep).table()
        case ("cancel", .post):
            try request.form().check(visitor.token)
            guard sweep.requester == visitor.user.id else { throw RequestProblem.notFound }
            return try cancel(sweep, visitor, request)
        default: throw RequestProblem.notFound
        }
    }

    private func cancel(_ sweep: Sweep, _ visitor: Visitor, _ request: borrowing Request) throws -> Response {
        let now = site.now()
        let cancelled = try site.database.write {
            try site.jobs.jobs(of: sweep.id).flatMap { job in
                guard case .cancelled(let followers) = try stop(job, visitor, at: now) else { return [JobID]() }
                return [job.id] + followers
            }
        }
        try forgetSecrets(of: cancelled)
        site.doorbell.ring()
        site.log.note(
            "sweep-stop", ["request": request.reference, "sweep": "\(sweep.id)", "user": "\(visitor.user.id)"])
        return .seeOther(site.path("jobs", "sweeps", "\(sweep.id)").query("note", "stopping"))
    }
}
