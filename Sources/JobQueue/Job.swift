public import Linux
internal import SQLite
public import Scripts
public import Storage

/// A job as the database knows it.
public struct Job: Sendable {
    public let id: JobID
    /// Names the job's folders.
    public let uid: String
    public let requester: UserID
    /// The requester's e-mail address.
    public let requesterEmail: String
    /// The script's file name in script_dir.
    public let script: String
    /// SHA-256 of the script as it was submitted.
    public let scriptHash: [UInt8]
    public let state: JobState
    /// The admin keeps it back.
    public let isHeld: Bool
    /// It waits, and a job that it follows has not succeeded yet.
    public let isAwaiting: Bool
    /// Higher goes first.
    public let priority: Int
    /// Not started before this: a pause before another attempt.
    public let notBefore: Instant
    public let needs: Needs
    public let perUserLimit: Int?
    public let totalLimit: Int?
    /// Attempts that may still follow after a failure, and after nobody knows how one ended.
    public let retriesLeft: Int
    public let rerunsLeft: Int
    /// Starts in a row that came to nothing before the script began.
    public let vainStarts: Int
    /// The number of the present or last attempt; 0 before the first.
    public let attempt: Int
    public let timeLimit: Instant.Span?
    public let queuedAt: Instant
    public let startedAt: Instant?
    public let endedAt: Instant?
    public let exitCode: Int?
    public let signal: Int?
    /// Why it is as it is, for people.
    public let reason: String?
    public let stopRequestedAt: Instant?
    /// It was the admin who wished it to stop.
    public let isStopByAdmin: Bool
    /// When outputs, log and the job itself go.
    public let expiresAt: Instant?
    /// What it was submitted together with.
    public let sweep: SweepID?

    /// The columns that ``init(_:)`` reads, for a query over jobs joined with users.
    static let columns: SQL = """
        jobs.id, uid, user_id, email, script, script_hash, state, held, attempt, time_limit, queued_at, started_at,
        ended_at, exit_code, signal, reason, stop_requested_at, expires_at, stop_by_admin, priority, not_before,
        needs_cpus, needs_memory, per_user_limit, total_limit, retries_left, reruns_left, vain_starts,
        sweep_id, awaits, held_by_admin
        """

    init(_ row: borrowing Row) {
        id = JobID(row.int64(0))
        uid = row.text(1)
        requester = UserID(row.int64(2))
        requesterEmail = row.text(3)
        script = row.text(4)
        scriptHash = row.blob(5)
        guard let state = JobState(rawValue: row.text(6)) else {
            preconditionFailure("the schema's CHECK admits only the states of JobState")
        }
        self.state = state
        isAwaiting = state == .queued && row.bool(29)
        // What awaits others is held anyway.
        isHeld = row.bool(row.bool(29) ? 30 : 7)
        attempt = row.int(8)
        timeLimit = row.optionalSpan(9)
        queuedAt = row.instant(10)
        startedAt = row.optionalInstant(11)
        endedAt = row.optionalInstant(12)
        exitCode = row.optionalInt(13)
        signal = row.optionalInt(14)
        reason = row.optionalText(15)
        stopRequestedAt = row.optionalInstant(16)
        expiresAt = row.optionalInstant(17)
        isStopByAdmin = row.bool(18)
        priority = row.int(19)
        notBefore = row.instant(20)
        needs = Needs(cpus: row.optionalInt(21), memory: row.optionalInt64(22))
        perUserLimit = row.optionalInt(23)
        totalLimit = row.optionalInt(24)
        retriesLeft = row.int(25)
        rerunsLeft = row.int(26)
        vainStarts = row.int(27)
        sweep = row.optionalInt64(28).map(SweepID.init)
    }
}

/// One parameter of a job: what the user chose.
public struct JobParameter: Sendable, Equatable {
    /// What the value is.
    public enum Kind: String, Sendable {
        /// The text itself.
        case text
        /// The name of a file of the requester's inbox.
        case input
        /// The name of a file of the shared inbox.
        case shared
        /// A file name in the job's folder.
        case output
        /// The name under which a secret is kept.
        case secret
        /// A file that another job leaves: its path below that job's folder.
        case result
    }

    public let name: String
    public let kind: Kind
    public let value: String
    /// The inbox file; `nil` for other kinds, and once that file is gone.
    public let file: FileID?
    /// The job that leaves the file; `nil` for other kinds.
    public let source: JobID?

    public init(name: String, kind: Kind, value: String, file: FileID? = nil, source: JobID? = nil) {
        self.name = name
        self.kind = kind
        self.value = value
        self.file = file
        self.source = source
    }
}

/// One change of a job's state.
public struct JobEvent: Sendable {
    public let at: Instant
    public let attempt: Int
    public let from: JobState?
    public let to: JobState
    /// Which program did it.
    public let actor: String
    public let detail: String
}

/// A try at running a job, as the worker has to know it.
public struct Attempt: Sendable {
    public let job: Job
    /// From 1.
    public let number: Int
    /// What it is given of the machine.
    public let share: Share
}

/// What is known of a started script's processes: its own, and the two of its supervisor.
public struct StartedProcess: Sendable, Equatable {
    public let bootID: String
    public let guardPID: Int
    /// Clock ticks since boot, field 22 of /proc/PID/stat; so are the other starts.
    public let guardStart: Int64?
    public let shimPID: Int?
    public let shimStart: Int64?
    public let scriptPID: Int
    public let scriptStart: Int64

    public init(
        bootID: String, guardPID: Int, guardStart: Int64? = nil, shimPID: Int? = nil, shimStart: Int64? = nil,
        scriptPID: Int, scriptStart: Int64
    ) {
        self.bootID = bootID
        self.guardPID = guardPID
        self.guardStart = guardStart
        self.shimPID = shimPID
        self.shimStart = shimStart
        self.scriptPID = scriptPID
        self.scriptStart = scriptStart
    }
}

/// How an attempt, and with it the job, came to its end.
public struct Ending: Sendable, Equatable {
    /// The state that the job ends in.
    public var state: JobState
    public var exitCode: Int?
    public var signal: Int?
    /// A sentence for people. It stays with the attempt, too.
    public var reason: String?
    /// Bytes and milliseconds, as wait4(2) tells.
    public var maxRSS: Int64?
    public var userTime: Int64?
    public var systemTime: Int64?
    public var logBytes: Int64?

    public init(state: JobState, exitCode: Int? = nil, signal: Int? = nil, reason: String? = nil) {
        self.state = state
        self.exitCode = exitCode
        self.signal = signal
        self.reason = reason
    }
}
