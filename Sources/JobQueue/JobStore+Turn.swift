internal import Linux
internal import SQLite
internal import Scripts
internal import Storage

/// The first job of one requester for one script at one priority.
struct Head {
    let job: JobID
    let user: UserID
    let script: String
    let needs: Needs
    let perUserLimit: Int?
    let totalLimit: Int?
    /// When a job of this requester was started last.
    let lastStart: Instant

    static let columns: SQL =
        "jobs.id, user_id, script, needs_cpus, needs_memory, per_user_limit, total_limit, last_start_at"

    init(_ row: borrowing Row) {
        job = JobID(row.int64(0))
        user = UserID(row.int64(1))
        script = row.text(2)
        needs = Needs(cpus: row.optionalInt(3), memory: row.optionalInt64(4))
        perUserLimit = row.optionalInt(5)
        totalLimit = row.optionalInt(6)
        lastStart = row.instant(7)
    }

    /// What limits are compared with.
    init(_ job: Job) {
        self.job = job.id
        user = job.requester
        script = job.script
        needs = job.needs
        perUserLimit = job.perUserLimit
        totalLimit = job.totalLimit
        lastStart = Instant(milliseconds: 0)
    }
}

/// What may start now.
struct Plan {
    var starts: [(head: Head, share: Share)] = []
    /// The job whose turn it is although there is no room for it: now, and before this look.
    var turn: JobID?
    var formerTurn: JobID?

    var isAnything: Bool { !starts.isEmpty || turn != formerTurn }
}

extension JobStore {
    /// Finds whose turn it is. It looks once at each pair of a requester who waits and a script, not at each job: see the
    /// index `jobs_in_turn`.
    func plan(upTo most: Int, fitting machine: Machine, _ limits: Limits, at now: Instant) throws -> Plan {
        let (isDrained, former) =
            try database.first("SELECT drained_at IS NOT NULL, head_job FROM queue") {
                ($0.bool(0), $0.optionalInt64(1).map(JobID.init))
            } ?? (false, nil)
        let keeper = try keeperOfTheTurn()
        var plan = Plan(turn: former, formerTurn: former)
        var occupancy = try occupancy()
        let mayRun = min(most, (limits.running ?? .max) - occupancy.count)
        guard !isDrained, mayRun > 0 else { return plan }
        var lastStarts: [UserID: Instant] = [:]
        var priority = try nextPriority(below: nil)
        while let level = priority {
            // Where nothing could start, whose turn it is stays as it was.
            guard occupancy.free(on: machine).cpus > 0 else { return plan }
            var heads = try heads(atPriority: level, at: now)
            while let index = turn(among: heads, keeper, occupancy, limits, lastStarts) {
                let head = heads[index]
                let share = Share(of: head.needs, otherwise: limits.defaultNeeds, on: machine)
                guard occupancy.hasRoom(for: share, on: machine) else {
                    // Whoever has a job running already cannot keep a place for another one.
                    plan.turn = occupancy.ofUser[head.user] == nil ? head.job : nil
                    return plan
                }
                occupancy.add(head.user, head.script, share)
                lastStarts[head.user] = now + .milliseconds(Int64(plan.starts.count))
                plan.starts.append((head, share))
                if head.job == former { plan.turn = nil }
                guard plan.starts.count < mayRun, occupancy.free(on: machine).cpus > 0 else { return plan }
                if let next = try database.first(Self.nextHeadQuery(after: head, atPriority: level, at: now), Head.init)
                {
                    heads[index] = next
                } else {
                    heads.remove(at: index)
                }
            }
            priority = try nextPriority(below: level)
        }
        plan.turn = nil
        return plan
    }

    /// Which of these is the next, if any; those that a limit keeps back are none.
    private func turn(
        among heads: [Head], _ keeper: UserID?, _ occupancy: Occupancy, _ limits: Limits,
        _ lastStarts: [UserID: Instant]
    ) -> Int? {
        func rank(_ head: Head) -> (Int, Int, Instant, JobID) {
            (
                occupancy.ofUser[head.user, default: 0], head.user == keeper ? 0 : 1,
                lastStarts[head.user] ?? head.lastStart, head.job
            )
        }
        return heads.indices.filter { occupancy.limit(on: heads[$0], limits) == nil }
            .min { rank(heads[$0]) < rank(heads[$1]) }
    }

