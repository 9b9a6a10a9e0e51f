import Linux
import SQLite
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue

@Suite struct `The order of the queue` {
    static let machine = Machine(cpus: 8, memory: 8 << 30)
    /// Each job gets one of the CPUs.
    static let parts = Limits(defaultNeeds: Needs(cpus: 1))

    @Test(arguments: 1...40) func `is the one that is documented, whatever happens`(seed: UInt64) throws {
        let queue = try Queue()
        // One transaction around it all, so that nothing waits for a disk.
        try queue.database.write { try run(Dice(seed: seed), queue) }
    }

    private func run(_ seeded: Dice, _ queue: Queue) throws {
        var dice = seeded
        var model = ModelQueue()
        var now = noon
        let machine = Machine(cpus: dice.roll(1...9), memory: Int64(dice.roll(1...9)) << 30)
        let limits = Limits(
            defaultNeeds: [.undeclared, Needs(cpus: 1), Needs(memory: 1 << 30)].randomElement(using: &dice)!,
            running: dice.oneIn(3) ? dice.roll(1...5) : nil, runningPerUser: dice.oneIn(3) ? dice.roll(1...3) : nil)
        let scripts = (0..<4).map { index in
            (
                "script\(index).sh",
                Terms(
                    needs: Needs(
                        cpus: dice.oneIn(2) ? dice.roll(1...10) : nil,
                        memory: dice.oneIn(3) ? Int64(dice.roll(1...10)) << 30 : nil),
                    perUserLimit: dice.oneIn(4) ? dice.roll(1...2) : nil,
                    totalLimit: dice.oneIn(4) ? dice.roll(1...3) : nil)
            )
        }
        var starts = 0
        for _ in 1...150 {
            now = now + .milliseconds(Int64(dice.roll(10...2000)))
            let waiting = model.jobs.indices.filter { model.jobs[$0].isQueued }.randomElement(using: &dice)
            switch dice.roll(1...12) {
            case 1...6:
                let name = "user\(dice.roll(1...5))"
                let (script, terms) = scripts.randomElement(using: &dice)!
                let id = try queue.submit(name, script: script, terms: terms, at: now)
                model.jobs.append(
                    ModelQueue.ModelJob(id: id, user: try queue.user(name), script: script, terms: terms))
            case 7...9:
                guard let ended = model.jobs.indices.filter({ model.jobs[$0].isLive }).randomElement(using: &dice)
                else { break }
                if dice.oneIn(4) {
                    // Its start came to nothing: it goes back and pauses.
                    let job = try queue.job(model.jobs[ended].id)
                    model.jobs[ended].notBefore = now + .seconds(5)
                    try queue.jobs.returnToQueue(
                        job.id, attempt: job.attempt, notBefore: now + .seconds(5), at: now, because: "")
                    model.jobs[ended].isQueued = true
                } else {
                    try queue.finish(model.jobs[ended].id, at: now)
                }
                model.jobs[ended].isLive = false
            case 10:
                guard let waiting else { break }
                model.jobs[waiting].isHeld.toggle()
                let id = model.jobs[waiting].id
                _ =
                    model.jobs[waiting].isHeld
                    ? try queue.jobs.hold(id, at: now) : try queue.jobs.release(id, at: now)
            case 11:
                guard let waiting else { break }
                model.jobs[waiting].priority = dice.roll(-1...1)
                _ = try queue.jobs.setPriority(
                    model.jobs[waiting].id, to: model.jobs[waiting].priority, at: now)
            default:
                guard let waiting else { break }
                _ = try queue.jobs.stopByAdmin(model.jobs[waiting].id, keepingFor: week, at: now)
                model.jobs[waiting].isQueued = false
            }
            let most = dice.roll(1...4)
            let expected = model.claim(upTo: most, machine, limits, at: now)
            let claimed = try queue.jobs.claim(upTo: most, fitting: machine, limits: limits, at: now)
            starts += claimed.count
            try #require(claimed.map(\.job.id) == expected)
            if let free = model.free(machine, limits) { #expect(free.cpus >= 0 && free.memory >= 0) }
        }
        #expect(starts > 10)
    }

    @Test(arguments: 1...10) func `gives each who always has jobs waiting the same number of places`(seed: UInt64)
        throws
    {
        let queue = try Queue()
        try queue.database.write {
            var dice = Dice(seed: seed)
            let names = (1...5).map { "user\($0)" }
            for name in names { for _ in 1...60 { _ = try queue.submit(name) } }
            var now = noon
            var starts: [UserID: Int] = [:]
            for _ in 1...150 {
                now = now + .seconds(1)
                for attempt in try queue.jobs.claim(upTo: 64, fitting: Self.machine, limits: Self.parts, at: now) {
                    starts[attempt.job.requester, default: 0] += 1
                }
                let live = try queue.jobs.live()
                #expect(live.count == 8)
                let places = try names.map { name in
                    let user = try queue.user(name)
                    return live.filter { $0.requester == user }.count
                }
                #expect(places.max()! - places.min()! <= 1)
                try queue.finish(live.randomElement(using: &dice)!.id, at: now)
            }
            #expect(starts.count == 5)
        }
    }

    @Test(arguments: 1...10) func `lets nobody wait behind the forty jobs of another, even with one place`(seed: UInt64)
        throws
    {
        let queue = try Queue()
        try queue.database.write {
            var dice = Dice(seed: seed)
            for _ in 1...40 { _ = try queue.submit("ada") }
            let ada = try queue.user("ada")
            var now = noon
            var newcomers: Set<JobID> = []
            for turn in 1...60 {
                now = now + .seconds(1)
                let started = try queue.jobs.claim(upTo: 64, fitting: Self.machine, limits: Limits(), at: now)
                // All of the machine: one at a time.
                #expect(started.count <= 1)
                if let job = started.first?.job {
                    // Ada had the place before, or nobody else waits.
                    if job.requester == ada { #expect(newcomers.isEmpty || turn == 1) }
                    newcomers.remove(job.id)
                    try queue.finish(job.id, at: now)
                }
                // Each has one job, and nobody ever had one before.
                if dice.oneIn(3) { newcomers.insert(try queue.submit("newcomer\(turn)", at: now)) }
            }
        }
    }

    @Test(arguments: 1...20) func `starts a job that needs the whole machine although small ones keep coming`(
        seed: UInt64
    ) throws {
        let queue = try Queue()
        try queue.database.write {
            var dice = Dice(seed: seed)
            let others = dice.roll(1...12)
            var now = noon
            var large: JobID?
            var completions = 0
            for round in 1...200 {
                now = now + .seconds(1)
                // Everybody else always has a small job waiting.
                for other in 1...others {
                    let name = "user\(other)"
                    if try queue.jobs.list(.newest, of: queue.user(name), limit: 1).first?.state != .queued {
                        _ = try queue.submit(name, terms: Terms(needs: Needs(cpus: dice.roll(1...3))), at: now)
                    }
                }
                if round == 30 { large = try queue.submit("grace", at: now) }
                let started = try queue.jobs.claim(upTo: 64, fitting: Self.machine, limits: Limits(), at: now)
                if let large, started.contains(where: { $0.job.id == large }) {
                    #expect(try queue.jobs.live().count == 1)
                    // At most one start of each other comes before its turn; then all that run have to end.
                    #expect(completions <= others + Self.machine.cpus)
                    return
                }
                if large != nil { completions += 1 }
                try queue.finish(try queue.jobs.live().randomElement(using: &dice)!.id, at: now)
            }
            Issue.record("the large job was never started")
        }
    }

    @Test func `is that of the example in the document`() throws {
        let queue = try Queue()
        let four = Terms(needs: Needs(cpus: 4))
        let ada = try (1...3).map { _ in try queue.submit("ada", terms: four) }
        let grace = try queue.submit("grace", terms: Terms(needs: Needs(cpus: 8)))
        let linus = try queue.submit("linus", terms: Terms(needs: Needs(cpus: 2)))
        var now = noon
        let started = { (ended: JobID?) throws -> [JobID] in
            now = now + .seconds(1)
            if let ended { try queue.finish(ended, at: now) }
            return try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: Limits(), at: now).map(\.job.id)
        }
        #expect(try started(nil) == [ada[0]])
        #expect(try started(nil) == [])
        #expect(try started(ada[0]) == [grace])
        #expect(try started(grace) == [linus, ada[1]])
        #expect(try started(linus) == [ada[2]])
    }

    @Test func `keeps a turn for whose it is, also when others come who had no start for longer`() throws {
        let queue = try Queue()
        let earlier = try queue.submit("grace")
        _ = try queue.jobs.claimNext(at: noon)
        try queue.finish(earlier, at: noon)
        let small = try queue.submit("ada", terms: Terms(needs: Needs(cpus: 1)))
        let claim = { (seconds: Int64) in
            try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: Limits(), at: noon + .seconds(seconds))
                .map(\.job.id)
        }
        #expect(try claim(1) == [small])
        let large = try queue.submit("grace")
        #expect(try claim(2) == [])
        // Newcomers have never had a start, and would fit.
        let late = try queue.submit("linus", terms: Terms(needs: Needs(cpus: 1)))
        #expect(try claim(3) == [])
        try queue.finish(small, at: noon + .seconds(4))
        #expect(try claim(5) == [large])
        try queue.finish(large, at: noon + .seconds(6))
        #expect(try claim(7) == [late])
    }

