public import JobQueue
public import Linux
public import Mail
public import SQLite
public import Settings
public import Storage

/// What requesters hear of their jobs by mail. Each notice joins the transaction of what it tells about.
///
/// Of a job that was submitted alone: that it began, that its time is nearly over, and how it ended. Of a sweep: one mail
/// when all of its jobs are over.
public struct Notices {
    private let mails: MailStore
    private let jobs: JobStore
    private let site: BaseURL
    private let retention: Instant.Span

    public init(_ database: Database, about jobs: JobStore, _ settings: Settings) {
        mails = MailStore(database)
        self.jobs = jobs
        site = settings.baseURL
        retention = settings.retention
    }

    /// The script of a job runs.
    ///
    /// - Parameter begun: since when.
    public func started(_ job: Job, at begun: Instant, now: Instant) throws {
        // Of a job that is tried again its requester has heard already.
        guard job.sweep == nil, try jobs.begunAttempts(of: job.id) == 1 else { return }
        try send(JobMail.started(job: job.id, script: job.script, link: link(to: job), at: begun), about: job, now)
    }

    /// The time of a job will soon be over.
    ///
    /// - Parameters:
    ///   - limit: how long it may run.
    ///   - end: when it will be stopped if it has not ended by then.
    public func timeIsNearlyOver(for job: Job, limit: Instant.Span, end: Instant, now: Instant) throws {
        guard job.sweep == nil else { return }
        let mail = JobMail.timeWarning(
            job: job.id, script: job.script, limit: limit, end: end, link: link(to: job), at: now)
        try send(mail, about: job, now)
    }

    /// A job is over, and the database knows it.
    ///
    /// - Parameters:
    ///   - sentence: what happened, in plain words.
    ///   - logTail: the end of the log, for a job that did not end well; may be empty.
    ///   - end: when that was.
    public func ended(
        _ job: Job, _ outcome: JobMail.Outcome, _ sentence: String, logTail: String = "", at end: Instant, now: Instant
    ) throws {
        if let sweep = try job.sweep.flatMap(jobs.sweep) {
            // Of a sweep the last one tells.
            guard sweep.endedAt != nil else { return }
            return try send(mail(about: sweep, at: end), about: job, now)
        }
        let mail = JobMail.ended(
            job: job.id, script: job.script, outcome: outcome, sentence: sentence, link: link(to: job),
            logTail: logTail,
            attempts: max(1, try jobs.begunAttempts(of: job.id)), expiresAt: end + retention, at: end)
        try send(mail, about: job, now)
    }

    /// A job that waited is cancelled, and the database knows it.
    public func cancelledBeforeStart(_ job: Job, byAdmin: Bool, at now: Instant) throws {
        let who = byAdmin ? "The administrator" : "You"
        try ended(job, .cancelled, "\(who) cancelled it \(job.cancellation).", at: now, now: now)
    }

    /// Jobs are cancelled because one that they were to follow did not succeed, and the database knows it.
    public func cancelled(_ followers: [JobID], now: Instant) throws {
        // Several jobs of a sweep may have been its last.
        var told: Set<SweepID> = []
        for id in followers {
            guard let job = try jobs.job(id), let reason = job.reason, let end = job.endedAt,
                job.sweep.map({ told.insert($0).inserted }) ?? true
            else { continue }
            try ended(job, .cancelled, reason, at: end, now: now)
        }
    }

    /// More jobs that went wrong are better read on the sweep's page.
    static let mostTold = 20

    private func mail(about sweep: Sweep, at end: Instant) throws -> JobMail {
        let all = try jobs.jobs(of: sweep.id)
        let counts = JobState.allCases.map { state in (state.words, all.count { $0.state == state }) }.filter {
            $0.1 > 0
        }
        let others = all.filter { $0.state != .succeeded }
        return JobMail.sweepEnded(
            sweep: sweep.id, script: sweep.script, counts: counts, succeeded: all.count - others.count,
            others: others.prefix(Self.mostTold).map { ($0.id, $0.reason ?? "\($0.state.words).") },
            link: JobMail.link(to: sweep.id, at: site), expiresAt: end + retention, at: end)
    }

    private func send(_ mail: JobMail, about job: Job, _ now: Instant) throws {
        try mails.enqueue(mail, about: job.id, attempt: job.attempt, to: job.requesterEmail, at: now)
    }

    private func link(to job: Job) -> String { JobMail.link(to: job.id, at: site) }
}
