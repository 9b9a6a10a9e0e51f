import Linux
import SQLite
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue

@Suite struct `The place in the queue` {
    @Test(arguments: 1...25) func `is how many jobs are started sooner if nothing new comes`(seed: UInt64) throws {
        let queue = try Queue()
        try queue.database.write {
            var dice = Dice(seed: seed)
            var now = noon
            let limits = Limits(defaultNeeds: Needs(cpus: 1))
            // A past, so that last starts and live jobs differ.
            for _ in 1...dice.roll(1...40) {
                now = now + .seconds(1)
                let id = try queue.submit(
                    "user\(dice.roll(1...5))", script: "script\(dice.roll(1...3)).sh", at: now)
                _ = try queue.jobs.setPriority(id, to: dice.oneIn(5) ? 1 : 0, at: now)
                if dice.oneIn(10) { _ = try queue.jobs.hold(id, at: now) }
                guard dice.oneIn(2) else { continue }
                for attempt in try queue.jobs.claim(
                    upTo: dice.roll(1...2), fitting: Machine(cpus: 6, memory: 6 << 30), limits: limits, at: now)
                where dice.oneIn(2) { try queue.finish(attempt.job.id, at: now) }
            }
            var places: [JobID: Int] = [:]
            for job in try queue.jobs.list(.newest, of: nil, limit: 100) where job.state == .queued && !job.isHeld {
                places[job.id] = try queue.jobs.place(of: job, at: now)
            }

            // Room for all: one after another, nothing ends.
            var order: [JobID] = []
            while let next = try queue.jobs.claim(
                upTo: 1, fitting: Machine(cpus: 1000, memory: 1000 << 30), limits: limits, at: now
            ).first {
                order.append(next.job.id)
                now = now + .milliseconds(1)
            }

            #expect(order.count == places.count)
            for (index, id) in order.enumerated() { #expect(places[id] == index, "job \(id) of \(order)") }
        }
    }

    @Test func `of a job that waits for room is kept, and told`() throws {
        let queue = try Queue()
        let machine = Machine(cpus: 4, memory: 4 << 30)
        let earlier = try queue.submit("grace")
        _ = try queue.jobs.claimNext(at: noon)
        try queue.finish(earlier, at: noon)
        _ = try queue.submit("ada", terms: Terms(needs: Needs(cpus: 1)))
        _ = try queue.jobs.claim(upTo: 1, fitting: machine, limits: Limits(), at: noon)
        let large = try queue.submit("grace", terms: Terms(needs: Needs(cpus: 4)))
        _ = try queue.jobs.claim(upTo: 1, fitting: machine, limits: Limits(), at: noon)
        let newcomer = try queue.submit("linus", terms: Terms(needs: Needs(cpus: 1)))
        #expect(try queue.jobs.place(of: queue.job(large), at: noon) == 0)
        #expect(try queue.jobs.place(of: queue.job(newcomer), at: noon) == 1)
    }

    @Test func `is not counted to the end of a long queue`() throws {
        let queue = try Queue()
        let last = try queue.database.write {
            for _ in 1...(JobStore.mostCounted + 1) { _ = try queue.submit("ada") }
            return try queue.submit("ada")
        }
        #expect(try queue.jobs.place(of: queue.job(last), at: noon) == nil)
        let wait = try #require(try queue.jobs.wait(of: queue.job(last), limits: Limits(), at: noon))
        #expect(wait == .behind(nil))
        #expect(wait.sentence == "More than 1000 jobs go before it.")
        let first = try queue.job(JobID(1))
        #expect(try queue.jobs.place(of: first, at: noon) == 0)
    }
}

@Suite struct `Why a job waits` {
    static let machine = Machine(cpus: 8, memory: 16 << 30)
    let queue: Queue
    init() throws {
        queue = try Queue()
        try queue.jobs.found(Self.machine)
    }

    func claim(_ limits: Limits = Limits()) throws -> [JobID] {
        try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: limits, at: noon).map(\.job.id)
    }

    func sentence(_ job: JobID, _ limits: Limits = Limits(), at now: Instant = noon) throws -> String? {
        try queue.jobs.wait(of: queue.job(job), limits: limits, at: now)?.sentence
    }

    @Test func `is no question once it does not wait`() throws {
        let job = try queue.submit("ada")
        #expect(try sentence(job) == "It is its turn: it starts as soon as the worker sees to it.")
        #expect(try claim() == [job])
        #expect(try sentence(job) == nil)
        try queue.finish(job, at: noon)
        #expect(try sentence(job) == nil)
    }

