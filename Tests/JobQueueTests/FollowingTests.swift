import Linux
import SQLite
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue
@testable import SQLite

extension Queue {
    /// Queues a job of Ada's that follows these.
    func submit(
        after jobs: JobID..., reading parameters: [JobParameter] = [], by name: String = "ada",
        at instant: Instant = noon
    ) throws -> JobID {
        try self.jobs.submit(
            script: "s.sh", content: Array("#!/bin/sh\n".utf8), parameters: parameters, after: jobs, by: user(name),
            nonce: SubmissionNonce(), at: instant
        ).job
    }

    /// Lets a waiting job come to this end.
    @discardableResult
    func end(_ id: JobID, _ state: JobState, at now: Instant = noon) throws -> [JobID]? {
        let attempt = try #require(try jobs.claimNext(at: now))
        #expect(attempt.job.id == id)
        try jobs.started(id, attempt: attempt.number, as: process, at: now)
        if state == .cancelled { try jobs.stopping(id, attempt: attempt.number, at: now) }
        return try jobs.ended(
            id, attempt: attempt.number, Ending(state: state, exitCode: state == .succeeded ? 0 : nil),
            keepingFor: week, at: now)
    }

    func state(_ id: JobID) throws -> JobState { try job(id).state }

    func sentence(_ id: JobID) throws -> String? {
        try jobs.wait(of: job(id), limits: Limits(), at: noon)?.sentence
    }
}

@Suite struct `A job that follows others` {
    let queue: Queue
    init() throws { queue = try Queue() }