    @Test func `passes over a job that only a limit on numbers keeps back`() throws {
        let queue = try Queue()
        let one = Terms(needs: Needs(cpus: 1), totalLimit: 1)
        let first = try queue.submit("ada", script: "licence.sh", terms: one)
        let second = try queue.submit("grace", script: "licence.sh", terms: one)
        let other = try queue.submit("linus", terms: Terms(needs: Needs(cpus: 1)))
        let started = try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: Limits(), at: noon)
        #expect(started.map(\.job.id) == [first, other])
        try queue.finish(first, at: noon)
        let next = try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: Limits(), at: noon)
        #expect(next.map(\.job.id) == [second])
    }

    @Test func `starts nothing that does not fit beside what runs, whatever the settings say later`() throws {
        let queue = try Queue()
        let whole = try queue.submit("ada")
        let part = try queue.submit("grace")
        #expect(
            try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: Limits(), at: noon).map(\.job.id) == [whole])
        // It was given all of it, although a job that declares nothing would be given one CPU now.
        #expect(try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: Self.parts, at: noon).isEmpty)
        try queue.finish(whole, at: noon)
        let started = try queue.jobs.claim(upTo: 9, fitting: Self.machine, limits: Self.parts, at: noon)
        #expect(started.map(\.job.id) == [part])
        #expect(started.first?.share == .part(cpus: 1, memory: 1 << 30))
    }
}