    @Test func `is told in the order of what would have to change first`() throws {
        let job = try queue.submit("ada")
        let next = try queue.submit("ada")
        #expect(try sentence(next) == "One job goes before it.")
        try queue.jobs.stall("There is too little room on the disk of the outputs.", at: noon)
        #expect(try sentence(job) == "There is too little room on the disk of the outputs.")
        try queue.jobs.drain(by: "root", at: noon)
        #expect(try sentence(job) == "The administrator has let no job start since 1970-01-01 12:00 UTC.")
        _ = try queue.jobs.hold(job, at: noon)
        #expect(try sentence(job) == "The administrator keeps it back for now.")
        _ = try queue.jobs.release(job, at: noon)
        try queue.jobs.resume()
        try queue.jobs.unstall()
        #expect(try sentence(job) == "It is its turn: it starts as soon as the worker sees to it.")
    }

    @Test func `names what it needs and what is free`() throws {
        let small = Terms(needs: Needs(cpus: 2, memory: 1 << 30))
        let running = try queue.submit("ada", terms: small)
        #expect(try claim() == [running])
        let large = try queue.submit("grace", terms: Terms(needs: Needs(cpus: 7, memory: 3 << 30)))
        #expect(try claim() == [])
        #expect(
            try sentence(large) == "It is its turn, and it needs 7 CPUs and 3 GiB; 6 CPUs and 15 GiB are free.")
        _ = try queue.jobs.stopByAdmin(large, keepingFor: week, at: noon)
        let whole = try queue.submit("grace")
        #expect(
            try sentence(whole)
                == "It is its turn, and it has the machine to itself: the job that runs has to end first."
        )
        #expect(
            try sentence(whole, Limits(running: 1))
                == "It is its turn; only one job may run at a time, and the one that runs has to end first.")
    }

    @Test func `names the limit that is reached`() throws {
        let terms = Terms(needs: Needs(cpus: 1), perUserLimit: 2, totalLimit: 3)
        for _ in 1...2 { _ = try queue.submit("ada", script: "licence.sh", terms: terms) }
        #expect(try claim().count == 2)
        let third = try queue.submit("ada", script: "licence.sh", terms: terms)
        #expect(
            try sentence(third) == "2 jobs of this script and one requester may run at a time, and so many do.")
        #expect(
            try sentence(third, Limits(runningPerUser: 1))
                == "1 job of one requester may run at a time, and so many of this one's do.")
        let other = try queue.submit("grace", script: "licence.sh", terms: terms)
        #expect(try claim() == [other])
        let last = try queue.submit("linus", script: "licence.sh", terms: terms)
        #expect(try sentence(last) == "3 jobs of this script may run at a time, and so many do.")
    }

    @Test func `is a pause after an attempt that failed, was lost or never began`() throws {
        let terms = Terms(needs: Needs(cpus: 1), retries: 1, isIdempotent: true)
        let job = try queue.submit("ada", terms: terms)
        func pause(_ end: (Int) throws -> Void) throws -> String? {
            let number = try #require(
                try queue.jobs.claim(upTo: 1, fitting: Self.machine, limits: Limits(), at: noon + .hours(9)).first
            ).number
            try end(number)
            return try sentence(job, at: noon)
        }
        let failed = try pause { number in
            try queue.jobs.started(job, attempt: number, as: process, at: noon)
            _ = try queue.jobs.endedWithRetry(
                job, attempt: number, Ending(state: .failed, exitCode: 1), pause: .minutes(5), at: noon)
        }
        #expect(failed == "Attempt 1 failed, so it pauses until 1970-01-01 12:05 UTC.")
        let lost = try pause { number in
            try queue.jobs.started(job, attempt: number, as: process, at: noon)
            _ = try queue.jobs.endedWithRetry(
                job, attempt: number, Ending(state: .lost), pause: .minutes(5), at: noon)
        }
        #expect(lost == "Attempt 2 was lost, so it pauses until 1970-01-01 12:10 UTC.")
        let vain = try pause { number in
            try queue.jobs.returnToQueue(
                job, attempt: number, notBefore: noon + .minutes(1), at: noon, because: "no supervisor")
        }
        #expect(vain == "Attempt 3 could not begin, so it pauses until 1970-01-01 12:01 UTC.")
        #expect(try queue.jobs.nextDue(after: noon) == noon + .minutes(1))
        #expect(try queue.jobs.nextDue(after: noon + .minutes(1)) == nil)
    }
}
