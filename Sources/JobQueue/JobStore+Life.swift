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
            try database.run("UPDATE jobs SET started_at = \(now) WHERE id = \(job)")
            try database.run(
                """
                UPDATE attempts SET started_at = \(now), boot_id = \(process.bootID), guard_pid = \(process.guardPID),
                       script_pid = \(process.scriptPID), script_start = \(process.scriptStart)
                 WHERE job_id = \(job) AND number = \(attempt)
                """)
            return true
        }
    }

    /// Puts a job whose attempt provably never began back into the queue.
    ///
    /// - Parameter notBefore: it is not claimed again before this.
    @discardableResult
    public func returnToQueue(
        _ job: JobID, attempt: Int, notBefore: Instant, at now: Instant, because detail: String
    ) throws -> Bool {
        try change {
            guard let standing = try standing(of: job), standing == (.starting, attempt) else { return false }
            try move(job, from: .starting, to: .queued, attempt: attempt, at: now, detail: detail)
            try database.run("UPDATE jobs SET not_before = \(notBefore) WHERE id = \(job)")
            try database.run("UPDATE attempts SET ended_at = \(now) WHERE job_id = \(job) AND number = \(attempt)")
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

    /// Records the end of an attempt and of the job. Says `false`, and changes nothing, when the job is over already:
    /// importing an exit record twice is harmless.
    ///
    /// - Parameter retention: how long the job, its log and its outputs stay.
    @discardableResult
    public func ended(
        _ job: JobID, attempt: Int, _ ending: Ending, keepingFor retention: Instant.Span, at now: Instant
    ) throws -> Bool {
        try change {
            guard let standing = try standing(of: job), standing.attempt == attempt, standing.state.isLive
            else { return false }
            try database.run(
                """
                UPDATE jobs SET state = \(ending.state.rawValue), ended_at = \(now), exit_code = \(ending.exitCode),
                       signal = \(ending.signal), reason = \(ending.reason), expires_at = \(now + retention)
                 WHERE id = \(job)
                """)
            try note(
                job, from: standing.state, to: ending.state, attempt: attempt, at: now, detail: ending.reason ?? "")
            try database.run(
                """
                UPDATE attempts SET ended_at = \(now), exit_code = \(ending.exitCode), signal = \(ending.signal),
                       max_rss = \(ending.maxRSS), user_time = \(ending.userTime), system_time = \(ending.systemTime),
                       log_bytes = \(ending.logBytes)
                 WHERE job_id = \(job) AND number = \(attempt)
                """)
            return true
        }
    }

    /// What a wish to stop a job came to.
    public enum StopOutcome: Equatable, Sendable {
        /// It waited and will never start.
        case cancelled
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
            if owned.state == .queued {
                try database.run(
                    """
                    UPDATE jobs SET state = 'cancelled', ended_at = \(now), expires_at = \(now + retention),
                           stop_requested_at = \(now), reason = 'Cancelled before it started.'
                     WHERE id = \(job)
                    """)
                try note(job, from: .queued, to: .cancelled, attempt: owned.attempt, at: now)
                return .cancelled
            }
            guard owned.state.isLive else { return .over }
            try database.run(
                "UPDATE jobs SET stop_requested_at = \(now) WHERE id = \(job) AND stop_requested_at IS NULL")
            return .requested
        }
    }
}
