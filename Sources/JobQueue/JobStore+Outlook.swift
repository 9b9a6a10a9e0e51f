public import Linux
internal import SQLite
public import Scripts
public import Storage

extension JobStore {
    /// Why a job would wait if it were submitted now.
    ///
    /// - Parameters:
    ///   - script: its file name in script_dir.
    ///   - limits: as the worker reads them from the same settings.
    public func outlook(
        of script: String, _ terms: Terms, by user: UserID, limits: Limits, at now: Instant
    ) throws -> Wait {
        try wait(of: Job(prospective: script, terms, by: user, at: now), limits: limits, at: now) ?? .next
    }

    /// So many of the latest jobs are looked at, and so many of them that succeeded are enough.
    static let (mostLookedAt, mostDurations) = (100, 20)

    /// How long the latest jobs of a script took that succeeded, the shortest first.
    ///
    /// - Parameter copy: SHA-256 of the script: with other lines it may take another time.
    public func durations(ofCopy copy: [UInt8]) throws -> [Instant.Span] {
        try database.all(Self.durationsQuery(ofCopy: copy)) { .milliseconds($0.int64(0)) }.sorted()
    }

    /// Steps backwards through the index `jobs_by_script_copy`.
    static func durationsQuery(ofCopy copy: [UInt8]) -> SQL {
        """
        SELECT ended_at - started_at FROM
            (SELECT state, started_at, ended_at FROM jobs WHERE script_hash = \(copy) ORDER BY id DESC LIMIT \(mostLookedAt))
         WHERE state = 'succeeded' LIMIT \(mostDurations)
        """
    }
}

extension Job {
    /// One that nobody has submitted, to ask how it would stand: behind all of its requester's others.
    fileprivate init(prospective script: String, _ terms: Terms, by requester: UserID, at now: Instant) {
        id = JobID(.max)
        uid = ""
        self.requester = requester
        requesterEmail = ""
        self.script = script
        scriptHash = []
        state = .queued
        isHeld = false
        isAwaiting = false
        priority = 0
        notBefore = Instant(milliseconds: 0)
        needs = terms.needs
        perUserLimit = terms.perUserLimit
        totalLimit = terms.totalLimit
        retriesLeft = 0
        rerunsLeft = 0
        vainStarts = 0
        attempt = 0
        timeLimit = nil
        queuedAt = now
        startedAt = nil
        endedAt = nil
        exitCode = nil
        signal = nil
        reason = nil
        stopRequestedAt = nil
        isStopByAdmin = false
        expiresAt = nil
        sweep = nil
    }
}
