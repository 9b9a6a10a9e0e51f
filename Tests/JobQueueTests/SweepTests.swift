import Linux
import SQLite
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue

@Suite struct `A sweep` {
    let queue: Queue
    init() throws { queue = try Queue() }

    private func submit(_ values: [String], nonce: SubmissionNonce = SubmissionNonce()) throws -> JobID {
        try queue.jobs.submit(
            script: "s.sh", content: [1],
            sweep: values.map { [JobParameter(name: "k", kind: .text, value: $0)] }, by: queue.user("ada"),
            nonce: nonce,
            at: noon
        ).job
    }

    @Test func `is as many jobs as there are lists of values, one after another`() throws {
        let first = try submit(["a", "b", "c"])
        let sweep = try #require(try queue.job(first).sweep)
        let jobs = try queue.jobs.jobs(of: sweep)
        #expect(jobs.map(\.id.number) == (first.number...first.number + 2).map { $0 })
        #expect(try jobs.map { try queue.jobs.parameters(of: $0.id).map(\.value) } == [["a"], ["b"], ["c"]])
        #expect(Set(jobs.map(\.uid)).count == 3)
        #expect(try jobs.allSatisfy { try queue.jobs.events(of: $0.id).map(\.to) == [.queued] })
        let known = try #require(try queue.jobs.sweep(sweep))
        #expect((known.size, known.script, known.requesterEmail) == (3, "s.sh", "ada@example.org"))
        #expect(known.endedAt == nil)
    }

    @Test func `of one job is none`() throws {
        let only = try submit(["a"])
        #expect(try queue.job(only).sweep == nil)
        #expect(try queue.database.first("SELECT count(*) FROM sweeps") { $0.int(0) } == 0)
    }

    @Test func `is made once by a form that is sent twice`() throws {
        let nonce = SubmissionNonce()
        let first = try submit(["a", "b"], nonce: nonce)
        #expect(try submit(["a", "b"], nonce: nonce) == first)
        #expect(try queue.database.first("SELECT count(*) FROM jobs") { $0.int(0) } == 2)
    }

    @Test func `is made whole or not at all`() throws {
        let ada = try queue.user("ada")
        let good = [JobParameter(name: "k", kind: .text, value: "a")]
        let bad = [JobParameter(name: "k", kind: .input, value: "gone", file: FileID(99))]
        #expect(throws: SQLiteError.self) {
            _ = try queue.jobs.submit(
                script: "s.sh", content: [1], sweep: [good, bad], by: ada, nonce: SubmissionNonce(), at: noon)
        }
        #expect(try queue.database.first("SELECT count(*) FROM jobs") { $0.int(0) } == 0)
        #expect(try queue.database.first("SELECT count(*) FROM sweeps") { $0.int(0) } == 0)
    }

    @Test func `is over with the last of its jobs, and all of them go together`() throws {
        let first = try submit(["a", "b", "c"])
        let sweep = try #require(try queue.job(first).sweep)
        let ids = try queue.jobs.jobs(of: sweep).map(\.id)
        let ada = try queue.user("ada")
        let attempt = try #require(try queue.jobs.claimNext(at: noon))
        try queue.finish(attempt.job.id, at: noon + .hours(1))
        #expect(
            try queue.jobs.stop(ids[2], of: ada, keepingFor: week, at: noon + .hours(2)) == .cancelled(followers: []))
        #expect(try ids.map { try queue.job($0).expiresAt } == [nil, nil, nil])
        #expect(try queue.jobs.sweep(sweep)?.endedAt == nil)
        #expect(try queue.jobs.standing(of: sweep) == [.succeeded: 1, .cancelled: 1, .queued: 1])
        _ = try #require(try queue.jobs.claimNext(at: noon))
        try queue.finish(ids[1], at: noon + .hours(3))
        #expect(try queue.jobs.sweep(sweep)?.endedAt == noon + .hours(3))
        #expect(try ids.map { try queue.job($0).expiresAt } == Array(repeating: noon + .hours(3) + week, count: 3))
    }

    @Test func `is over too when its last job is cancelled before it starts`() throws {
        let first = try submit(["a", "b"])
        let sweep = try #require(try queue.job(first).sweep)
        for job in try queue.jobs.jobs(of: sweep) {
            #expect(try queue.jobs.stopByAdmin(job.id, keepingFor: week, at: noon) == .cancelled(followers: []))
        }
        #expect(try queue.jobs.sweep(sweep)?.endedAt == noon)
    }

    @Test func `is gone with the last of its rows`() throws {
        let first = try submit(["a", "b"])
        let sweep = try #require(try queue.job(first).sweep)
        let jobs = try queue.jobs.jobs(of: sweep)
        for job in jobs { _ = try queue.jobs.stopByAdmin(job.id, keepingFor: week, at: noon) }
        let expired = try queue.jobs.expired(after: nil, limit: 9, at: noon + week)
        #expect(expired.map(\.id) == jobs.map(\.id))
        #expect(try queue.jobs.forget(jobs[0].id, limit: 100).isGone)
        #expect(try queue.jobs.sweep(sweep) != nil)
        #expect(try queue.jobs.forget(jobs[1].id, limit: 100).isGone)
        #expect(try queue.jobs.sweep(sweep) == nil)
    }

    @Test func `stands in lists with its last job, and counts as one`() throws {
        let before = try queue.submit("ada")
        let first = try submit(["a", "b", "c"])
        let after = try queue.submit("ada")
        let last = JobID(first.number + 2)
        let ada = try queue.user("ada")
        for requester in [nil, ada] {
            func list(_ slice: JobStore.Slice, _ limit: Int) throws -> [JobID] {
                try queue.jobs.list(slice, of: requester, limit: limit, foldingSweeps: true).map(\.id)
            }
            #expect(try list(.newest, 9) == [after, last, before])
            #expect(try list(.before(after), 1) == [last] && list(.before(last), 1) == [before])
            #expect(try list(.after(before), 9) == [after, last])
            #expect(try queue.jobs.list(.newest, of: requester, limit: 9).count == 5)
        }
    }

    @Test func `is asked about by its index`() throws {
        let plan = try queue.database.all("EXPLAIN QUERY PLAN \(JobStore.unfinishedQuery(of: SweepID(1)))") {
            $0.text(3)
        }
        #expect(plan == ["SEARCH jobs USING COVERING INDEX jobs_by_sweep (sweep_id=? AND state=?)"])
    }
}

