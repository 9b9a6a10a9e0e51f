import Accounts
import Linux
import SQLite
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue

let noon = Instant(milliseconds: 43_200_000)
let week = Instant.Span.days(7)

/// A queue of this test's own, and people who use it.
struct Queue {
    let scratch = ScratchDirectory()
    let database: Database
    var jobs: JobStore

    init() throws {
        database = try scratch.unrestrictedDatabase()
        jobs = JobStore(database, actor: "test")
        try jobs.takeOver(pid: 1, bootID: "boot", version: "test", at: noon)
    }

    func user(_ name: String) throws -> UserID {
        if let known = try jobs.requester("\(name)@example.org") { return known }
        return try database.write {
            try database.run("INSERT INTO users (email, created_at) VALUES (\("\(name)@example.org"), 0)")
            return UserID(database.lastInsertedRow)
        }
    }

    func submit(
        _ name: String, script: String = "s.sh", parameters: [JobParameter] = [], terms: Terms = .standard,
        at instant: Instant = noon
    ) throws -> JobID {
        try jobs.submit(
            script: script, content: Array("#!/bin/sh\n".utf8), parameters: parameters, terms: terms, by: user(name),
            nonce: SubmissionNonce(), at: instant
        ).job
    }

    func job(_ id: JobID) throws -> Job { try #require(try jobs.job(id)) }

    /// Lets an attempt that was claimed run to its success.
    func finish(_ id: JobID, at now: Instant) throws {
        let attempt = try job(id).attempt
        try jobs.started(id, attempt: attempt, as: process, at: now)
        let isNew = try jobs.ended(
            id, attempt: attempt, Ending(state: .succeeded, exitCode: 0), keepingFor: week, at: now)
        #expect(isNew != nil)
    }
}

let process = StartedProcess(bootID: "boot", guardPID: 10, scriptPID: 12, scriptStart: 99)

@Suite struct `Submitting a job` {
    @Test func `makes one job of one form, however often it is sent`() throws {
        let queue = try Queue()
        let nonce = SubmissionNonce()
        let ada = try queue.user("ada")
        let results = try (1...3).map { _ in
            try queue.jobs.submit(script: "s.sh", content: [1], parameters: [], by: ada, nonce: nonce, at: noon)
        }
        #expect(results == [.queued(results[0].job), .already(results[0].job), .already(results[0].job)])
        // The same nonce from another person's form is another job.
        let other = try queue.jobs.submit(
            script: "s.sh", content: [1], parameters: [], by: queue.user("grace"), nonce: nonce, at: noon)
        #expect(other.job != results[0].job)
        #expect(try queue.jobs.list(.newest, of: nil, limit: 9).count == 2)
    }

    @Test func `keeps parameters exactly, in their order`() throws {
        let queue = try Queue()
        let values = [
            "", "a,b=c", "\"quoted\" 'too'", "line\nline\r\n\ttab", "Ω \u{1F9EC} e\u{301}", "'); DROP TABLE jobs; --",
        ]
        let parameters = values.enumerated().map { JobParameter(name: "p\($0.offset)", kind: .text, value: $0.element) }
        let job = try queue.submit("ada", parameters: parameters)
        #expect(try queue.jobs.parameters(of: job) == parameters)
    }

    @Test func `keeps the script as it was`() throws {
        let queue = try Queue()
        let job = try queue.submit("ada")
        let hash = try #require(try queue.jobs.job(job)).scriptHash
        #expect(try queue.jobs.scriptCopy(hash) == Array("#!/bin/sh\n".utf8))
    }

