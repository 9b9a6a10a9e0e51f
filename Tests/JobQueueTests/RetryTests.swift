import Linux
import SQLite
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue

@Suite struct `Another attempt` {
    let queue: Queue
    init() throws { queue = try Queue() }

    static let failure = Ending(state: .failed, exitCode: 3, reason: "The script ended with exit status 3.")
    static let loss = Ending(state: .lost, reason: "Nobody knows.")

    /// Claims the job, lets its script begin, and ends it.
    func run(_ job: JobID, _ ending: Ending, at now: Instant) throws -> Instant? {
        let attempt = try #require(try queue.jobs.claimNext(at: now))
        try queue.jobs.started(job, attempt: attempt.number, as: process, at: now)
        return try queue.jobs.endedWithRetry(
            job, attempt: attempt.number, ending, pause: .seconds(30), at: now)
    }

    @Test func `follows a failure as often as the script says, after pauses that grow`() throws {
        let job = try queue.submit("ada", terms: Terms(retries: 2, isIdempotent: true))
        #expect(try run(job, Self.failure, at: noon) == noon + .seconds(30))
        let waiting = try queue.job(job)
        #expect(waiting.state == .queued)
        #expect(waiting.startedAt == nil && waiting.endedAt == nil && waiting.exitCode == nil)
        #expect(waiting.reason == nil && waiting.expiresAt == nil)
        #expect(waiting.notBefore == noon + .seconds(30))
        #expect((waiting.retriesLeft, waiting.rerunsLeft) == (1, 3))
        #expect(try queue.jobs.claimNext(at: noon + .seconds(29)) == nil)

        let later = noon + .seconds(30)
        #expect(try run(job, Self.failure, at: later) == later + .seconds(60))
        let last = later + .seconds(60)
        #expect(try run(job, Self.failure, at: last) == nil)
        #expect(try queue.job(job).state == .running)
        #expect(try queue.jobs.ended(job, attempt: 3, Self.failure, keepingFor: week, at: last) == [])

        #expect(
            try queue.jobs.events(of: job).map(\.to) == [
                .queued, .starting, .running, .failed, .queued, .starting, .running, .failed, .queued, .starting,
                .running,
                .failed,
            ])
        let attempts = try queue.database.all(
            "SELECT number, exit_code, ended_at, cause FROM attempts WHERE job_id = \(job) ORDER BY number"
        ) { "\($0.int(0)) \($0.int(1)) \($0.instant(2) - noon) \($0.text(3))" }
        #expect(attempts.count == 3)
        #expect(attempts.allSatisfy { $0.hasSuffix(Self.failure.reason!) && $0.contains(" 3 ") })
    }

    @Test func `follows a loss three times, if running twice does no harm, and never otherwise`() throws {
        let harmless = try queue.submit("ada", terms: Terms(isIdempotent: true))
        var now = noon
        for _ in 1...3 { now = try #require(try run(harmless, Self.loss, at: now)) }
        #expect(try queue.job(harmless).rerunsLeft == 0)
        #expect(try run(harmless, Self.loss, at: now) == nil)
        try queue.jobs.ended(harmless, attempt: 4, Self.loss, keepingFor: week, at: now)

        let other = try queue.submit("ada", terms: Terms(retries: 5))
        #expect(try run(other, Self.loss, at: now) == nil)
        #expect(try queue.job(other).state == .running)
    }

    @Test func `does not follow a wish to stop, a limit that struck, or success`() throws {
        for state in [JobState.timedOut, .outOfMemory, .outputLimit, .cancelled, .succeeded] {
            let job = try queue.submit("ada", terms: Terms(retries: 2, isIdempotent: true))
            let ending = Ending(state: state, exitCode: state == .succeeded ? 0 : nil)
            #expect(try run(job, ending, at: noon) == nil, "\(state)")
            #expect(try queue.job(job).state == .running)
        }
        let unwanted = try queue.submit("ada", terms: Terms(retries: 2, isIdempotent: true))
        _ = try queue.jobs.claimNext(at: noon)
        try queue.jobs.started(unwanted, attempt: 1, as: process, at: noon)
        _ = try queue.jobs.stop(unwanted, of: queue.user("ada"), keepingFor: week, at: noon)
        #expect(
            try queue.jobs.endedWithRetry(unwanted, attempt: 1, Self.failure, pause: .seconds(1), at: noon) == nil)
    }

    @Test func `is asked for once, however often an end is imported, and the old one cannot speak for the new`() throws
    {
        let job = try queue.submit("ada", terms: Terms(retries: 5, isIdempotent: true))
        #expect(try run(job, Self.failure, at: noon) != nil)
        func again(_ attempt: Int) throws -> Instant? {
            try queue.jobs.endedWithRetry(job, attempt: attempt, Self.failure, pause: .seconds(30), at: noon)
        }
        #expect(try again(1) == nil)
        _ = try queue.jobs.claimNext(at: noon + .hours(1))
        #expect(try again(1) == nil)
        #expect(try queue.job(job).state == .starting)
        #expect(try queue.job(job).retriesLeft == 4)
    }

    @Test func `pauses for an hour at most`() throws {
        let job = try queue.submit("ada", terms: Terms(retries: 100, isIdempotent: true))
        var now = noon
        for _ in 1...70 {
            let attempt = try #require(try queue.jobs.claimNext(at: now))
            try queue.jobs.started(job, attempt: attempt.number, as: process, at: now)
            let next = try #require(
                try queue.jobs.endedWithRetry(
                    job, attempt: attempt.number, Self.failure, pause: .minutes(7), at: now))
            #expect(next - now <= .hours(1))
            now = next
        }
        #expect(try queue.job(job).notBefore == now)
    }

    @Test func `after a start in vain is counted until one succeeds`() throws {
        let job = try queue.submit("ada")
        for number in 1...2 {
            _ = try queue.jobs.claimNext(at: noon)
            try queue.jobs.returnToQueue(job, attempt: number, notBefore: noon, at: noon, because: "no supervisor")
        }
        #expect(try queue.job(job).vainStarts == 2)
        _ = try queue.jobs.claimNext(at: noon)
        try queue.jobs.started(job, attempt: 3, as: process, at: noon)
        #expect(try queue.job(job).vainStarts == 0)
    }
}

