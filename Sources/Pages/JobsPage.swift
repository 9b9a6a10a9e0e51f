import Accounts
import EventLog
import FileStore
import JobQueue
import Linux
import Mail
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
        guard segments.first == "jobs", segments.count <= 3 else { throw RequestProblem.notFound }
        if segments.count == 1, request.method != .post {
            return try JobList(site: site, visitor: visitor).page(request.query)
        }
        guard segments.count > 1, let id = JobID(text: segments[1]), let job = try site.jobs.job(id),
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
        let retention = site.settings.retention
        let outcome = try site.database.write {
            let outcome = try site.jobs.stop(job.id, of: visitor.user.id, keepingFor: retention, at: now)
            if outcome == .cancelled {
                let mail = JobMail.ended(
                    job: job.id, script: job.script, outcome: .cancelled,
                    sentence: "You cancelled it \(job.cancellation).",
                    link: JobMail.link(to: job.id, at: site.settings.baseURL), logTail: "",
                    expiresAt: now + retention, at: now)
                try site.mails.enqueue(mail, about: job.id, attempt: job.attempt, to: job.requesterEmail, at: now)
            }
            return outcome
        }
        // Where it never runs, nobody else would.
        if outcome == .cancelled { for secret in try site.jobs.secrets(of: job.id) { site.secrets.forget(secret) } }
        site.doorbell.ring()
        site.log.note("job-stop", ["request": request.reference, "job": "\(job.id)", "user": "\(visitor.user.id)"])
        return .seeOther(site.path("jobs", "\(job.id)").query("note", outcome == .over ? "over" : "stopping"))
    }
}
