public import EventLog
import FileStore
import JobQueue
public import Linux
import Mail
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
    let outbox: Outbox
    let commission: Commission
    var executor: LocalExecutor
    /// The sender of mails, while one runs.
    private var mailer: pid_t?
    private var mailerStartedAt = Instant(milliseconds: 0)
    /// A mailer that failed is not started again before this.
    private var noMailerBefore = Instant(milliseconds: 0)
    private let programs: String
    /// What there is for jobs, and how much may run at once.
    private let machine: Machine
    private let limits: Limits

    /// Jobs that are claimed in one transaction.
    private static let mostClaims = 64
    /// A database whose WAL has grown to this is checkpointed. Bytes.
    private static let walToCheckpoint = 1 << 20
    /// After a mailer that failed as a program. Mails have longer pauses of their own.
    private static let mailerPause = Instant.Span.seconds(60)
    /// While a mailer that is not ours sends.
    private static let otherMailerPause = Instant.Span.seconds(1)
    /// How often the attempts of live jobs are looked at, should a supervisor have died without a word. Milliseconds.
    private static let liveRhythm: Int64 = 1000
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
        jobs = JobStore(database, actor: "worker")
        mails = MailStore(database)
        outbox = Outbox(root: settings.outboxDir)
        commission = Commission(
            settings: settings,
            catalogue: Catalogue(
                directory: settings.scriptDir,
                style: AnnotationStyle(
                    docPrefix: settings.scriptDocPrefix, inputPrefix: settings.inputParamPrefix,
                    outputPrefix: settings.outputParamPrefix)),
            inbox: Inbox(root: settings.inboxDir, database: database), outbox: outbox)
        executor = LocalExecutor(attemptsDir: settings.attemptsDir, supervisor: programs + "/supervisor")
        machine = settings.machine
        limits = Limits(
            defaultNeeds: Needs(cpus: settings.defaultCPUs, memory: settings.defaultMemory),
            running: settings.maxRunningJobs, runningPerUser: settings.maxRunningPerUser)
        try jobs.takeOver(
            pid: Int(getpid()), bootID: ProcessIdentity.currentBoot, version: "\(Storage.version)", at: now())
        try jobs.found(machine)
    }

    /// Does all that can be done now.
    ///
    /// - Throws: `JobStore.Superseded` when a later worker rules. Trouble with one job is logged and tried again at the
    ///   next step.
    public func step() throws {
        for job in try jobs.live() { try tolerating(job) { try tend(job) } }
        while case let attempts = try jobs.claim(upTo: Self.mostClaims, fitting: machine, limits: limits, at: now()),
            !attempts.isEmpty
        {
            for attempt in attempts {
                log.note("job-claimed", ["job": "\(attempt.job.id)", "attempt": "\(attempt.number)"])
                try tolerating(attempt.job) { try begin(attempt) }
            }
        }
        try sendMails()
        try checkpointIfDue()
    }

    /// How long nothing has to be done unless somebody rings. Milliseconds.
    public func patience() throws -> Int64 {
        if try jobs.liveCount() > 0 { return Self.liveRhythm }
        var longest = Int64(settings.pollInterval) * 1000
        if let due = try jobs.nextDue(after: now()) { longest = min(longest, (due - now()).milliseconds) }
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
            if bell.wait(milliseconds: patience) == .stop { break }
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
            log.note("job-trouble", ["job": "\(job.id)", "attempt": "\(job.attempt)", "cause": "\(error)"])
        }
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

    // MARK: The database

    /// Pages are only ever moved from the WAL into the database by checkpoints that programs ask for.
    private func checkpointIfDue() throws {
        var status = stat()
        guard stat(settings.pathToDb + "-wal", &status) == 0, status.st_size >= Self.walToCheckpoint else { return }
        try database.checkpoint()
    }
}
