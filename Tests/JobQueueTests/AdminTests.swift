import Linux
import SQLite
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue

@Suite struct `The admin` {
    let queue: Queue
    init() throws { queue = try Queue() }

    @Test func `stops new starts and lets them go on, while what runs is left alone`() throws {
        let running = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon)
        try queue.jobs.started(running, attempt: 1, as: process, at: noon)
        let waiting = try queue.submit("ada")
        #expect(try queue.jobs.drain(by: "root", at: noon))
        #expect(try !queue.jobs.drain(by: "somebody", at: noon + .seconds(1)))
        let standing = try queue.jobs.queueStanding()
        #expect(standing.drainedAt == noon)
        #expect(standing.drainedBy == "root")
        #expect(try queue.jobs.claimNext(at: noon) == nil)
        try queue.jobs.ended(
            running, attempt: 1, Ending(state: .succeeded, exitCode: 0), keepingFor: week, at: noon)
        #expect(try queue.jobs.claimNext(at: noon) == nil)
        #expect(try queue.jobs.resume())
        #expect(try !queue.jobs.resume())
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == waiting)
    }

    @Test func `holds, releases and moves jobs that wait, and no others`() throws {
        let first = try queue.submit("ada")
        let second = try queue.submit("ada")
        #expect(try queue.jobs.hold(first, at: noon) == .done)
        #expect(try queue.jobs.hold(first, at: noon) == .already)
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == second)
        #expect(try queue.jobs.hold(second, at: noon) == .notWaiting(.starting))
        #expect(try queue.jobs.setPriority(second, to: 5, at: noon) == .notWaiting(.starting))
        #expect(try queue.jobs.release(first, at: noon) == .done)
        #expect(try queue.jobs.release(first, at: noon) == .already)
        let third = try queue.submit("ada")
        #expect(try queue.jobs.setPriority(third, to: 5, at: noon) == .done)
        #expect(try queue.jobs.setPriority(third, to: 5, at: noon) == .already)
        #expect(try queue.jobs.claimNext(at: noon)?.job.id == third)
        for verb in [queue.jobs.hold, queue.jobs.release] { #expect(try verb(JobID(99), noon) == nil) }
        #expect(try queue.jobs.setPriority(JobID(99), to: 1, at: noon) == nil)
        #expect(
            try queue.jobs.events(of: first).map(\.detail) == [
                "", "Held by the administrator.", "Released by the administrator.",
            ])
        #expect(try queue.jobs.events(of: third)[1].detail == "Priority 5, by the administrator.")
    }

    @Test func `cancels anybody's job, and it is told who did`() throws {
        let running = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon)
        try queue.jobs.started(running, attempt: 1, as: process, at: noon)
        let waiting = try queue.submit("grace")
        #expect(try queue.jobs.stopByAdmin(waiting, keepingFor: week, at: noon) == .cancelled(followers: []))
        let over = try queue.job(waiting)
        #expect(over.reason == "Cancelled by the administrator before it started.")
        #expect(over.isStopByAdmin)
        #expect(try queue.jobs.stopByAdmin(waiting, keepingFor: week, at: noon) == .over)
        #expect(try queue.jobs.stopByAdmin(running, keepingFor: week, at: noon) == .requested)
        #expect(try queue.job(running).isStopByAdmin)
        #expect(try queue.jobs.stopByAdmin(JobID(99), keepingFor: week, at: noon) == nil)
        // Whoever asked first is who asked.
        let own = try queue.submit("ada")
        _ = try queue.jobs.claimNext(at: noon)
        _ = try queue.jobs.stop(own, of: queue.user("ada"), keepingFor: week, at: noon)
        _ = try queue.jobs.stopByAdmin(own, keepingFor: week, at: noon)
        #expect(try !queue.job(own).isStopByAdmin)
    }
}

@Suite struct `The worker tells` {
    @Test func `what the machine has and what is in the way, once`() throws {
        let queue = try Queue()
        #expect(try queue.jobs.queueStanding().machine == nil)
        try queue.jobs.found(Machine(cpus: 4, memory: 4096))
        #expect(try queue.jobs.queueStanding().machine == Machine(cpus: 4, memory: 4096))
        #expect(try !queue.jobs.unstall())
        #expect(try queue.jobs.stall("No room.", at: noon))
        #expect(try !queue.jobs.stall("No room.", at: noon + .seconds(1)))
        #expect(try queue.jobs.stall("Less room.", at: noon + .seconds(2)))
        #expect(try queue.jobs.queueStanding().stalledReason == "Less room.")
        #expect(try queue.jobs.queueStanding().stalledAt == noon)
        #expect(try queue.jobs.unstall())
        #expect(try queue.jobs.queueStanding().stalledReason == nil)
    }

    @Test(arguments: [Role.home, .submit, .jobs, .files]) func `and pages can only read it`(role: Role) throws {
        let queue = try Queue()
        try queue.jobs.found(Machine(cpus: 4, memory: 4096))
        let jobs = JobStore(try Storage.open(queue.scratch.databasePath, as: role), actor: "\(role)")
        #expect(try jobs.queueStanding().machine?.cpus == 4)
        let job = try queue.job(try queue.submit("ada"))
        #expect(try jobs.wait(of: job, limits: Limits(), at: noon) == .next)
        #expect(throws: SQLiteError.self) { try jobs.drain(by: "a page", at: noon) }
    }

    @Test func `with the rights of its program`() throws {
        let queue = try Queue()
        _ = try queue.submit("ada", terms: Terms(retries: 1, isIdempotent: true))
        var jobs = JobStore(try Storage.open(queue.scratch.databasePath, as: .worker), actor: "worker")
        try jobs.takeOver(pid: 1, bootID: "boot", version: "test", at: noon)
        try jobs.found(Machine(cpus: 4, memory: 4096))
        try jobs.stall("No room.", at: noon)
        try jobs.unstall()
        let attempt = try #require(try jobs.claimNext(at: noon))
        try jobs.started(attempt.job.id, attempt: 1, as: process, at: noon)
        #expect(try jobs.warned(attempt.job.id, attempt: 1, at: noon))
        let again = try jobs.endedWithRetry(
            attempt.job.id, attempt: 1, Ending(state: .failed, exitCode: 1), pause: .seconds(1), at: noon)
        #expect(again == noon + .seconds(1))
    }
}
