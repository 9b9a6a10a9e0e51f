import FileStore
import JobQueue
import Linux
import Notices
import SQLite
import Serving
import Settings
import Storage

/// The admin's part of the queue; the pages have none.
struct QueueCommand {
    private let settings: Settings
    private let database: Database
    private let jobs: JobStore
    private let doorbell: Doorbell

    static let usage = """
          jobs         [--all]: list what runs and waits, and why; with --all also what is over
          cancel       NUMBER...: cancel jobs that wait, and stop those that run
          hold         NUMBER...: keep waiting jobs back
          release      NUMBER...: undo that
          priority     NUMBER PRIORITY: move a waiting job; 0 is ordinary, higher goes first
          drain        let no job start any more; those that run go on
          resume       undo that
        """

    init(_ settings: Settings) throws {
        self.settings = settings
        do {
            database = try Storage.open(settings.pathToDb, as: .admin)
        } catch let problem as Storage.Problem {
            throw settings.problem(with: "path_to_db", "\(problem)")
        }
        jobs = JobStore(database, actor: "scriptrunner")
        doorbell = Doorbell(stateDirectory: settings.stateDir)
    }

    // MARK: The queue as a whole

    func drain() throws -> String {
        let isNew = try jobs.drain(by: userName(), at: Instant.now())
        let running = try jobs.liveCount()
        return "no job starts until `scriptrunner resume`\(isNew ? "" : ", as before"); \(running) still running\n"
    }

    func resume() throws -> String {
        let isNew = try jobs.resume()
        doorbell.ring()
        return isNew ? "jobs start again\n" : "nothing had been drained\n"
    }

    func list(all: Bool) throws -> String {
        try JobTable(jobs: jobs, limits: Limits(settings), now: Instant.now()).text(all: all)
    }

    // MARK: Single jobs

    func cancel(_ numbers: ArraySlice<String>) throws -> [Outcome] {
        try each(numbers) { id in
            let now = Instant.now()
            let retention = settings.retention
            let outcome = try database.write {
                let outcome = try jobs.stopByAdmin(id, keepingFor: retention, at: now)
                if case .cancelled(let followers) = outcome, let job = try jobs.job(id) {
                    let notices = Notices(database, about: jobs, settings)
                    try notices.cancelledBeforeStart(job, byAdmin: true, at: now)
                    try notices.cancelled(followers, now: now)
                }
                return outcome
            }
            guard let outcome else { return nil }
            return switch outcome {
            case .cancelled(let followers): try cancelled(id, followers)
            case .requested: Outcome(line: "job \(id): will be stopped", isDone: true)
            case .over: Outcome(line: "job \(id): is over already", isDone: false)
            }
        }
    }

    private func cancelled(_ id: JobID, _ followers: [JobID]) throws -> Outcome {
        let secrets = Secrets(stateDirectory: settings.stateDir)
        for secret in try ([id] + followers).flatMap(jobs.secrets) { secrets.forget(secret) }
        let others = followers.isEmpty ? "" : ", and with it \(followers.map { "\($0)" }.joined(separator: ", "))"
        return Outcome(line: "job \(id): cancelled\(others)", isDone: true)
    }

    func hold(_ numbers: ArraySlice<String>) throws -> [Outcome] {
        try each(numbers) { id in
            outcome(try jobs.hold(id, at: Instant.now()), of: id, "held until `scriptrunner release \(id)`")
        }
    }

    func release(_ numbers: ArraySlice<String>) throws -> [Outcome] {
        try each(numbers) { id in outcome(try jobs.release(id, at: Instant.now()), of: id, "not held") }
    }

    func setPriority(of number: String, to text: String) throws -> [Outcome] {
        guard let priority = Int(text), JobStore.priorities.contains(priority) else {
            let range = JobStore.priorities
            throw Advice(
                "\(text): no priority; it is a whole number from \(range.lowerBound) to \(range.upperBound)",
                status: EX_USAGE)
        }
        return try each([number]) { id in
            outcome(
                try jobs.setPriority(id, to: priority, at: Instant.now()), of: id, "has the priority \(priority)")
        }
    }

    private func outcome(_ outcome: JobStore.WaitingOutcome?, of id: JobID, _ words: String) -> Outcome? {
        switch outcome {
        case .done: Outcome(line: "job \(id): \(words)", isDone: true)
        case .already: Outcome(line: "job \(id): \(words), as before", isDone: true)
        case .notWaiting(let state): Outcome(line: "job \(id): does not wait: it is \(state.words)", isDone: false)
        case nil: nil
        }
    }

    /// Does it for each of them, whatever comes of the others. All numbers are looked at before the first is touched.
    private func each(_ numbers: ArraySlice<String>, _ wish: (JobID) throws -> Outcome?) throws -> [Outcome] {
        let ids = try numbers.map { number in
            guard let id = JobID(text: number) else {
                throw Advice("\(number): no number of a job, as `scriptrunner jobs` lists them", status: EX_USAGE)
            }
            return id
        }
        defer { doorbell.ring() }
        return try ids.map { id in try wish(id) ?? Outcome(line: "job \(id): there is no such job", isDone: false) }
    }

    /// Who signed in to the machine, as far as it knows (/proc/self/loginuid), else whom this runs as.
    private func userName() -> String {
        let login = (try? Descriptor.open("/proc/self/loginuid", O_RDONLY).readAll(limit: 16))
            .flatMap { uid_t(String(decoding: $0, as: UTF8.self)) }
        // Nobody signed in to what a daemon started.
        let user = login == uid_t.max ? nil : login
        let entry = getpwuid(user ?? getuid())
        return entry.map { String(cString: $0.pointee.pw_name) } ?? "\(user ?? getuid())"
    }
}
