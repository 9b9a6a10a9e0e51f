import EventLog
import FileStore
import JobQueue
import Linux
import Mail
import Notices
import SQLite
import Settings
import Storage
import Supervision

extension Worker {
    /// Has a claimed attempt run, or notes that its job is over when it cannot be run.
    func begin(_ attempt: Attempt) throws {
        let job = attempt.job
        func refuse(_ verdict: Verdict) {
            known.append(Finding(job: job, news: [.ended(verdict, at: now(), hasRun: false, logTail: "")]))
        }
        let order: Order
        do {
            order = try commission.order(for: attempt, try jobs.parameters(of: job.id))
        } catch let refusal as Commission.Refusal {
            return refuse(Verdict(refused: refusal.sentence))
        }
        guard job.stopRequestedAt == nil else { return refuse(.cancelledBeforeStart(byAdmin: job.isStopByAdmin)) }
        let isNew: Bool
        do {
            isNew = try executor.submit(attempt.name, order) { try prepareOutbox(job.uid, attempt: attempt.number) }
        } catch {
            // Not to be found on the disk later.
            mishaps[attempt.name] = "\(error)"
            throw error
        }
        if !isNew { log.note("attempt-exists", ["job": "\(job.id)", "attempt": "\(attempt.number)"]) }
    }

    /// Makes the job's folder, empty. A worker that slept, and whose job another one has begun again meanwhile, takes
    /// nothing away: the first attempt never has to, and a later one does it under the write lock while this worker rules.
    func prepareOutbox(_ uid: String, attempt: Int) throws {
        if attempt == 1 { return try outbox.makeFirst(uid) }
        try jobs.whileRuling { _ = try outbox.make(uid) }
    }

    /// Finds out what has become of a live job's attempt; `nil` when there is nothing new. A wish to stop one that has not
    /// begun is carried out on the way.
    func look(at job: Job) throws -> Finding? {
        func found(_ news: Finding.News...) -> Finding { Finding(job: job, news: news) }
        func over(_ verdict: Verdict, at end: Instant, hasRun: Bool = false) -> Finding.News {
            .ended(verdict, at: end, hasRun: hasRun, logTail: verdict.outcome == .complete ? "" : logTail(of: job))
        }
        let wasStopped = job.stopRequestedAt != nil
        func vain(_ cause: String) -> Finding {
            let cause = mishaps.removeValue(forKey: job.attemptName) ?? cause
            return found(
                wasStopped ? over(.cancelledBeforeStart(byAdmin: job.isStopByAdmin), at: now()) : .cameToNothing(cause))
        }
        switch try executor.poll(job.attemptName) {
        case .neverBegan(let trouble):
            return vain(trouble.isEmpty ? "Its supervisor did not start." : trouble)
        case .starting:
            guard wasStopped, try executor.cancel(job.attemptName) else { return nil }
            return found(over(.cancelledBeforeStart(byAdmin: job.isStopByAdmin), at: now()))
        case .running(let begun):
            vigil.keep(job.attemptName, over: begun.supervisors)
            if wasStopped { return found(.began(begun), .stopping) }
            return job.state == .starting ? found(.began(begun)) : nil
        case .ended(let record, _) where record.outcome == .notStarted(errno: 0):
            // Its supervisor was killed at the gate: another attempt runs nothing twice.
            return vain("Its supervisor was killed before the script began.")
        case .ended(let record, let begun):
            let verdict = Verdict(record, begun: begun?.at, byAdmin: job.isStopByAdmin)
            let end = Instant(milliseconds: record.endedAt)
            if let begun, !record.wasNotStarted { return found(.began(begun), over(verdict, at: end, hasRun: true)) }
            return found(over(verdict, at: end))
        case .vanished(let begun):
            let wasRestarted = begun.script.bootID != ProcessIdentity.currentBoot
            return found(.began(begun), over(.lost(wasRestarted: wasRestarted), at: now(), hasRun: true))
        }
    }

