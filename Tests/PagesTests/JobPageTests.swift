import Accounts
import EventLog
import JobQueue
import Linux
import SQLite
import Settings
import Storage
import TestSupport
import Testing

@testable import Pages
@testable import Scripts
@testable import Web

private let noon = Instant(milliseconds: 43_200_000)

/// A site with one user, on a disk of its own, at noon.
struct SmallSite {
    let scratch = ScratchDirectory()
    let site: Site
    let visitor: Visitor
    let jobs: JobStore

    init(_ lines: [String] = []) throws {
        for folder in ["etc", "inbox", "outbox", "scripts", "state", "state/attempts"] { mkdir(scratch(folder), 0o755) }
        let database = try scratch.database()
        let file = try Descriptor.open(scratch("etc/ScriptRunner.conf"), O_WRONLY | O_CREAT, mode: 0o644)
        try file.write(Array((["path_to_db=\(scratch.databasePath)"] + lines).joined(separator: "\n").utf8))
        let settings = try Settings.load(file: scratch("etc/ScriptRunner.conf"))
        site = try Site(
            .jobs, settings: settings, scripts: Catalogue(settings),
            log: EventLog(program: "test", now: { noon }), now: { noon })
        let address = try #require(EmailAddress("ada@example.org"))
        let users = UserStore(database, hasher: PasswordHasher(slotsIn: scratch.path))
        let user = try #require(try users.signUp(address, password: "correct horse", at: noon))
        let token = try SessionStore(database).begin(
            for: user.id, userAgent: "", lasting: .days(1), at: noon)
        visitor = Visitor(
            session: try #require(try SessionStore(database).session(token, at: noon)), token: token)
        jobs = JobStore(database, actor: "test")
    }

    /// A job that has come as far as `ending`, or waits.
    func job(_ value: String = "1", ending: Ending? = nil) throws -> Job {
        let parameter = JobParameter(name: "value", kind: .text, value: value)
        let id = try jobs.submit(
            script: "a.sh", content: [1], parameters: [parameter], by: visitor.user.id, nonce: SubmissionNonce(),
            at: noon
        ).job
        if let ending {
            let attempt = try #require(try jobs.claimNext(at: noon))
            let process = StartedProcess(bootID: "b", guardPID: 1, scriptPID: 2, scriptStart: 3)
            try jobs.started(id, attempt: attempt.number, as: process, at: noon)
            let folder = scratch("state/attempts/\(attempt.job.uid).\(attempt.number)")
            mkdir(folder, 0o755)
            try write("said this\n", to: folder + "/log")
            mkdir(scratch("outbox/\(attempt.job.uid)"), 0o755)
            try write("made this\n", to: scratch("outbox/\(attempt.job.uid)/result.txt"))
            try jobs.ended(id, attempt: attempt.number, ending, keepingFor: .days(7), at: noon + .seconds(200))
        }
        return try #require(try jobs.job(id))
    }

    /// A job on these terms, which waits.
    func submit(terms: Terms = .standard) throws -> JobID {
        try jobs.submit(
            script: "a.sh", content: [1], parameters: [], terms: terms, by: visitor.user.id, nonce: SubmissionNonce(),
            at: noon
        ).job
    }

    /// Lets its next attempt begin, with a log.
    func start(_ id: JobID, at now: Instant) throws {
        let attempt = try #require(try jobs.claimNext(at: now))
        try #require(attempt.job.id == id)
        try jobs.started(
            id, attempt: attempt.number, as: StartedProcess(bootID: "b", guardPID: 1, scriptPID: 2, scriptStart: 3),
            at: now)
        let folder = scratch("state/attempts/\(attempt.job.uid).\(attempt.number)")
        mkdir(folder, 0o755)
        try write("said this\n", to: folder + "/log")
    }

    func glance() throws -> String { String(decoding: try HomePage(site).glance().bytes, as: UTF8.self) }

    private func write(_ text: String, to path: String) throws {
        try Descriptor.open(path, O_WRONLY | O_CREAT, mode: 0o644).write(Array(text.utf8))
    }

    func page(_ job: Job, note: String? = nil) throws -> String {
        text(try JobView(site: site, visitor: visitor, job: job).page(note: note))
    }

    func list() throws -> String { text(try JobList(site: site, visitor: visitor).page(Form())) }

    func text(_ response: Response) -> String {
        guard case .bytes(let bytes) = response.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
}

@Suite struct `A job's page` {
    @Test func `shows what came of a job that succeeded before what it said`() throws {
        let small = try SmallSite()
        let page = try small.page(small.job(ending: Ending(state: .succeeded, exitCode: 0)))
        let outputs = try #require(page.firstRange(of: "<h2>Output files</h2>"))
        let log = try #require(page.firstRange(of: "said this"))
        #expect(outputs.lowerBound < log.lowerBound)
        #expect(page.contains("<dt>It took</dt><dd class=\"ticks\">3 min 20 s</dd>"))
        #expect(!page.contains("<main id=\"content\" data-live>"))
    }

    @Test func `shows why a job failed before what came of it`() throws {
        let small = try SmallSite()
        let page = try small.page(small.job(ending: Ending(state: .failed, exitCode: 3)))
        let outputs = try #require(page.firstRange(of: "<h2>Output files</h2>"))
        let log = try #require(page.firstRange(of: "said this"))
        #expect(log.lowerBound < outputs.lowerBound)
        #expect(page.contains("<dt>Exit status</dt><dd>3</dd></div></dl>"))
    }

    @Test func `says that a job waits only while it does`() throws {
        let small = try SmallSite()
        let sentence = "Your job is submitted and waits for its turn."
        #expect(try small.page(small.job(), note: "submitted").contains(sentence))
        let over = try SmallSite()
        let job = try over.job(ending: Ending(state: .succeeded, exitCode: 0))
        #expect(try !over.page(job, note: "submitted").contains(sentence))
    }

    @Test func `tells how long a job has waited`() throws {
        let small = try SmallSite()
        let page = try small.page(small.job())
        #expect(page.contains("<dt>Waiting for</dt><dd class=\"ticks\">0 ms</dd>"))
        #expect(page.contains("<main id=\"content\" data-live>"))
    }
}

@Suite struct `A waiting job's page` {
    let small: SmallSite
    init() throws { small = try SmallSite() }

    @Test func `tells its place, and why it does not run yet`() throws {
        let first = try small.job()
        let second = try small.job()
        #expect(try small.page(first).contains("<dt>Place in the queue</dt><dd>1</dd>"))
        #expect(try small.page(first).contains("It is its turn: it starts as soon as the worker sees to it."))
        #expect(try small.page(second).contains("<dt>Place in the queue</dt><dd>2</dd>"))
        #expect(try small.page(second).contains("<p class=\"reason\">One job goes before it.</p>"))
        try small.jobs.drain(by: "root", at: noon)
        #expect(
            try small.page(second).contains(
                "has let no job start since <time datetime=\"1970-01-01T12:00:00Z\">"))
        _ = try small.jobs.hold(second.id, at: noon)
        _ = try small.jobs.setPriority(second.id, to: 3, at: noon)
        let held = try small.page(#require(try small.jobs.job(second.id)))
        #expect(held.contains("The administrator keeps it back for now."))
        #expect(!held.contains("Place in the queue"))
        #expect(held.contains("<dt>Priority</dt><dd>3, by the administrator</dd>"))
    }

    @Test func `tells what became of the attempts before, and what may follow`() throws {
        let terms = Terms(timeLimit: .hours(2), retries: 2, isIdempotent: true)
        let id = try small.submit(terms: terms)
        let fresh = try small.page(#require(try small.jobs.job(id)))
        #expect(!fresh.contains("<h2>Attempts</h2>"))
        #expect(fresh.contains("<dt>Time limit</dt><dd>2 h</dd>"))
        #expect(
            fresh.contains(
                "<dt>More attempts</dt><dd>up to 2 if it fails, up to 3 if nobody knows how it ended</dd>"))

        try small.start(id, at: noon)
        let running = try small.page(#require(try small.jobs.job(id)))
        #expect(running.contains("<dt>Stopped at the latest</dt><dd><time datetime=\"1970-01-01T14:00:00Z\">"))
        #expect(!running.contains("Place in the queue"))
        let failure = Ending(state: .failed, exitCode: 3, reason: "It <failed>.")
        _ = try small.jobs.endedWithRetry(id, attempt: 1, failure, pause: .minutes(5), at: noon + .seconds(200))

        let pausing = try small.page(#require(try small.jobs.job(id)))
        #expect(pausing.contains("Attempt 1 failed, so it pauses until <time datetime=\"1970-01-01T12:08:20Z\">"))
        #expect(pausing.contains("<li>Attempt 1 failed (exit status 3) after 3 min 20 s, <time"))
        #expect(pausing.contains("<br>It &lt;failed&gt;.</li>"))
        #expect(pausing.contains("up to 1 if it fails"))
        #expect(!pausing.contains("Stopped at the latest"))

        try small.start(id, at: noon + .hours(1))
        let again = try small.page(#require(try small.jobs.job(id)))
        #expect(again.contains("– <a href=\"/jobs/\(id)/log?attempt=1\" download>its log</a>"))
        #expect(again.contains("<li>Attempt 2 runs since <time"))
        try small.jobs.ended(id, attempt: 2, failure, keepingFor: .days(7), at: noon + .hours(1))
        let over = try small.page(#require(try small.jobs.job(id)))
        #expect(!over.contains("More attempts"))
        #expect(over.contains("<li>Attempt 2 failed"))
    }

    @Test func `tells that an attempt could not begin`() throws {
        let id = try small.submit()
        _ = try small.jobs.claimNext(at: noon)
        try small.jobs.returnToQueue(id, attempt: 1, notBefore: noon, at: noon, because: "Its supervisor died.")
        let page = try small.page(#require(try small.jobs.job(id)))
        #expect(page.contains("<li>Attempt 1 could not begin, <time"))
        #expect(page.contains("<br>Its supervisor died.</li>"))
    }
}

@Suite struct `The queue at a glance` {
    @Test func `tells what holds all jobs up`() throws {
        let small = try SmallSite()
        #expect(try !small.glance().contains("No job starts") && !small.glance().contains("let no job start"))
        try small.jobs.stall("The disk <is> full.", at: noon)
        #expect(try small.glance().contains("No job starts at present: The disk &lt;is&gt; full."))
        try small.jobs.drain(by: "root", at: noon)
        #expect(
            try small.glance().contains(
                "The administrator has let no job start since <time datetime=\"1970-01-01T12:00:00Z\">"))
    }
}

@Suite struct `The form of a script` {
    private func form(_ terms: Terms, _ lines: [String] = [], machine: Machine?) throws -> String {
        let small = try SmallSite(lines)
        if let machine { try small.jobs.found(machine) }
        let script = Script(name: "a.sh", path: "/a.sh", about: [], parameters: [], terms: terms)
        return small.text(try SubmitForm(site: small.site, visitor: small.visitor, script: script).page())
    }

    private static let machine = Machine(cpus: 8, memory: 32 << 30)

    @Test func `tells what a job gets, how long it may take, and what follows a failure`() throws {
        let whole = try form(.standard, machine: Self.machine)
        #expect(whole.contains("While it runs, it has the machine to itself.</p>"))
        let part = try form(.standard, ["default_cpus=2", "default_time_limit=1h"], machine: Self.machine)
        #expect(
            part.contains(
                "While it runs, it has 2 CPUs and 8 GiB of memory. It may run for 1 h, then it is stopped.</p>"))
        let terms = Terms(
            needs: Needs(cpus: 8, memory: 1 << 30), timeLimit: .days(2), retries: 1, isIdempotent: true,
            perUserLimit: 1,
            totalLimit: 4)
        #expect(
            try form(terms, ["default_time_limit=1h"], machine: Self.machine).contains(
                "While it runs, it has 8 CPUs and 1 GiB of memory. It may run for 2 d, then it is stopped. Of your jobs "
                    + "of this script, one runs at a time; of everybody&#39;s, at most 4 run. If it fails, it is tried again, "
                    + "once.</p>"))
        #expect(try !form(.standard, machine: nil).contains("While it runs"))
    }

    @Test func `is not offered for what the machine does not have`() throws {
        let page = try form(Terms(needs: Needs(cpus: 9)), machine: Self.machine)
        #expect(
            page.contains("This script needs 9 CPUs, and the machine has only 8 for jobs. So it cannot be submitted"))
        #expect(!page.contains("<button>Submit job</button>"))
        let large = try form(Terms(needs: Needs(memory: 64 << 30)), machine: Self.machine)
        #expect(large.contains("This script needs 64 GiB of memory, and the machine has only 32 GiB for jobs."))
        #expect(try form(Terms(needs: Needs(cpus: 9)), machine: nil).contains("<button>Submit job</button>"))
    }
}

@Suite struct `The list of jobs` {
    @Test func `shows the beginning of a long value`() throws {
        let small = try SmallSite()
        _ = try small.job(String(repeating: "&", count: 50_000))
        let list = try small.list()
        #expect(list.contains("value=&amp;&amp;"))
        #expect(list.contains("&amp;…</span>"))
        #expect(list.utf8.count < 10_000)
    }
}