@Suite struct `A warning` {
    @Test func `is noted once for each attempt, while it runs`() throws {
        let queue = try Queue()
        let job = try queue.submit("ada", terms: Terms(retries: 1, isIdempotent: true))
        _ = try queue.jobs.claimNext(at: noon)
        try queue.jobs.started(job, attempt: 1, as: process, at: noon)
        #expect(try queue.jobs.warned(job, attempt: 1, at: noon))
        #expect(try !queue.jobs.warned(job, attempt: 1, at: noon))
        #expect(try !queue.jobs.warned(job, attempt: 2, at: noon))
        _ = try queue.jobs.endedWithRetry(job, attempt: 1, Another.failure, pause: .seconds(0), at: noon)
        #expect(try !queue.jobs.warned(job, attempt: 1, at: noon))
        _ = try queue.jobs.claimNext(at: noon)
        #expect(try queue.jobs.warned(job, attempt: 2, at: noon))
    }

    private typealias Another = `Another attempt`
}

@Suite struct `What is known of an attempt` {
    @Test func `is kept with all that identifies its processes, and what it was given`() throws {
        let queue = try Queue()
        let job = try queue.submit("ada", terms: Terms(needs: Needs(cpus: 2, memory: 4096)))
        let attempt = try #require(
            try queue.jobs.claim(
                upTo: 1, fitting: Machine(cpus: 4, memory: 1 << 20), limits: Limits(), at: noon
            ).first)
        #expect(attempt.share == .part(cpus: 2, memory: 4096))
        let known = StartedProcess(
            bootID: "boot", guardPID: 10, guardStart: 97, shimPID: 11, shimStart: 98, scriptPID: 12, scriptStart: 99)
        try queue.jobs.started(job, attempt: 1, as: known, at: noon)
        let row = try queue.database.first(
            """
            SELECT cpus, memory, guard_pid, guard_start, shim_pid, shim_start, script_pid, script_start FROM attempts
            """
        ) { row in (0..<8).map { row.int(CInt($0)) } }
        #expect(row == [2, 4096, 10, 97, 11, 98, 12, 99])
    }
}
