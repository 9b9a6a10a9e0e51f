public import Linux
internal import SQLite
public import Scripts
internal import Sodium
public import Storage

/// Comes with each form. A form that is sent twice, reloaded or double-clicked brings the same one and makes one job.
public struct SubmissionNonce: Sendable, Equatable {
    let bytes: [UInt8]

    /// A fresh one for a new form.
    public init() { bytes = randomBytes(16) }

    /// From a form's field; `nil` when it is none of ours.
    public init?(field: String) {
        guard field.utf8.count == 32, let bytes = [UInt8](hex: field) else { return nil }
        self.bytes = bytes
    }

    /// As it stands in the form.
    public var field: String { bytes.hex }
}

extension JobStore {
    /// How often a job may run again when nobody knows how an attempt ended, where running twice does no harm.
    static let reruns = 3

    /// What a submission came to.
    public enum Submission: Equatable, Sendable {
        /// It is a new job.
        case queued(JobID)
        /// The same form had made this job before; nothing was added.
        case already(JobID)

        public var job: JobID {
            switch self {
            case .queued(let job), .already(let job): job
            }
        }
    }

    /// Queues a job. When this returns, the job is on the disk.
    ///
    /// - Parameters:
    ///   - script: its file name in script_dir.
    ///   - content: the script as it is now, kept as provenance.
    ///   - parameters: in the order of the script's arguments.
    ///   - terms: what the script needs and what follows a failure.
    ///   - after: jobs of the same requester that have to succeed first. Those whose files it reads have to as well.
    /// - Throws: ``CannotFollow``.
    public func submit(
        script: String, content: [UInt8], parameters: [JobParameter], terms: Terms = .standard, after: [JobID] = [],
        by user: UserID, nonce: SubmissionNonce, at now: Instant
    ) throws -> Submission {
        try submit(
            script: script, content: content, sweep: [parameters], terms: terms, after: after, by: user, nonce: nonce,
            at: now)
    }

    /// Queues a job for each of several lists of parameters: all of them or, if it throws, none. More than one are a sweep.
    ///
    /// - Parameter variants: the parameters of each job, in the order of the script's arguments; one at least.
    /// - Returns: the first job.
    public func submit(
        script: String, content: [UInt8], sweep variants: [[JobParameter]], terms: Terms = .standard,
        after: [JobID] = [], by user: UserID, nonce: SubmissionNonce, at now: Instant
    ) throws -> Submission {
        precondition(!variants.isEmpty, "no parameters make no job")
        let hash = SHA256.hash(content)
        return try change {
            if let job = try job(submittedWith: nonce, by: user) { return .already(job) }
            try database.run("INSERT OR IGNORE INTO script_copies VALUES (\(hash), \(content), \(now))")
            var sweep: SweepID?
            if variants.count > 1 {
                try database.run(
                    """
                    INSERT INTO sweeps (user_id, script, size, created_at)
                    VALUES (\(user), \(script), \(variants.count), \(now))
                    """)
                sweep = SweepID(database.lastInsertedRow)
            }
            var first: JobID?
            // Mostly the same of all.
            var known: [Set<JobID>: Bool] = [:]
            for (index, parameters) in variants.enumerated() {
                let nonce = index == 0 ? nonce : SubmissionNonce()
                let followed = Set(after + parameters.compactMap(\.source))
                let awaits = try known[followed] ?? isToAwait(followed, of: user)
                known[followed] = awaits
                try database.run(
                    """
                    INSERT INTO jobs (uid, nonce, user_id, script, script_hash, queued_at, needs_cpus, needs_memory,
                        time_limit, retries_left, reruns_left, per_user_limit, total_limit, sweep_id, is_folded,
                        awaits, held)
                    VALUES (\(randomBytes(16).hex), \(nonce.bytes), \(user), \(script), \(hash), \(now),
                        \(terms.needs.cpus), \(terms.needs.memory), \(terms.timeLimit), \(terms.retries),
                        \(terms.isIdempotent ? Self.reruns : 0), \(terms.perUserLimit), \(terms.totalLimit), \(sweep),
                        \(index < variants.count - 1), \(awaits), \(awaits))
                    """)
                let job = JobID(database.lastInsertedRow)
                try insert(parameters, of: job)
                try follow(job, followed)
                try note(job, from: nil, to: .queued, attempt: 0, at: now)
                first = first ?? job
            }
            return .queued(first!)
        }
    }

    private func insert(_ parameters: [JobParameter], of job: JobID) throws {
        for (position, parameter) in parameters.enumerated() {
            try database.run(
                """
                INSERT INTO job_parameters (job_id, position, name, kind, value, file_id, source_job)
                VALUES (\(job), \(position), \(parameter.name), \(parameter.kind.rawValue), \(parameter.value),
                    \(parameter.file), \(parameter.source))
                """)
        }
    }

    /// The job that this form has made already; lets the page answer before it looks at anything else of the form.
    public func job(submittedWith nonce: SubmissionNonce, by user: UserID) throws -> JobID? {
        try database.first("SELECT id FROM jobs WHERE user_id = \(user) AND nonce = \(nonce.bytes)") {
            JobID($0.int64(0))
        }
    }
}
