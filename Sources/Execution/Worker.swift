internal import Accounts
public import EventLog
import FileStore
import JobQueue
public import Linux
import Mail
import Notices
import SQLite
import Scripts
public import Settings
import Storage
import Supervision

/// Claims jobs, has them run, records what became of them, and has mails sent.
///
/// It knows nothing that is not in the database or in the attempts' directories; killed at any moment and started again, it
/// goes on where it was. One step does all that can be done now; ``run(until:)`` takes a step whenever somebody rings and
/// waits in between.
public final class Worker {
    let settings: Settings
    let log: EventLog
    let now: Clock
    let database: Database
    var jobs: JobStore
    let mails: MailStore
    let notices: Notices
    let outbox: Outbox
    let commission: Commission
    var executor: LocalExecutor
    let vigil: Vigil
    /// The attempts of which somebody has said that there is news, and those where the last look ended in trouble.
    var called: Set<String> = []
    /// What was found since the last transaction, without looking at the disk: refusals.
    var known: [Finding] = []
    /// Why an attempt could not be laid down, by its name.
    var mishaps: [String: String] = [:]
    /// When all live attempts were looked at last, called or not.
    private var surveyedAt: Instant?
    /// When the next warning about a time limit is due; `nil`: that has to be found out.
    var nextWarning: Instant?
    private let room: Room
    private var checkpoints: Checkpoints
    /// The sender of mails, while one runs.
    private var mailer: pid_t?
    private var mailerStartedAt = Instant(milliseconds: 0)
    /// A mailer that failed is not started again before this.
    private var noMailerBefore = Instant(milliseconds: 0)
    private let programs: String
    /// What there is for jobs, and how much may run at once.
    private let machine: Machine
    private let limits: JobQueue.Limits

    /// Jobs that are claimed in one transaction, so that a long queue does not keep the worker from everything else.
    private static let mostClaims = 64
    /// After a mailer that failed as a program. Mails have longer pauses of their own.
    private static let mailerPause = Instant.Span.seconds(60)
    /// While a mailer that is not ours sends.
    private static let otherMailerPause = Instant.Span.seconds(1)
    /// How often attempts are looked at that are about to begin or to end, or where something went wrong. Milliseconds.
    private static let liveRhythm: Int64 = 1000
    /// After a start that found the disk full.
    static let roomPause = Instant.Span.seconds(30)
    /// Starts of one job that came to nothing for reasons of ours, before it fails.
    static let mostVainStarts = 5

    /// Takes the queue over: from now on an earlier worker can write no more.
    ///
    /// - Parameter programs: the folder of `supervisor` and `mailer`.
    /// - Throws: `Storage.Problem`, `SQLiteError`, `SystemError`.
    public init(_ settings: Settings, programs: String, log: EventLog, now: @escaping Clock) throws {
        self.settings = settings
        self.log = log
        self.now = now
        self.programs = programs
        try Descriptor.directory(settings.stateDir).makeDirectory("attempts", mode: 0o700)
        database = try Storage.open(settings.pathToDb, as: .worker)
        checkpoints = Checkpoints(database, path: settings.pathToDb, log: log, now: now)
        jobs = JobStore(database, actor: "worker")
        mails = MailStore(database)
        notices = Notices(database, about: jobs, settings)
        outbox = Outbox(root: settings.outboxDir)
        commission = Commission(
            settings: settings,
            catalogue: Catalogue(settings), groups: GroupStore(database),
            inbox: Inbox(root: settings.inboxDir, database: database), outbox: outbox,
            secrets: Secrets(stateDirectory: settings.stateDir), results: Results(jobs: jobs, outbox: outbox),
            machine: settings.machine,
            cgroups: try CgroupParent.find(settings.cgroup.text))
        executor = LocalExecutor(attemptsDir: settings.attemptsDir, supervisor: programs + "/supervisor")
        vigil = try Vigil()
        room = Room(
            folders: [
                (parent(of: settings.pathToDb), "the database"), (settings.stateDir, "the attempts"),
                (settings.outboxDir, "the outputs"),
            ], minFreeBytes: settings.minFreeBytes, minFreeFiles: Int64(settings.minFreeInodes))
        machine = settings.machine
        limits = JobQueue.Limits(settings)
        try jobs.takeOver(
            pid: Int(getpid()), bootID: ProcessIdentity.currentBoot, version: "\(Storage.version)", at: now())
        try jobs.found(machine)
        try settleOverlooked()
    }

    /// Does all that can be done now: looks at what may have changed, records it and claims what may start in one
    /// transaction, and has that run.
    ///
    /// - Throws: `JobStore.Superseded` when a later worker rules. Trouble with one job is logged and tried again at a later
    ///   step.
    public func step() throws {
        executor.reap()
        let found = try findings()
        for attempt in try record(found) {
            log.note("job-claimed", ["job": "\(attempt.job.id)", "attempt": "\(attempt.number)"])
            try tolerating(attempt.job) { try begin(attempt) }
        }
        try warn()
        try sendMails()
        try checkpoints.makeIfDue()
    }

    /// A supervisor has said that there is news of its attempt.
    public func hear(of attempts: Set<String>) { called.formUnion(attempts) }