    @Test func `starts once all of them have succeeded, and says so until then`() throws {
        let first = try queue.submit("ada")
        let second = try queue.submit("ada")
        let follower = try queue.submit(after: first, second)
        #expect(
            try queue.sentence(follower)
                == "It follows jobs #\(first) and #\(second), which have to succeed first.")
        #expect(try queue.end(first, .succeeded) == [])
        #expect(try queue.sentence(follower) == "It follows job #\(second), which has to succeed first.")
        #expect(
            try queue.jobs.claim(
                upTo: 9, fitting: Machine(cpus: 9, memory: 9 << 30), limits: Limits(defaultNeeds: Needs(cpus: 1)),
                at: noon
            ).map(\.job.id) == [second])
        try queue.finish(second, at: noon)
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == follower)
        #expect(
            try queue.jobs.events(of: follower).map(\.detail) == [
                "", "Job #\(second) has succeeded, and with it all that this one follows.", "",
            ])
    }

    @Test func `waits for nothing where they have succeeded before it comes`() throws {
        let first = try queue.submit("ada")
        try queue.end(first, .succeeded)
        let follower = try queue.submit(after: first)
        #expect(try queue.jobs.followed(by: follower).map(\.id) == [first])
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == follower)
    }

    @Test(arguments: JobState.allCases.filter { $0.isOver && $0 != .succeeded })
    func `is cancelled with those that follow it, when one of them ends otherwise`(state: JobState) throws {
        let first = try queue.submit("ada")
        let second = try queue.submit(after: first)
        let third = try queue.submit(after: second)
        let both = try queue.submit(after: first, third)
        let other = try queue.submit("ada")
        #expect(try queue.end(first, state) == [second, both, third])
        for (job, cause) in [(second, (first, state)), (third, (second, .cancelled)), (both, (first, state))] {
            let end = try queue.job(job)
            #expect(end.state == .cancelled && end.endedAt == noon && end.expiresAt == noon + week)
            #expect(
                end.reason
                    == "Job #\(cause.0), which it was to follow, \(cause.1.clause). So it was not started.")
            #expect(try queue.jobs.events(of: job).last?.detail == end.reason)
            #expect(try queue.jobs.events(of: job).last?.to == .cancelled)
        }
        #expect(try queue.jobs.countOfFollowers(of: first, in: .cancelled) == 3)
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == other)
        #expect(try queue.jobs.claimNext(at: noon) == nil)
    }

    @Test func `goes with one that is cancelled before it starts, by whomever`() throws {
        let ada = try queue.user("ada")
        let first = try queue.submit("ada")
        let second = try queue.submit(after: first)
        let third = try queue.submit(after: second)
        #expect(
            try queue.jobs.stop(second, of: ada, keepingFor: week, at: noon) == .cancelled(followers: [third]))
        #expect(try queue.state(first) == .queued)
        let fourth = try queue.submit(after: first)
        #expect(
            try queue.jobs.stopByAdmin(first, keepingFor: week, at: noon) == .cancelled(followers: [fourth]))
        #expect(
            try queue.job(fourth).reason
                == "Job #\(first), which it was to follow, was cancelled. So it was not started."
        )
    }

    @Test func `waits on while another attempt follows`() throws {
        let first = try queue.submit("ada", terms: Terms(retries: 1, isIdempotent: true))
        let follower = try queue.submit(after: first)
        for (number, state) in [(1, JobState.failed), (2, .lost)] {
            #expect(try queue.jobs.claimNext(at: noon + .hours(Int64(number)))?.number == number)
            try queue.jobs.started(first, attempt: number, as: process, at: noon)
            #expect(
                try queue.jobs.endedWithRetry(
                    first, attempt: number, Ending(state: state), pause: .seconds(1), at: noon) != nil)
            #expect(try queue.job(follower).isAwaiting)
        }
        // Nor is a start that came to nothing an end.
        #expect(try queue.jobs.claimNext(at: noon + .hours(3))?.number == 3)
        try queue.jobs.returnToQueue(first, attempt: 3, notBefore: noon, at: noon, because: "no supervisor")
        #expect(try queue.job(follower).isAwaiting)
        try queue.end(first, .succeeded)
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == follower)
    }

    @Test func `is held and released by the admin as any other`() throws {
        let first = try queue.submit("ada")
        let follower = try queue.submit(after: first)
        #expect(try queue.jobs.release(follower, at: noon) == .already)
        #expect(try !queue.job(follower).isHeld)
        #expect(try queue.jobs.hold(follower, at: noon) == .done)
        #expect(try queue.jobs.hold(follower, at: noon) == .already)
        try queue.end(first, .succeeded)
        #expect(try queue.job(follower).isHeld && !queue.job(follower).isAwaiting)
        #expect(try queue.jobs.claimNext(at: noon) == nil)
        #expect(try queue.jobs.release(follower, at: noon) == .done)
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == follower)

        let second = try queue.submit("ada")
        let other = try queue.submit(after: second)
        _ = try queue.jobs.hold(other, at: noon)
        #expect(try queue.jobs.release(other, at: noon) == .done)
        // It is not started by that.
        #expect(try queue.job(other).isAwaiting)
        #expect(try queue.jobs.setPriority(other, to: 5, at: noon) == .done)
        try queue.end(second, .succeeded)
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == other)
    }

    @Test func `wakes nobody and is in nobody's way`() throws {
        let first = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon)
        let follower = try queue.submit(after: first)
        let newcomer = try queue.submit("ada")
        #expect(try queue.jobs.nextDue(after: noon) == nil)
        #expect(try queue.jobs.place(of: queue.job(newcomer), at: noon) == 0)
        _ = try queue.jobs.claimNext(at: noon)
        #expect(try !queue.jobs.isAnybodyWaiting())
        #expect(try queue.jobs.waiting(limit: 9).map(\.id) == [follower])
    }

    @Test func `follows the requester's own jobs alone, that have succeeded or may still`() throws {
        let hers = try queue.submit("grace")
        let failed = try queue.submit("ada")
        try queue.end(hers, .succeeded)
        try queue.end(failed, .failed)
        let count = { try queue.database.first("SELECT count(*) FROM jobs") { $0.int(0) } }
        let before = try count()
        for other in [hers, failed, JobID(99)] {
            #expect(throws: CannotFollow(job: other)) { try queue.submit(after: other) }
            #expect(throws: CannotFollow(job: other)) {
                try queue.submit(
                    reading: [JobParameter(name: "f", kind: .result, value: "x", source: other)])
            }
        }
        #expect(try count() == before)
    }

    @Test func `follows so many and no more`() throws {
        try queue.database.write {
            let jobs = try (0...JobStore.mostFollowed).map { _ in try queue.submit("ada") }
            func follow(_ jobs: some Collection<JobID>) throws -> JobID {
                try queue.jobs.submit(
                    script: "s.sh", content: [1], parameters: [], after: Array(jobs), by: queue.user("ada"),
                    nonce: SubmissionNonce(), at: noon
                ).job
            }
            let follower = try follow(jobs.dropLast())
            #expect(
                try queue.sentence(follower)
                    == "It follows jobs #1, #2, #3, #4, #5 and 95 more, which have to succeed first.")
            // Naming one twice is naming it once.
            _ = try follow(jobs.dropLast() + [jobs[0]])
        }
        let all = (1...101).map { JobID($0) }
        #expect(throws: CannotFollow(job: nil)) {
            try queue.jobs.submit(
                script: "s.sh", content: [1], parameters: [], after: all, by: queue.user("ada"),
                nonce: SubmissionNonce(), at: noon)
        }
    }

    @Test func `follows whose files it reads, without being told to`() throws {
        let first = try queue.submit("ada")
        let files = ["a", "b"].map { JobParameter(name: "f", kind: .result, value: $0, source: first) }
        let follower = try queue.submit(reading: files)
        #expect(try queue.jobs.parameters(of: follower) == files)
        #expect(try queue.jobs.followed(by: follower).map(\.id) == [first])
        #expect(try queue.jobs.followers(of: first, limit: 9).map(\.id) == [follower])
        #expect(try queue.job(follower).isAwaiting)
    }

    @Test func `is older than none that it follows, so none waits for itself`() throws {
        let first = try queue.submit("ada")
        let second = try queue.submit("ada")
        for (job, after) in [(first, second), (first, first)] {
            #expect(throws: SQLiteError.self) {
                try queue.database.write {
                    try queue.database.run("INSERT INTO job_dependencies VALUES (\(job), \(after))")
                }
            }
        }
    }

    @Test func `cannot be let start early, whatever a program of an earlier release does`() throws {
        let follower = try queue.submit(after: queue.submit("ada"))
        #expect(throws: SQLiteError.self) {
            try queue.database.write { try queue.database.run("UPDATE jobs SET held = 0 WHERE id = \(follower)") }
        }
    }

    @Test func `is not forgotten where a worker of an earlier release ended the other`() throws {
        let (first, second, third) = (try queue.submit("ada"), try queue.submit("ada"), try queue.submit("ada"))
        let ready = try queue.submit(after: first)
        let waiting = try queue.submit(after: first, third)
        let hopeless = try queue.submit(after: second)
        let last = try queue.submit(after: hopeless)
        for (job, state) in [(first, "succeeded"), (second, "failed")] {
            _ = try queue.jobs.claimNext(at: noon)
            try queue.jobs.started(job, attempt: 1, as: process, at: noon)
            let code = state == "succeeded" ? 0 : 1
            try queue.database.write {
                try queue.database.run(
                    "UPDATE jobs SET state = \(state), ended_at = \(noon), exit_code = \(code) WHERE id = \(job)")
            }
        }
        #expect(try queue.jobs.settleOverlooked(keepingFor: week, at: noon) == [hopeless, last])
        #expect(try queue.jobs.settleOverlooked(keepingFor: week, at: noon) == [])
        #expect(try queue.job(waiting).isAwaiting)
        #expect(try !queue.job(ready).isAwaiting)
    }

    @Test func `may be several that were submitted together, which are over together`() throws {
        let (first, second) = (try queue.submit("ada"), try queue.submit("ada"))
        func sweep(_ sources: [JobID]) throws -> (jobs: [Job], id: SweepID) {
            let files = sources.map { [JobParameter(name: "f", kind: .result, value: "x", source: $0)] }
            let job = try queue.jobs.submit(
                script: "s.sh", content: [1], sweep: files, after: [first], by: queue.user("ada"),
                nonce: SubmissionNonce(), at: noon
            ).job
            let id = try #require(try queue.job(job).sweep)
            return (try queue.jobs.jobs(of: id), id)
        }
        let (both, each) = (try sweep([first, first]), try sweep([first, second]))
        #expect(try queue.jobs.followed(by: each.jobs[0].id).map(\.id) == [first])
        #expect(try queue.jobs.followed(by: each.jobs[1].id).map(\.id) == [first, second])
        try queue.end(first, .succeeded)
        #expect(try both.jobs.map { try queue.job($0.id).isAwaiting } == [false, false])
        #expect(try each.jobs.map { try queue.job($0.id).isAwaiting } == [false, true])
        _ = try queue.jobs.stop(each.jobs[0].id, of: queue.user("ada"), keepingFor: week, at: noon)
        #expect(try queue.job(each.jobs[0].id).expiresAt == nil)
        #expect(try queue.end(second, .failed) == [each.jobs[1].id])
        #expect(try queue.jobs.sweep(each.id)?.endedAt == noon)
        #expect(try each.jobs.map { try queue.job($0.id).expiresAt } == [noon + week, noon + week])
        #expect(try queue.jobs.sweep(both.id)?.endedAt == nil)
    }

    @Test func `is told of to pages, and recent jobs are the newest first`() throws {
        let jobs = try (1...4).map { _ in try queue.submit("ada") }
        _ = try queue.submit("grace")
        try queue.end(jobs[0], .succeeded)
        let ada = try queue.user("ada")
        #expect(try queue.jobs.recent(of: ada, succeeded: true, limit: 9).map(\.id) == [jobs[0]])
        #expect(try queue.jobs.recent(of: ada, succeeded: false, limit: 2).map(\.id) == [jobs[3], jobs[2]])
    }
}

