import Accounts
import EventLog
import JobQueue
import Linux
import SQLite
import Scripts
import Settings
import Storage
import TestSupport
import Testing

@testable import Pages
@testable import Web

private let noon = Instant(milliseconds: 43_200_000)

/// A site with one user, on a disk of its own, at noon.
private struct SmallSite {
    let scratch = ScratchDirectory()
    let site: Site
    let visitor: Visitor
    let jobs: JobStore

    init() throws {
        for folder in ["etc", "inbox", "outbox", "scripts", "state", "state/attempts"] { mkdir(scratch(folder), 0o755) }
        let database = try scratch.database()
        let file = try Descriptor.open(scratch("etc/ScriptRunner.conf"), O_WRONLY | O_CREAT, mode: 0o644)
        try file.write(Array("path_to_db=\(scratch.databasePath)\n".utf8))
        site = try Site(
            .jobs, settings: Settings.load(file: scratch("etc/ScriptRunner.conf")),
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

    private func write(_ text: String, to path: String) throws {
        try Descriptor.open(path, O_WRONLY | O_CREAT, mode: 0o644).write(Array(text.utf8))
    }

    func page(_ job: Job, note: String? = nil) throws -> String {
        text(try JobView(site: site, visitor: visitor, job: job).page(note: note))
    }

    func list() throws -> String { text(try JobList(site: site, visitor: visitor).page(Form())) }

    private func text(_ response: Response) -> String {
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
