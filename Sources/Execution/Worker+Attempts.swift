import EventLog
import FileStore
import JobQueue
import Linux
import Mail
import SQLite
import Settings
import Storage
import Supervision

extension Worker {
    /// Has a claimed attempt run, or ends its job when it cannot be run.
    func begin(_ attempt: Attempt) throws {
        let job = attempt.job
        let order: Order
        do {
            order = try commission.order(for: attempt, try jobs.parameters(of: job.id))
        } catch let refusal as Commission.Refusal {
            return try end(job, Verdict(refused: refusal.sentence), at: now())
        }
        guard job.stopRequestedAt == nil else { return try end(job, .cancelledBeforeStart, at: now()) }
        let isNew = try executor.submit(attempt.name, order) { _ = try outbox.make(job.uid) }
        if !isNew { log.note("attempt-exists", ["job": "\(job.id)", "attempt": "\(attempt.number)"]) }
    }

    /// Records what has become of a live job's attempt, and hands on a wish to stop it.
    func tend(_ job: Job) throws {
        switch try executor.poll(job.attemptName) {
        case .unknown:
            // Claimed, and then the worker died or the disk was full: nothing was laid down, so nothing can run.
            try giveBack(job, because: "The attempt was never laid down.")
        case .neverBegan(let trouble):
            if job.stopRequestedAt != nil { return try end(job, .cancelledBeforeStart, at: now()) }
            try giveBack(job, because: trouble.isEmpty ? "Its supervisor did not start." : trouble)
        case .starting:
            if job.stopRequestedAt != nil, try executor.cancel(job.attemptName) {
                try end(job, .cancelledBeforeStart, at: now())
            }
        case .running(let begun):
            try importStart(of: job, begun)
            if job.stopRequestedAt != nil {
                if job.state != .stopping { try jobs.stopping(job.id, attempt: job.attempt, at: now()) }
                // The wish is on the disk before it is told, and told again until the end: the supervisor may change hands.
                _ = try executor.cancel(job.attemptName)
            }
        case .ended(let record, _) where record.outcome == .notStarted(errno: 0):
            // Its supervisor was killed at the gate: another attempt runs nothing twice.
            if job.stopRequestedAt != nil { return try end(job, .cancelledBeforeStart, at: now()) }
            try giveBack(job, because: "Its supervisor was killed before the script began.")
        case .ended(let record, let begun):
            if let begun, !record.wasNotStarted { try importStart(of: job, begun) }
            try end(job, Verdict(record, begun: begun?.at), at: Instant(milliseconds: record.endedAt))
        case .vanished(let begun):
            try importStart(of: job, begun)
            let wasRestarted = begun.script.bootID != ProcessIdentity.currentBoot
            try end(job, .lost(wasRestarted: wasRestarted), at: now())
        }
    }

    /// The script runs: state, event and mail in one transaction.
    private func importStart(of job: Job, _ begun: LocalExecutor.Begun) throws {
        guard job.state == .starting else { return }
        let process = StartedProcess(
            bootID: begun.script.bootID, guardPID: Int(begun.guardPID), scriptPID: Int(begun.script.pid),
            scriptStart: begun.script.start)
        let isNew = try database.write {
            guard try jobs.started(job.id, attempt: job.attempt, as: process, at: begun.at) else { return false }
            let mail = JobMail.started(job: job.id, script: job.script, link: link(to: job), at: begun.at)
            try mails.enqueue(mail, about: job.id, attempt: job.attempt, to: job.requesterEmail, at: now())
            return true
        }
        if isNew { log.note("job-started", ["job": "\(job.id)", "attempt": "\(job.attempt)"]) }
    }

    /// The job is over: state, event and mail in one transaction.
    private func end(_ job: Job, _ verdict: Verdict, at end: Instant) throws {
        let retention = settings.retention
        let isNew = try database.write {
            // A script that was stopped by wish has passed through `stopping`, also when the worker died over it.
            if verdict.ending.state == .cancelled, try jobs.job(job.id)?.state == .running {
                try jobs.stopping(job.id, attempt: job.attempt, at: end)
            }
            guard try jobs.ended(job.id, attempt: job.attempt, verdict.ending, keepingFor: retention, at: end)
            else { return false }
            let mail = JobMail.ended(
                job: job.id, script: job.script, outcome: verdict.outcome, sentence: verdict.sentence,
                link: link(to: job), logTail: verdict.outcome == .complete ? "" : logTail(of: job),
                expiresAt: end + retention, at: end)
            try mails.enqueue(mail, about: job.id, attempt: job.attempt, to: job.requesterEmail, at: now())
            return true
        }
        guard isNew else { return }
        log.note(
            "job-ended",
            [
                "job": "\(job.id)", "attempt": "\(job.attempt)", "state": verdict.ending.state.rawValue,
                "exit": verdict.ending.exitCode.map(String.init) ?? "-",
                "signal": verdict.ending.signal.map(String.init) ?? "-",
            ])
    }

    /// Back into the queue after a start that came to nothing; after several, the job fails and says why.
    private func giveBack(_ job: Job, because detail: String) throws {
        let starts = job.vainStarts + 1
        guard starts < Self.mostVainStarts else {
            let sentence = "The job could not be started \(starts) times. Please tell the admin: \(detail)"
            return try end(job, Verdict(refused: sentence), at: now())
        }
        // 1, 2, 4, 8 seconds: what is wrong may pass by itself.
        let pause = Instant.Span.seconds(1 << Int64(starts - 1))
        try jobs.returnToQueue(job.id, attempt: job.attempt, notBefore: now() + pause, at: now(), because: detail)
        log.note("job-given-back", ["job": "\(job.id)", "attempt": "\(job.attempt)", "cause": detail])
    }

    private func link(to job: Job) -> String { "\(settings.baseURL.text)/jobs/\(job.id)" }

    private func logTail(of job: Job) -> String {
        guard let log = LogFile(attemptsDirectory: settings.attemptsDir, jobUID: job.uid, attempt: job.attempt),
            let (text, _) = try? log.tail(limit: JobMail.longestLogTail)
        else { return "" }
        return text
    }
}

extension ExitRecord {
    /// No instruction of the script ran.
    fileprivate var wasNotStarted: Bool { if case .notStarted = outcome { true } else { false } }
}
