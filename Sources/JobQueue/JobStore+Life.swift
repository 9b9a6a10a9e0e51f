public import Linux
internal import SQLite
public import Storage

extension JobStore {
    /// Records that the script of this attempt runs. Says `false`, and changes nothing, when that is known already or the
    /// job has gone on: importing a ticket twice is harmless.
    @discardableResult
    public func started(_ job: JobID, attempt: Int, as process: StartedProcess, at now: Instant) throws -> Bool {
        try change {
            guard let standing = try standing(of: job), standing == (.starting, attempt) else { return false }
            try move(job, from: .starting, to: .running, attempt: attempt, at: now)
            try database.run("UPDATE jobs SET started_at = \(now), vain_starts = 0 WHERE id = \(job)")
            try database.run(
                """
                UPDATE attempts SET started_at = \(now), boot_id = \(process.bootID), guard_pid = \(process.guardPID),
                       guard_start = \(process.guardStart), shim_pid = \(process.shimPID),
                       shim_start = \(process.shimStart), script_pid = \(process.scriptPID),
                       script_start = \(process.scriptStart)
                 WHERE job_id = \(job) AND number = \(attempt)
                """)
            return true
        }
    }

    /// Puts a job whose attempt provably never began back into the queue.
    ///
    /// - Parameters:
    ///   - notBefore: it is not claimed again before this.
    ///   - isCounted: as a start in vain, of which a job has only so many.
    @discardableResult
    public func returnToQueue(
        _ job: JobID, attempt: Int, notBefore: Instant, at now: Instant, because detail: String, isCounted: Bool = true
    ) throws -> Bool {
        try change {
            guard let standing = try standing(of: job), standing == (.starting, attempt) else { return false }
            try move(job, from: .starting, to: .queued, attempt: attempt, at: now, detail: detail)
            try database.run(
                "UPDATE jobs SET not_before = \(notBefore), vain_starts = vain_starts + \(isCounted) WHERE id = \(job)")
            try database.run(
                """
                UPDATE attempts SET ended_at = \(now), cause = \(detail) WHERE job_id = \(job) AND number = \(attempt)
                """)
            return true
        }
    }

    /// Records that a stop has been asked of the supervisor.
    @discardableResult
    public func stopping(_ job: JobID, attempt: Int, at now: Instant) throws -> Bool {
        try change {
            guard let standing = try standing(of: job), standing.attempt == attempt,
                standing.state == .running || standing.state == .starting
            else { return false }
            try move(job, from: standing.state, to: .stopping, attempt: attempt, at: now)
            return true
        }
    }

    /// Records the end of an attempt and of the job, and settles what becomes of those that follow it.
    ///
    /// - Parameter retention: how long the job, its log and its outputs stay.
    /// - Returns: the jobs that are cancelled with it; `nil`, and nothing was changed, when the job is over already:
    ///   importing an exit record twice is harmless.
    @discardableResult
    public func ended(
        _ job: JobID, attempt: Int, _ ending: Ending, keepingFor retention: Instant.Span, at now: Instant
    ) throws -> [JobID]? {
        try change {
            guard let standing = try standing(of: job), standing.attempt == attempt, standing.state.isLive
            else { return nil }
            try database.run(
                """
                UPDATE jobs SET state = \(ending.state.rawValue), ended_at = \(now), exit_code = \(ending.exitCode),
                       signal = \(ending.signal), reason = \(ending.reason),
                       \(Self.expiry(after: retention, at: now))
                 WHERE id = \(job)
                """)
            try note(
                job, from: standing.state, to: ending.state, attempt: attempt, at: now, detail: ending.reason ?? "")
            try close(job, attempt, ending, at: now)
            try finishSweep(of: job, keepingFor: retention, at: now)
            return try settle(followersOf: job, ended: ending.state, keepingFor: retention, at: now)
        }
    }

    private func close(_ job: JobID, _ attempt: Int, _ ending: Ending, at now: Instant) throws {
        try database.run(
            """
            UPDATE attempts SET ended_at = \(now), exit_code = \(ending.exitCode), signal = \(ending.signal),
                   max_rss = \(ending.maxRSS), user_time = \(ending.userTime), system_time = \(ending.systemTime),
                   log_bytes = \(ending.logBytes), cause = \(ending.reason)
             WHERE job_id = \(job) AND number = \(attempt)
            """)
    }

    /// The longest pause before another attempt.
    static let longestPause = Instant.Span.hours(1)

