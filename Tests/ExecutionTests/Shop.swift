import Accounts
import EventLog
import FileStore
import JobQueue
import Linux
import Mail
import SQLite
import Scripts
import Settings
import Storage
import Synchronization
import TestSupport

@testable import Execution

/// A queue of a test's own with a real database, real supervisors and real scripts; the test is the clock and takes the
/// worker's steps.
final class Shop {
    /// A clock that goes as the machine's does, unless a test puts it forward.
    final class Ticker: Sendable {
        private let ahead = Atomic<Int64>(0)

        @Sendable func now() -> Instant { Instant.now() + .milliseconds(ahead.load(ordering: .relaxed)) }
        func putForward(_ span: Instant.Span) { ahead.add(span.milliseconds, ordering: .relaxed) }
    }

    let scratch = ScratchDirectory()
    let settings: Settings
    let database: Database
    let jobs: JobStore
    let user: UserID
    private(set) var worker: Worker
    /// The worker's clock.
    let clock: Ticker
    /// The workers that were there before.
    private var former: [Worker] = []

    /// - Parameter lines: of the settings file.
    init(_ lines: [String] = []) throws {
        chmod(scratch.path, 0o755)
        for folder in ["etc", "db", "inbox", "inbox/shared", "outbox", "scripts", "state", "mail", "programs"] {
            mkdir(scratch(folder), 0o755)
            // Whatever the umask is.
            chmod(scratch(folder), 0o755)
        }
        let text = lines.joined(separator: "\n")
        try Shop.write(text, to: scratch("etc/ScriptRunner.conf"))
        settings = try Settings.load(file: scratch("etc/ScriptRunner.conf"))
        // A mailer that sends nothing: what is queued is looked at in the database.
        try Shop.write("#!/bin/sh\nexit 0\n", to: scratch("programs/mailer"))
        chmod(scratch("programs/mailer"), 0o755)
        symlink(BuiltProgram.path("supervisor"), scratch("programs/supervisor"))
        for folder in ["", "db", "inbox", "inbox/shared", "outbox", "scripts", "state", "mail"] {
            giveAway(scratch(folder))
        }
        let (settings, programs) = (settings, scratch("programs"))
        let clock = Ticker()
        self.clock = clock
        (database, user, worker) = try asOrdinaryUser {
            try Storage.migrate(settings.pathToDb)
            let database = try Storage.open(settings.pathToDb, as: .admin)
            let users = UserStore(database, hasher: PasswordHasher(slotsIn: settings.stateDir))
            let address = EmailAddress("ada@example.org")!
            let user = try users.signUp(address, password: "correct horse", at: Instant.now())!
            return (database, user.id, try Shop.worker(settings, programs, clock))
        }
        jobs = JobStore(database, actor: "submit")
    }

    /// Nobody else buries what the workers started.
    deinit {
        for worker in former + [worker] {
            worker.dismissMailer()
            for pid in worker.executor.children.values {
                kill(pid, SIGKILL)
                var status: CInt = 0
                _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
            }
        }
    }

    private static func worker(_ settings: Settings, _ programs: String, _ clock: Ticker) throws -> Worker {
        // What it tells is no concern of these tests; descriptor -1 takes nothing.
        try Worker(
            settings, programs: programs, log: EventLog(program: "worker", output: -1, now: Instant.now),
            now: clock.now)
    }

    static func write(_ text: String, to path: String) throws {
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.write(Array(text.utf8))
    }

    /// Puts a script into script_dir.
    func script(_ name: String, _ text: String) throws {
        try Shop.write(text, to: scratch("scripts/" + name))
        chmod(scratch("scripts/" + name), 0o755)
    }

    /// Queues a job for the script as it is now.
    func submit(_ name: String, _ parameters: [JobParameter] = [], on terms: Terms = .standard) throws -> JobID {
        let content = try Descriptor.open(scratch("scripts/" + name), O_RDONLY).readAll(limit: 1 << 20)
        return try jobs.submit(
            script: name, content: content, parameters: parameters, terms: terms, by: user, nonce: SubmissionNonce(),
            at: Instant.now()
        ).job
    }

    func submit(
        text script: String, _ parameters: [JobParameter] = [], on terms: Terms = .standard
    ) throws -> JobID {
        try self.script("test.sh", script)
        return try submit("test.sh", parameters, on: terms)
    }

    /// The worker takes one step.
    func step() throws { try asOrdinaryUser { try worker.step() } }

    /// As after a kill and a new start: another worker, which knows nothing but what is on the disk.
    func replaceWorker() throws -> Worker {
        let old = worker
        former.append(old)
        worker = try asOrdinaryUser { try Shop.worker(settings, scratch("programs"), clock) }
        return old
    }

    func job(_ id: JobID) throws -> Job { try jobs.job(id)! }
    func state(_ id: JobID) throws -> JobState { try job(id).state }

    /// Lets the worker take steps until the job is there.
    func run(_ id: JobID, until states: JobState...) throws {
        try waitUntil("job \(id) is \(states)") {
            try step()
            return states.contains(try state(id))
        }
    }

    func runToEnd(_ id: JobID) throws -> Job {
        try waitUntil("job \(id) is over") {
            try step()
            return try state(id).isOver
        }
        return try job(id)
    }

    func outbox(_ id: JobID) throws -> String { settings.outboxDir + "/" + (try job(id).uid) }

    func output(_ id: JobID, _ name: String) throws -> String {
        let bytes = try Descriptor.open(try outbox(id) + "/" + name, O_RDONLY).readAll(limit: 1 << 20)
        return String(decoding: bytes, as: UTF8.self)
    }

    func hasOutput(_ id: JobID, _ name: String) throws -> Bool { access(try outbox(id) + "/" + name, F_OK) == 0 }

    /// States that the job went through.
    func path(_ id: JobID) throws -> [JobState] { try jobs.events(of: id).map(\.to) }

    /// Subjects of the job's mails.
    func subjects(_ id: JobID) throws -> [String] { try MailStore(database).mails(about: id).map(\.subject) }
}