    @Test func `loses nothing when four clients submit at once`() throws {
        let queue = try Queue()
        let ada = try queue.user("ada")
        let path = queue.scratch.databasePath
        withThreads(4) { _ in
            guard let database = try? Storage.open(path, as: .submit) else { return }
            let jobs = JobStore(database, actor: "submit")
            for _ in 1...25 {
                _ = try? jobs.submit(
                    script: "s.sh", content: [1], parameters: [], by: ada, nonce: SubmissionNonce(), at: noon)
            }
        }
        #expect(try queue.jobs.list(.newest, of: ada, limit: 1000).count == 100)
    }
}

@Suite struct `Claiming a job` {
    @Test func `hands out each job once`() throws {
        let queue = try Queue()
        let jobs = try (1...3).map { _ in try queue.submit("ada") }
        let claimed = try (1...4).map { _ in try queue.jobs.claimNext(at: noon)?.job.id }
        #expect(claimed == [jobs[0], jobs[1], jobs[2], nil])
        #expect(try queue.jobs.live().map(\.attempt) == [1, 1, 1])
    }

    @Test func `does not put a newcomer behind the forty jobs of another`() throws {
        let queue = try Queue()
        for _ in 1...40 { _ = try queue.submit("ada") }
        let newcomer = try queue.submit("grace", at: noon + .seconds(1))
        _ = try queue.jobs.claimNext(at: noon + .seconds(2))
        #expect(try queue.jobs.claimNext(at: noon + .seconds(3))?.job.id == newcomer)
    }

    @Test func `takes turns between requesters even with one slot`() throws {
        let queue = try Queue()
        for _ in 1...3 { _ = try queue.submit("ada") }
        for _ in 1...3 { _ = try queue.submit("grace") }
        var order: [String] = []
        var now = noon
        while let attempt = try queue.jobs.claimNext(at: now) {
            order.append(String(attempt.job.requesterEmail.prefix { $0 != "@" }))
            now = now + .seconds(1)
            try queue.jobs.started(attempt.job.id, attempt: 1, as: process, at: now)
            try queue.jobs.ended(
                attempt.job.id, attempt: 1, Ending(state: .succeeded, exitCode: 0), keepingFor: week, at: now)
        }
        #expect(order == ["ada", "grace", "ada", "grace", "ada", "grace"])
    }

    @Test func `prefers higher priority, and leaves held and delayed jobs alone`() throws {
        let queue = try Queue()
        let plain = try queue.submit("ada")
        let held = try queue.submit("ada")
        let later = try queue.submit("grace")
        let urgent = try queue.submit("ada")
        try queue.database.write {
            try queue.database.run("UPDATE jobs SET held = 1 WHERE id = \(held)")
            try queue.database.run("UPDATE jobs SET not_before = \(noon + .hours(1)) WHERE id = \(later)")
            try queue.database.run("UPDATE jobs SET priority = 5 WHERE id = \(urgent)")
        }
        #expect(try (1...3).map { _ in try queue.jobs.claimNext(at: noon)?.job.id } == [urgent, plain, nil])
        #expect(try queue.jobs.claimNext(at: noon + .hours(2))?.job.id == later)
    }

    @Test func `is refused to a worker whose time is over`() throws {
        let queue = try Queue()
        _ = try queue.submit("ada")
        var successor = JobStore(queue.database, actor: "worker")
        try successor.takeOver(pid: 2, bootID: "boot", version: "test", at: noon)
        #expect(throws: JobStore.Superseded.self) { try queue.jobs.claimNext(at: noon) }
        #expect(try successor.claimNext(at: noon) != nil)
    }
}

@Suite struct `A job's life` {
    @Test func `is told by its events, whatever is imported twice`() throws {
        let queue = try Queue()
        let job = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon + .seconds(1))
        #expect(try queue.jobs.started(job, attempt: 1, as: process, at: noon + .seconds(2)))
        #expect(try !queue.jobs.started(job, attempt: 1, as: process, at: noon + .seconds(3)))
        let ending = Ending(state: .failed, exitCode: 3, reason: "The script exited with status 3.")
        #expect(try queue.jobs.ended(job, attempt: 1, ending, keepingFor: week, at: noon + .seconds(4)) == [])
        #expect(try queue.jobs.ended(job, attempt: 1, ending, keepingFor: week, at: noon + .seconds(5)) == nil)
        #expect(try queue.jobs.events(of: job).map(\.to) == [.queued, .starting, .running, .failed])
        let over = try #require(try queue.jobs.job(job))
        #expect(over.startedAt == noon + .seconds(2))
        #expect(over.endedAt == noon + .seconds(4))
        #expect(over.exitCode == 3)
        #expect(over.expiresAt == noon + .seconds(4) + week)
    }