    /// Records the end of an attempt that failed or was lost, and puts the job back into the queue, if its script allows
    /// another attempt: all in one transaction, so that nobody ever sees the job as over. A job that somebody wished to
    /// stop, or that ended in another way, is left to ``ended(_:attempt:_:keepingFor:at:)``.
    ///
    /// - Parameter pause: before the second attempt; doubled for each further one, up to an hour.
    /// - Returns: the time before which the next attempt does not start; `nil` when there is none, and nothing was changed.
    public func endedWithRetry(
        _ job: JobID, attempt: Int, _ ending: Ending, pause: Instant.Span, at now: Instant
    ) throws -> Instant? {
        try change {
            guard let former = try self.job(job), former.attempt == attempt, former.state.isLive,
                former.stopRequestedAt == nil
            else { return nil }
            let isAllowed =
                switch ending.state {
                case .failed: former.retriesLeft > 0
                case .lost: former.rerunsLeft > 0
                default: false
                }
            guard isAllowed else { return nil }
            try close(job, attempt, ending, at: now)
            try database.run(
                "UPDATE jobs SET state = \(ending.state.rawValue), ended_at = \(now) WHERE id = \(job)")
            try note(
                job, from: former.state, to: ending.state, attempt: attempt, at: now, detail: ending.reason ?? "")
            let notBefore = now + (try doubled(pause, for: job))
            let isRetry = ending.state == .failed
            try database.run(
                """
                UPDATE jobs SET state = 'queued', ended_at = NULL, started_at = NULL, exit_code = NULL, signal = NULL,
                       reason = NULL, expires_at = NULL, not_before = \(notBefore),
                       retries_left = retries_left - \(isRetry), reruns_left = reruns_left - \(!isRetry)
                 WHERE id = \(job)
                """)
            try note(
                job, from: ending.state, to: .queued, attempt: attempt, at: now, detail: "Another attempt follows.")
            return notBefore
        }
    }

    /// The pause after the attempts of the job that have ended so far.
    private func doubled(_ pause: Instant.Span, for job: JobID) throws -> Instant.Span {
        let ended = try database.first(
            "SELECT count(*) FROM attempts WHERE job_id = \(job) AND ended_at IS NOT NULL AND started_at IS NOT NULL"
        ) { $0.int64(0) }
        var doubled = pause
        for _ in 1..<max(1, min(ended ?? 1, 32)) where doubled < Self.longestPause {
            doubled = .milliseconds(doubled.milliseconds * 2)
        }
        return min(doubled, Self.longestPause)
    }

    /// Notes that the requester is being warned about an attempt that runs. Says `false` when that was done before, or the
    /// attempt is over: so one warning is sent.
    public func warned(_ job: JobID, attempt: Int, at now: Instant) throws -> Bool {
        try change {
            guard let standing = try standing(of: job), standing.attempt == attempt, standing.state.isLive
            else { return false }
            return try database.run(
                """
                UPDATE attempts SET warned_at = \(now)
                 WHERE job_id = \(job) AND number = \(attempt) AND warned_at IS NULL
                """) == 1
        }
    }

    /// What a wish to stop a job came to.
    public enum StopOutcome: Equatable, Sendable {
        /// It waited and will never start, and neither will these, which were to follow it.
        case cancelled(followers: [JobID])
        /// The worker will stop it.
        case requested
        /// It was over already.
        case over
    }

    /// Cancels a job that waits; for one that runs, leaves a wish that the worker acts on.
    ///
    /// - Returns: `nil` when `user` has no such job.
    public func stop(
        _ job: JobID, of user: UserID, keepingFor retention: Instant.Span, at now: Instant
    ) throws -> StopOutcome? {
        try change {
            guard let owned = try self.job(job), owned.requester == user else { return nil }
            return try stop(owned, byAdmin: false, keepingFor: retention, at: now)
        }
    }

    /// The same by the admin, whosever job it is.
    ///
    /// - Returns: `nil` when there is no such job.
    public func stopByAdmin(
        _ job: JobID, keepingFor retention: Instant.Span, at now: Instant
    ) throws -> StopOutcome? {
        try change {
            guard let any = try self.job(job) else { return nil }
            return try stop(any, byAdmin: true, keepingFor: retention, at: now)
        }
    }

    private func stop(
        _ job: Job, byAdmin: Bool, keepingFor retention: Instant.Span, at now: Instant
    ) throws -> StopOutcome {
        if job.state == .queued {
            let reason = "Cancelled \(byAdmin ? "by the administrator " : "")\(job.cancellation)."
            try database.run(
                """
                UPDATE jobs SET state = 'cancelled', ended_at = \(now), stop_requested_at = \(now),
                       stop_by_admin = \(byAdmin), reason = \(reason), \(Self.expiry(after: retention, at: now))
                 WHERE id = \(job.id)
                """)
            try finishSweep(of: job.id, keepingFor: retention, at: now)
            try note(
                job.id, from: .queued, to: .cancelled, attempt: job.attempt, at: now, detail: byAdmin ? reason : "")
            return .cancelled(
                followers: try settle(followersOf: job.id, ended: .cancelled, keepingFor: retention, at: now))
        }
        guard job.state.isLive else { return .over }
        try database.run(
            """
            UPDATE jobs SET stop_requested_at = \(now), stop_by_admin = \(byAdmin)
             WHERE id = \(job.id) AND stop_requested_at IS NULL
            """)
        return .requested
    }
}

extension Job {
    /// When a job that waits is cancelled, in words: it may have been tried before.
    public var cancellation: String { attempt == 0 ? "before it started" : "while it waited for another attempt" }
}