@Suite struct `What would become of a job` {
    let queue: Queue
    init() throws { queue = try Queue() }

    private func outlook(_ name: String, _ terms: Terms = .standard, limits: Limits = Limits()) throws -> Wait {
        try queue.jobs.outlook(of: "s.sh", terms, by: queue.user(name), limits: limits, at: noon)
    }

    @Test func `is told without one being there`() throws {
        #expect(try outlook("ada") == .next)
        #expect(try queue.database.first("SELECT count(*) FROM jobs") { $0.int(0) } == 0)
    }

    @Test func `is as of a job that is submitted then`() throws {
        for name in ["ada", "ada", "grace", "linus", "ada"] {
            let expected = try outlook(name)
            let id = try queue.submit(name)
            #expect(try queue.jobs.wait(of: queue.job(id), limits: Limits(), at: noon) == expected)
        }
        #expect(try outlook("newcomer") == .behind(3))
        #expect(try outlook("ada") == .behind(5))
    }

    @Test func `depends on what runs and on what it needs`() throws {
        let machine = Machine(cpus: 4, memory: 4 << 30)
        try queue.jobs.found(machine)
        _ = try queue.submit("ada", terms: Terms(needs: Needs(cpus: 3), perUserLimit: 1))
        _ = try queue.jobs.claim(upTo: 1, fitting: machine, limits: Limits(), at: noon)
        #expect(try outlook("grace", Terms(needs: Needs(cpus: 1))) == .next)
        #expect(
            try outlook("grace", Terms(needs: Needs(cpus: 2, memory: 1 << 30)))
                == .room(cpus: 2, memory: 1 << 30, freeCPUs: 1, freeMemory: 1 << 30))
        #expect(try outlook("ada", Terms(needs: Needs(cpus: 1), perUserLimit: 1)) == .limit(.scriptPerUser(1)))
        try queue.jobs.drain(by: "root", at: noon)
        #expect(try outlook("grace") == .drained(since: noon))
    }

    @Test func `takes as long as the latest that succeeded`() throws {
        func run(_ seconds: Int64, _ state: JobState) throws {
            let id = try queue.submit("ada")
            _ = try queue.jobs.claimNext(at: noon)
            try queue.jobs.started(id, attempt: 1, as: process, at: noon)
            let ending = Ending(state: state, exitCode: state == .succeeded ? 0 : 1)
            try queue.jobs.ended(id, attempt: 1, ending, keepingFor: week, at: noon + .seconds(seconds))
        }
        try run(1, .failed)
        for seconds in [50, 10, 30] { try run(Int64(seconds), .succeeded) }
        let copy = try queue.job(JobID(1)).scriptHash
        #expect(try queue.jobs.durations(ofCopy: copy) == [.seconds(10), .seconds(30), .seconds(50)])
        #expect(try queue.jobs.durations(ofCopy: [1]) == [])
        for seconds in 1...JobStore.mostDurations { try run(Int64(seconds), .succeeded) }
        #expect(try queue.jobs.durations(ofCopy: copy).last == .seconds(Int64(JobStore.mostDurations)))
        let plan = try queue.database.all("EXPLAIN QUERY PLAN \(JobStore.durationsQuery(ofCopy: copy))") { $0.text(3) }
        #expect(plan.contains("SEARCH jobs USING INDEX jobs_by_script_copy (script_hash=?)"))
        #expect(!plan.contains { $0.contains("TEMP B-TREE") })
    }
}