@Suite struct `A share of the machine` {
    static let machine = Machine(cpus: 16, memory: 64 << 30)
    static let gib: Int64 = 1 << 30

    @Test func `is what is needed, and where that is not said, in proportion`() {
        func share(_ cpus: Int?, _ memory: Int64?, _ standard: Needs = .undeclared) -> Share {
            Share(of: Needs(cpus: cpus, memory: memory), otherwise: standard, on: Self.machine)
        }
        #expect(share(4, 3 * Self.gib) == .part(cpus: 4, memory: 3 * Self.gib))
        #expect(share(4, nil) == .part(cpus: 4, memory: 16 * Self.gib))
        #expect(share(nil, 8 * Self.gib) == .part(cpus: 1, memory: 8 * Self.gib))
        #expect(share(16, nil) == .part(cpus: 16, memory: 64 * Self.gib))
        #expect(share(nil, nil) == .whole)
        #expect(share(nil, nil, Needs(cpus: 2)) == .part(cpus: 2, memory: 8 * Self.gib))
        // What is declared counts alone.
        #expect(share(nil, Self.gib, Needs(cpus: 2)) == .part(cpus: 1, memory: Self.gib))
        // The machine was larger when the job was submitted.
        #expect(share(17, Self.gib) == .whole)
        #expect(share(1, 65 * Self.gib) == .whole)
        #expect(share(nil, nil, Needs(cpus: 99)) == .whole)
    }

    @Test func `is never nothing, and never overflows`() {
        #expect(
            Share(of: Needs(cpus: 1), otherwise: .undeclared, on: Machine(cpus: 100_000, memory: 1024))
                == .part(cpus: 1, memory: 1))
        let huge = Machine(cpus: 100_000, memory: largestWrittenSize)
        #expect(
            Share(of: Needs(cpus: 99_999), otherwise: .undeclared, on: huge)
                == .part(cpus: 99_999, memory: 1_152_909_975_391_800_907))
    }
}