    @Test func `goes on with another attempt when one never began, and the old attempt cannot speak for it`() throws {
        let queue = try Queue()
        let job = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon)
        #expect(try queue.jobs.returnToQueue(job, attempt: 1, notBefore: noon, at: noon, because: "no supervisor"))
        #expect(try queue.jobs.claimNext(at: noon)?.number == 2)
        #expect(try !queue.jobs.started(job, attempt: 1, as: process, at: noon))
        #expect(
            try queue.jobs.ended(job, attempt: 1, Ending(state: .lost), keepingFor: week, at: noon) == nil)
        #expect(try queue.jobs.job(job)?.state == .starting)
    }

    @Test func `never ends in success without the exit status 0`() throws {
        let queue = try Queue()
        let job = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon)
        try queue.jobs.started(job, attempt: 1, as: process, at: noon)
        #expect(throws: SQLiteError.self) {
            try queue.jobs.ended(job, attempt: 1, Ending(state: .succeeded), keepingFor: week, at: noon)
        }
        #expect(try queue.jobs.job(job)?.state == .running)
    }

    @Test func `is cancelled at once while it waits, and by a wish while it runs`() throws {
        let queue = try Queue()
        let ada = try queue.user("ada")
        let waiting = try queue.submit("ada")
        #expect(try queue.jobs.stop(waiting, of: queue.user("grace"), keepingFor: week, at: noon) == nil)
        #expect(try queue.jobs.stop(waiting, of: ada, keepingFor: week, at: noon) == .cancelled(followers: []))
        #expect(try queue.jobs.stop(waiting, of: ada, keepingFor: week, at: noon) == .over)
        #expect(try queue.jobs.claimNext(at: noon) == nil)

        let running = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon)
        try queue.jobs.started(running, attempt: 1, as: process, at: noon)
        #expect(try queue.jobs.stop(running, of: ada, keepingFor: week, at: noon) == .requested)
        #expect(try queue.jobs.job(running)?.stopRequestedAt == noon)
        #expect(try queue.jobs.stopping(running, attempt: 1, at: noon))
        #expect(try queue.jobs.job(running)?.state == .stopping)
    }
}

@Suite struct `The list of jobs` {
    @Test func `is cut into pages by key, for everybody or one requester`() throws {
        let queue = try Queue()
        let ada = try (1...5).map { _ in
            _ = try queue.submit("grace")
            return try queue.submit("ada")
        }
        let user = try queue.user("ada")
        #expect(try queue.jobs.list(.newest, of: user, limit: 2).map(\.id) == [ada[4], ada[3]])
        #expect(try queue.jobs.list(.before(ada[3]), of: user, limit: 2).map(\.id) == [ada[2], ada[1]])
        #expect(try queue.jobs.list(.after(ada[1]), of: user, limit: 2).map(\.id) == [ada[3], ada[2]])
        #expect(try queue.jobs.list(.newest, of: nil, limit: 50).count == 10)
        #expect(try queue.jobs.list(.newest, of: nil, limit: 50).map(\.id.number) == (1...10).reversed())
    }

    @Test func `is found by index, never by a scan or a sort`() throws {
        let queue = try Queue()
        for query in [
            """
            EXPLAIN QUERY PLAN SELECT \(Job.columns) FROM jobs CROSS JOIN users ON users.id = user_id
             WHERE jobs.id < \(Int64.max) ORDER BY jobs.id DESC LIMIT 50
            """,
            """
            EXPLAIN QUERY PLAN SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
             WHERE user_id = \(1) AND jobs.id < \(Int64.max) ORDER BY jobs.id DESC LIMIT 50
            """,
        ] as [SQL] {
            let database = try Database(path: queue.scratch.databasePath)
            let plan = try database.all(query) { $0.text(3) }
            #expect(!plan.isEmpty)
            #expect(plan.allSatisfy { !$0.hasPrefix("SCAN") && !$0.contains("TEMP B-TREE") }, "\(plan)")
        }
    }
}