@Suite struct `Very many followers` {
    @Test func `cost a claim nothing`() throws {
        let queue = try Queue()
        let steps = { (count: Int) throws -> Int in
            let first = try queue.submit("ada")
            try queue.database.write {
                for number in 1...count { _ = try queue.submit(after: first, at: noon + .milliseconds(Int64(number))) }
            }
            let before = queue.database.instructions
            let limits = Limits(defaultNeeds: Needs(cpus: 1))
            let machine = Machine(cpus: 1, memory: 1 << 30)
            #expect(try queue.jobs.claim(upTo: 1, fitting: machine, limits: limits, at: noon).map(\.job.id) == [first])
            let steps = queue.database.instructions - before
            try queue.jobs.started(first, attempt: 1, as: process, at: noon)
            try queue.jobs.ended(first, attempt: 1, Ending(state: .failed), keepingFor: week, at: noon)
            return steps
        }
        let few = try steps(10)
        let many = try steps(10_000)
        #expect(many == few)
    }

    @Test func `are found by an index, and so is what they await`() throws {
        let queue = try Queue()
        let (job, ada) = (JobID(1), UserID(1))
        let queries: [SQL] = [
            JobStore.awaitingQuery(job), JobStore.awaitedQuery(by: job, limit: 1), JobStore.followedQuery(by: job),
            JobStore.followersQuery(of: job, limit: 9), JobStore.countQuery(of: job, in: .queued),
            JobStore.neededQuery(job), JobStore.forgetFollowed(by: job, limit: 9),
            JobStore.forgetFollowers(of: job, limit: 9), JobStore.overlookedQuery,
            JobStore.recentQuery(of: ada, succeeded: true, limit: 9),
        ]
        // What they step through one by one is bounded: the chain that was found, and the newest jobs of a requester.
        let small = ["SCAN follower", "SCAN (subquery-1)", "SCAN follower USING INDEX jobs_held"]
        for query in queries {
            let plan = try queue.database.all("EXPLAIN QUERY PLAN \(query)") { $0.text(3) }
            #expect(!plan.isEmpty)
            #expect(plan.allSatisfy { !$0.hasPrefix("SCAN") || small.contains($0) }, "\(query.text): \(plan)")
        }
    }
}
