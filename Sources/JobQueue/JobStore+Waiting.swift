public import Linux
internal import SQLite
internal import Scripts
internal import Storage

extension JobStore {
    /// More jobs than this are not counted for a place in the queue.
    public static let mostCounted = 1000

    /// Why a queued job does not run yet; `nil` when it is not queued.
    ///
    /// - Parameter limits: as the worker reads them from the same settings.
    public func wait(of job: Job, limits: Limits, at now: Instant) throws -> Wait? {
        try database.read {
            guard job.state == .queued else { return nil }
            if job.isAwaiting, case let awaited = try awaited(by: job.id), !awaited.isEmpty {
                return .following(awaited)
            }
            if job.isHeld { return .held }
            let standing = try queueStanding()
            if let since = standing.drainedAt { return .drained(since: since) }
            if let reason = standing.stalledReason { return .stalled(reason) }
            if job.notBefore > now {
                return .pausing(until: job.notBefore, attempt: job.attempt, ended: try end(of: job))
            }
            let occupancy = try occupancy()
            let head = Head(job)
            if let limit = occupancy.limit(on: head, limits) { return .limit(limit) }
            let before = try before(job, occupancy, at: now)
            guard before == 0 else { return .behind(before) }
            if let most = limits.running, occupancy.count >= most { return .allRunning(occupancy.count) }
            // Before the first worker has looked there is nothing to compare with.
            guard let machine = standing.machine else { return .next }
            let share = Share(of: job.needs, otherwise: limits.defaultNeeds, on: machine)
            guard !occupancy.hasRoom(for: share, on: machine) else { return .next }
            switch share {
            case .whole: return .wholeMachine(running: occupancy.count)
            case .part(let cpus, let memory):
                let free = occupancy.free(on: machine)
                return .room(cpus: cpus, memory: memory, freeCPUs: free.cpus, freeMemory: free.memory)
            }
        }
    }

    /// How the attempt before the pause ended; `nil` when its script never began.
    private func end(of job: Job) throws -> JobState? {
        try database.first(
            """
            SELECT to_state FROM events WHERE job_id = \(job.id) AND attempt = \(job.attempt)
               AND to_state IN ('failed', 'lost') ORDER BY id DESC LIMIT 1
            """
        ) { JobState(rawValue: $0.text(0)) } ?? nil
    }

    /// How many jobs go before a queued one that is not held, as the queue is now: those that would be started sooner if
    /// nothing new came and nothing ended. `nil`: more than ``mostCounted``.
    ///
    /// Needs, and limits that keep others back, are not looked at: it is the place in the order, not a prophecy.
    public func place(of job: Job, at now: Instant) throws -> Int? {
        try database.read { try before(job, try occupancy(), at: now) }
    }

    private func before(_ job: Job, _ occupancy: Occupancy, at now: Instant) throws -> Int? {
        let enough = Self.mostCounted + 1
        // Those of higher priority go first, and count as their requesters' live jobs by the time of this priority.
        var higher: [UserID: Int] = [:]
        var count = 0
        try database.each(Self.higherQuery(than: job.priority, upTo: enough, at: now)) { row in
            higher[UserID(row.int64(0)), default: 0] += 1
            count += 1
        }
        let live = { (user: UserID) in occupancy.ofUser[user, default: 0] + higher[user, default: 0] }
        let ofOwn = try self.count(Self.ownQuery(before: job, upTo: enough, at: now))
        count += ofOwn
        let keeper = try keeperOfTheTurn()
        let own = try rival(job.requester, atPriority: job.priority, orAs: job.id, higher, keeper, at: now)
        var user = UserID(0)
        while count < enough, let next = try nextRequester(after: user, atPriority: job.priority) {
            user = next
            guard user != job.requester,
                let other = try rival(user, atPriority: job.priority, higher, keeper, at: now)
            else { continue }
            // Others go before it until they have as many live jobs as its requester has when its turn comes, and once
            // more if they are ahead at the same number.
            let (theirs, ours) = (live(user), live(job.requester))
            let isAhead = theirs == ours ? own.map { other < $0 } ?? true : theirs > ours
            let turns = ours + ofOwn - theirs + (isAhead ? 1 : 0)
            guard turns > 0 else { continue }
            count += try self.count(Self.waitingQuery(of: user, atPriority: job.priority, upTo: turns, at: now))
        }
        return count < enough ? count : nil
    }

    private func count(_ query: SQL) throws -> Int {
        try database.first("SELECT count(*) FROM (\(query))") { $0.int(0) } ?? 0
    }

    static func higherQuery(than priority: Int, upTo limit: Int, at now: Instant) -> SQL {
        """
        SELECT user_id FROM jobs INDEXED BY jobs_in_turn
         WHERE state = 'queued' AND held = 0 AND priority > \(priority) AND not_before <= \(now) LIMIT \(limit)
        """
    }

    static func ownQuery(before job: Job, upTo limit: Int, at now: Instant) -> SQL {
        """
        SELECT 1 FROM jobs INDEXED BY jobs_queued
         WHERE state = 'queued' AND held = 0 AND priority = \(job.priority) AND user_id = \(job.requester)
           AND id < \(job.id) AND not_before <= \(now) LIMIT \(limit)
        """
    }

    static func waitingQuery(of user: UserID, atPriority priority: Int, upTo limit: Int, at now: Instant) -> SQL {
        """
        SELECT id FROM jobs INDEXED BY jobs_queued
         WHERE state = 'queued' AND held = 0 AND priority = \(priority) AND user_id = \(user)
           AND not_before <= \(now) ORDER BY id LIMIT \(limit)
        """
    }

    /// What decides between requesters who have equally many live jobs, the smaller first: whether jobs of theirs have to
    /// start before, so that their last start will be later; whose turn it is already; the last start; the first job that
    /// waits. `nil` when none of this requester may start.
    ///
    /// - Parameter newcomer: the only job of a requester of whom none waits, if there is one.
    private func rival(
        _ user: UserID, atPriority priority: Int, orAs newcomer: JobID? = nil, _ higher: [UserID: Int],
        _ keeper: UserID?, at now: Instant
    ) throws -> (Int, Int, Instant, JobID)? {
        let waiting = try database.first(Self.waitingQuery(of: user, atPriority: priority, upTo: 1, at: now)) {
            JobID($0.int64(0))
        }
        guard let first = waiting ?? newcomer else { return nil }
        return try database.first("SELECT last_start_at FROM users WHERE id = \(user)") {
            (higher[user, default: 0], user == keeper ? 0 : 1, $0.instant(0), first)
        }
    }

    private func nextRequester(after user: UserID, atPriority priority: Int) throws -> UserID? {
        try database.first(Self.nextRequesterQuery(after: user, atPriority: priority)) { UserID($0.int64(0)) }
    }

    static func nextRequesterQuery(after user: UserID, atPriority priority: Int) -> SQL {
        """
        SELECT user_id FROM jobs INDEXED BY jobs_queued
         WHERE state = 'queued' AND held = 0 AND priority = \(priority) AND user_id > \(user) ORDER BY user_id LIMIT 1
        """
    }
}