    /// Records what was found about a job. Joins the caller's transaction.
    ///
    /// - Returns: what to do once all of it is on the disk.
    func store(_ finding: Finding) throws -> [() -> Void] {
        let job = finding.job
        var afterwards: [() -> Void] = []
        func note(_ what: StaticString, _ fields: KeyValuePairs<StaticString, String>) {
            afterwards.append { [log] in log.note(what, fields) }
        }
        for news in finding.news {
            switch news {
            case .began(let begun):
                if try storeBeginning(of: job, begun) {
                    note("job-started", ["job": "\(job.id)", "attempt": "\(job.attempt)"])
                }
            case .stopping:
                if job.state != .stopping { try jobs.stopping(job.id, attempt: job.attempt, at: now()) }
                // The wish is on the disk before it is told, and told again until the end: the supervisor may change hands.
                afterwards.append { [executor] in _ = try? executor.cancel(job.attemptName) }
            case .ended(let verdict, let end, let hasRun, let logTail):
                afterwards.append { [vigil] in vigil.end(job.attemptName) }
                if hasRun, let again = try storeRetry(of: job, verdict, at: end) {
                    note(
                        "job-retried",
                        [
                            "job": "\(job.id)", "attempt": "\(job.attempt)", "state": verdict.ending.state.rawValue,
                            "again": again.iso8601(),
                        ])
                } else if let tell = try storeEnd(of: job, verdict, at: end, logTail) {
                    afterwards.append(tell)
                    note(
                        "job-ended",
                        [
                            "job": "\(job.id)", "attempt": "\(job.attempt)", "state": verdict.ending.state.rawValue,
                            "exit": verdict.ending.exitCode.map(String.init) ?? "-",
                            "signal": verdict.ending.signal.map(String.init) ?? "-",
                        ])
                }
            case .cameToNothing(let cause):
                if let tell = try giveBack(job, because: cause) {
                    afterwards.append(tell)
                    note("job-given-back", ["job": "\(job.id)", "attempt": "\(job.attempt)", "cause": cause])
                }
            }
        }
        return afterwards
    }

    /// The script runs: state, event and mail.
    private func storeBeginning(of job: Job, _ begun: LocalExecutor.Begun) throws -> Bool {
        guard job.state == .starting else { return false }
        let process = StartedProcess(
            bootID: begun.script.bootID, guardPID: Int(begun.guardPID), scriptPID: Int(begun.script.pid),
            scriptStart: begun.script.start)
        guard try jobs.started(job.id, attempt: job.attempt, as: process, at: begun.at) else { return false }
        try notices.started(job, at: begun.at, now: now())
        return true
    }

    /// The attempt is over, and another one follows where the script allows it: states and events, but no mail.
    ///
    /// - Returns: the time before which it does not follow; `nil` when the job is over.
    private func storeRetry(of job: Job, _ verdict: Verdict, at end: Instant) throws -> Instant? {
        try jobs.endedWithRetry(job.id, attempt: job.attempt, verdict.ending, pause: settings.retryPause, at: end)
    }

    /// The job is over: state, event and mail, and those of the jobs that are cancelled with it.
    ///
    /// - Returns: what to do once all of it is on the disk; `nil` when it was over already.
    private func storeEnd(
        of job: Job, _ verdict: Verdict, at end: Instant, _ logTail: String
    ) throws -> (() -> Void)? {
        // A script that was stopped by wish has passed through `stopping`, also when the worker died over it.
        if verdict.ending.state == .cancelled, try jobs.job(job.id)?.state == .running {
            try jobs.stopping(job.id, attempt: job.attempt, at: end)
        }
        let retention = settings.retention
        guard
            let followers = try jobs.ended(
                job.id, attempt: job.attempt, verdict.ending, keepingFor: retention, at: end)
        else { return nil }
        try notices.ended(job, verdict.outcome, verdict.sentence, logTail: logTail, at: end, now: now())
        let (secrets, names) = (commission.secrets, try jobs.secrets(of: job.id))
        let tellOfFollowers = try storeCancellation(of: followers)
        return {
            for name in names { secrets.forget(name) }
            tellOfFollowers()
        }
    }

    /// Back into the queue after a start that came to nothing; after several, the job fails and says why. For want of room on
    /// a disk it waits as long as it takes.
    ///
    /// - Returns: what to do once that is on the disk; `nil` when the job has gone on.
    private func giveBack(_ job: Job, because detail: String) throws -> (() -> Void)? {
        func wait(_ pause: Instant.Span, isCounted: Bool) throws -> (() -> Void)? {
            let isBack = try jobs.returnToQueue(
                job.id, attempt: job.attempt, notBefore: now() + pause, at: now(), because: detail,
                isCounted: isCounted)
            return isBack ? {} : nil
        }
        if Worker.tellsOfNoRoom(detail) { return try wait(Self.roomPause, isCounted: false) }
        let starts = job.vainStarts + 1
        guard starts < Self.mostVainStarts else {
            let sentence = "The job could not be started \(starts) times. Please tell the admin: \(detail)"
            return try storeEnd(of: job, Verdict(refused: sentence), at: now(), "")
        }
        // 1, 2, 4, 8 seconds: what is wrong may pass by itself.
        return try wait(.seconds(1 << Int64(starts - 1)), isCounted: true)
    }

    /// Whether a start came to nothing because a disk was full, or our part of it.
    static func tellsOfNoRoom(_ detail: String) -> Bool {
        [ENOSPC, EDQUOT].contains { code in
            let words = Array(String(cString: strerror(code)).utf8)
            let said = Array(detail.utf8)
            return said.indices.contains { said[$0...].starts(with: words) }
        }
    }

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