    /// The requester whose turn it is already, and whose job waits for room.
    func keeperOfTheTurn() throws -> UserID? {
        try database.first(
            "SELECT user_id FROM queue CROSS JOIN jobs ON jobs.id = head_job WHERE state = 'queued' AND held = 0"
        ) { UserID($0.int64(0)) }
    }

    /// What live jobs have of the machine.
    func occupancy() throws -> Occupancy {
        var occupancy = Occupancy()
        try database.each(Self.liveQuery) { row in
            occupancy.add(
                UserID(row.int64(0)), row.text(1), Share(cpus: row.optionalInt(2), memory: row.optionalInt64(3)))
        }
        return occupancy
    }

    static let liveQuery: SQL = """
        SELECT user_id, script, cpus, memory
          FROM jobs CROSS JOIN attempts ON attempts.job_id = jobs.id AND attempts.number = jobs.attempt
         WHERE state IN ('starting', 'running', 'stopping')
        """

    /// The highest priority of a job that waits, or the highest below another.
    func nextPriority(below priority: Int?) throws -> Int? {
        try database.first(Self.nextPriorityQuery(below: priority)) { $0.int(0) }
    }

    static func nextPriorityQuery(below priority: Int?) -> SQL {
        """
        SELECT priority FROM jobs INDEXED BY jobs_in_turn
         WHERE state = 'queued' AND held = 0 AND priority < \(priority.map(Int64.init) ?? .max)
         ORDER BY priority DESC LIMIT 1
        """
    }

    /// The first job that may start of each requester and script.
    private func heads(atPriority priority: Int, at now: Instant) throws -> [Head] {
        var heads: [Head] = []
        var next = try database.first(Self.headQuery(after: UserID(0), atPriority: priority, at: now), Head.init)
        while let head = next {
            heads.append(head)
            // Two steps: with `(user_id, script) > (?, ?)` SQLite would walk over all jobs of the pair.
            next =
                try database.first(Self.headQuery(after: head, atPriority: priority, at: now), Head.init)
                ?? database.first(Self.headQuery(after: head.user, atPriority: priority, at: now), Head.init)
        }
        return heads
    }

    /// The first job of the next requester.
    static func headQuery(after user: UserID, atPriority priority: Int, at now: Instant) -> SQL {
        """
        SELECT \(Head.columns) FROM jobs INDEXED BY jobs_in_turn CROSS JOIN users ON users.id = user_id
         WHERE state = 'queued' AND held = 0 AND priority = \(priority) AND user_id > \(user) AND not_before <= \(now)
         ORDER BY user_id, script, jobs.id LIMIT 1
        """
    }

    /// The first job of the same requester for the next script.
    static func headQuery(after head: Head, atPriority priority: Int, at now: Instant) -> SQL {
        """
        SELECT \(Head.columns) FROM jobs INDEXED BY jobs_in_turn CROSS JOIN users ON users.id = user_id
         WHERE state = 'queued' AND held = 0 AND priority = \(priority) AND user_id = \(head.user)
           AND script > \(head.script) AND not_before <= \(now)
         ORDER BY script, jobs.id LIMIT 1
        """
    }

    /// The job that follows `head` of the same requester and script.
    static func nextHeadQuery(after head: Head, atPriority priority: Int, at now: Instant) -> SQL {
        """
        SELECT \(Head.columns) FROM jobs INDEXED BY jobs_in_turn CROSS JOIN users ON users.id = user_id
         WHERE state = 'queued' AND held = 0 AND priority = \(priority) AND user_id = \(head.user)
           AND script = \(head.script) AND jobs.id > \(head.job) AND not_before <= \(now)
         ORDER BY jobs.id LIMIT 1
        """
    }
}