    /// How long nothing has to be done unless somebody rings. Milliseconds.
    public func patience() throws -> Int64 {
        if !known.isEmpty || vigil.hasFallen { return 0 }
        // Who is about to begin or to end may be killed without a word, and a wish to stop may have been lost.
        if try !called.isEmpty || !jobs.inTransition().isEmpty { return Self.liveRhythm }
        var longest = Int64(settings.pollInterval) * 1000
        for due in [try jobs.nextDue(after: now()), nextWarning].compactMap(\.self) {
            longest = min(longest, max(0, (due - now()).milliseconds))
        }
        guard mailer == nil, let due = try mails.nextDue() else { return longest }
        return min(longest, max(0, (max(due, noMailerBefore) - now()).milliseconds))
    }

    /// Takes steps until `bell` says that it is enough.
    public func run(until bell: borrowing Bell) throws {
        log.note("worker-started", ["running": "\(try jobs.liveCount())"])
        while true {
            var patience = Self.liveRhythm
            do {
                try step()
                patience = try self.patience()
            } catch let superseded as JobStore.Superseded {
                throw superseded
            } catch {
                // A full disk or a broken database may recover; jobs run on meanwhile.
                log.note("step-failed", ["cause": "\(error)"])
            }
            guard case .rung(let names) = bell.wait(milliseconds: patience, orFor: vigil.descriptor.number) else {
                break
            }
            hear(of: names)
        }
        log.note("worker-stopping")
    }

    /// Asks a running mailer to finish the mail at hand, and waits for it.
    public func dismissMailer() {
        guard let mailer else { return }
        kill(mailer, SIGTERM)
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(mailer, &status, 0) }
    }

    private func tolerating(_ job: Job, _ body: () throws -> Void) throws {
        do { try body() } catch let superseded as JobStore.Superseded { throw superseded } catch {
            called.insert(job.attemptName)
            log.note("job-trouble", ["job": "\(job.id)", "attempt": "\(job.attempt)", "cause": "\(error)"])
        }
    }

    // MARK: News of attempts

    /// Looks at the attempts that may have news: those about to begin or to end, those that somebody called, those whose
    /// supervisor has lost a process, and, every `poll_interval`, all.
    private func findings() throws -> [Finding] {
        var names = vigil.takeFallen().union(called)
        called = []
        defer { known = [] }
        let doubtful: [Job]
        if let surveyedAt, now() - surveyedAt < .seconds(Int64(settings.pollInterval)), now() >= surveyedAt {
            var jobs = try self.jobs.inTransition()
            names.subtract(jobs.map(\.attemptName))
            for name in names { if let job = try liveJob(ofAttempt: name) { jobs.append(job) } }
            doubtful = jobs
        } else {
            surveyedAt = now()
            doubtful = try jobs.live()
        }
        var found = known
        for job in doubtful {
            try tolerating(job) { if let finding = try look(at: job) { found.append(finding) } }
        }
        return found
    }

    private func liveJob(ofAttempt name: String) throws -> Job? {
        guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        return try jobs.live(ofFolders: String(name[..<dot]))
    }

    /// Stores what was found and claims what may start now, all in one transaction.
    private func record(_ found: [Finding]) throws -> [Attempt] {
        // Most steps of an idle worker find nothing; then claiming takes no lock.
        if found.isEmpty { return try claim() }
        // Some have begun or ended: another warning may be the next.
        nextWarning = nil
        var told: [() -> Void] = []
        do {
            let claimed = try database.write {
                for finding in found { told += try store(finding) }
                return try claim()
            }
            for tell in told { tell() }
            return claimed
        } catch let superseded as JobStore.Superseded {
            throw superseded
        } catch {
            // One that cannot be stored must not hold up the others.
            log.note("batch-failed", ["cause": "\(error)"])
            for finding in found {
                try tolerating(finding.job) { for tell in try database.write({ try store(finding) }) { tell() } }
            }
            return try database.write(claim)
        }
    }

    /// Claims what may start now. Where there is no room on a disk nothing may, and pages tell why.
    private func claim() throws -> [Attempt] {
        guard try jobs.isAnybodyWaiting() else { return [] }
        if let shortage = room.shortage() {
            if try jobs.stall(shortage, at: now()) { log.note("stalled", ["cause": shortage]) }
            return []
        }
        if try jobs.unstall() { log.note("unstalled") }
        return try jobs.claim(upTo: Self.mostClaims, fitting: machine, limits: limits, at: now())
    }

    // MARK: Mails

    /// Starts a mailer when a mail is due and none runs. It is a process of its own, so no mail server delays a job.
    private func sendMails() throws {
        if let running = mailer {
            var status: CInt = 0
            guard retryingOnInterrupt({ waitpid(running, &status, WNOHANG) }) != 0 else { return }
            mailer = nil
            if status != 0 {
                noMailerBefore = now() + Self.mailerPause
                log.note("mailer-failed", ["status": "\(clinux_exit_status(status))"])
            } else if let due = try mails.nextDue(), due <= mailerStartedAt {
                // It went because another one, an earlier worker's, is still at it.
                noMailerBefore = now() + Self.otherMailerPause
            }
        }
        guard now() >= noMailerBefore, let due = try mails.nextDue(), due <= now() else { return }
        do throws(SystemError) {
            mailerStartedAt = now()
            mailer = try spawn(
                programs + "/mailer", arguments: ["mailer"],
                environment: ["SCRIPTRUNNER_CONF=\(settings.file)", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"])
        } catch {
            noMailerBefore = now() + Self.mailerPause
            log.note("mailer-failed", ["cause": "\(error)"])
        }
    }
}
