import JobQueue
import Linux
import Mail
import SQLite
import Settings
import Storage
import Supervision
import TestSupport
import Testing

@testable import Execution

@Suite struct `A worker` {
    /// Goes on when `go` appears in its folder, and ends with status 7.
    static let waiting = "#!/bin/sh\necho x >> runs\nwhile [ ! -e go ]; do sleep 0.02; done\nexit 7\n"

    func letGo(_ shop: Shop, _ job: JobID) throws { try Shop.write("", to: try shop.outbox(job) + "/go") }

    @Test func `runs a job to its end and tells of it in the transactions that record it`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\necho done > result\n")
        let end = try shop.runToEnd(job)
        #expect(end.state == .succeeded)
        #expect(end.exitCode == 0, "\(end.reason ?? "")")
        #expect(try shop.output(job, "result") == "done\n")
        #expect(try shop.path(job) == [.queued, .starting, .running, .succeeded])
        #expect(
            try shop.subjects(job) == ["Job #\(job) [test.sh] Started", "Job #\(job) [test.sh] Complete"])
        #expect(end.expiresAt == end.endedAt.map { $0 + shop.settings.retention })
    }

    @Test(arguments: [1, 42, 126, 127, 255]) func `records any other status as a failure`(status: Int) throws {
        let shop = try Shop()
        let end = try shop.runToEnd(try shop.submit(text: "#!/bin/sh\nexit \(status)\n"))
        #expect(end.state == .failed)
        #expect(end.exitCode == status)
        #expect(try shop.subjects(end.id).last == "Job #\(end.id) [test.sh] Failed")
    }

    @Test func `names the signal that ended a script, and makes no status of it`() throws {
        let shop = try Shop()
        let end = try shop.runToEnd(try shop.submit(text: "#!/bin/sh\nkill -SEGV $$\nsleep 9\n"))
        #expect(end.state == .failed)
        #expect(end.exitCode == nil)
        #expect(end.signal == Int(SIGSEGV))
        #expect(end.reason?.contains("SEGV") == true)
    }

    @Test func `tells why a script could not be started, and never claims that it ran`() throws {
        let shop = try Shop()
        let end = try shop.runToEnd(try shop.submit(text: "#!/no/such/interpreter\n"))
        #expect(end.state == .failed)
        #expect(end.exitCode == nil)
        #expect(end.reason?.contains("interpreter") == true)
        #expect(try shop.subjects(end.id) == ["Job #\(end.id) [test.sh] Failed"])
    }

    @Test func `runs one job at a time unless scripts are given parts of the machine, and then as many as are allowed`()
        throws
    {
        let parts = ["machine_cpus=8", "default_cpus=1"]
        for (lines, expected) in [([], 1), (parts, 4), (parts + ["max_running_jobs=3"], 3)] {
            let shop = try Shop(lines)
            try shop.script("test.sh", Self.waiting)
            let jobs = try (1...4).map { _ in try shop.submit("test.sh") }
            try shop.run(jobs[expected - 1], until: .running)
            try shop.step()
            #expect(try jobs.filter { try shop.state($0) == .queued }.count == 4 - expected)
            for job in jobs {
                try shop.run(job, until: .running)
                try letGo(shop, job)
                _ = try shop.runToEnd(job)
            }
        }
    }

    @Test func `killed and started again, adopts what runs and records its true end`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: Self.waiting)
        try shop.run(job, until: .running)
        _ = try shop.replaceWorker()
        try shop.step()
        #expect(try shop.state(job) == .running)
        try letGo(shop, job)
        #expect(try shop.runToEnd(job).exitCode == 7)
        #expect(try shop.output(job, "runs") == "x\n")
        #expect(try shop.subjects(job).count == 2)
    }

    @Test func `finds the end of what ended while no worker lived`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: Self.waiting)
        // Claimed and launched; the worker dies before it sees the ticket.
        try shop.step()
        _ = try shop.replaceWorker()
        try waitUntil("the script") { try shop.hasOutput(job, "runs") }
        try letGo(shop, job)
        let attempts = shop.settings.attemptsDir
        let name = try shop.job(job).attemptName
        try waitUntil("the record") { try AttemptDirectory.open(in: attempts, named: name)?.exitRecord() != nil }
        let end = try shop.runToEnd(job)
        #expect(end.exitCode == 7)
        #expect(try shop.path(job) == [.queued, .starting, .running, .failed])
    }

    @Test func `superseded by a later one, writes nothing more`() throws {
        let shop = try Shop()
        let old = try shop.replaceWorker()
        let job = try shop.submit(text: "#!/bin/sh\n")
        #expect(throws: JobStore.Superseded.self) { try asOrdinaryUser { try old.step() } }
        #expect(try shop.state(job) == .queued)
        #expect(try shop.runToEnd(job).state == .succeeded)
    }

    @Test func `runs a job once although it died right after the claim`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\necho x >> \(shop.scratch("outbox"))/runs\n")
        // As if the worker had died between the commit and laying down the attempt.
        let dead = JobStore(shop.database, actor: "worker")
        #expect(try dead.claimNext(at: Instant.now())?.job.id == job)
        #expect(try shop.runToEnd(job).state == .succeeded)
        #expect(try shop.job(job).attempt == 2)
        let runs = try Descriptor.open(shop.scratch("outbox/runs"), O_RDONLY).readAll(limit: 99)
        #expect(runs == Array("x\n".utf8))
        #expect(try shop.path(job) == [.queued, .starting, .queued, .starting, .running, .succeeded])
    }

    @Test func `that slept after a claim runs nothing that a later one has begun again, and takes nothing away`() throws
    {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\necho x >>../runs\necho out >out\n")
        let claimed = try #require(try asOrdinaryUser { try shop.worker.jobs.claimNext(at: Instant.now()) })
        let sleeper = try shop.replaceWorker()
        #expect(try shop.runToEnd(job).state == .succeeded)
        #expect(try shop.job(job).attempt == 2)
        try asOrdinaryUser { try sleeper.begin(claimed) }
        #expect(sleeper.executor.children.isEmpty)
        // It may as well have slept when it was about to make the folder for the outputs.
        let uid = try shop.job(job).uid
        try asOrdinaryUser {
            try sleeper.prepareOutbox(uid, attempt: 1)
            #expect(throws: JobStore.Superseded.self) { try sleeper.prepareOutbox(uid, attempt: 2) }
        }
        let runs = try Descriptor.open(shop.scratch("outbox/runs"), O_RDONLY).readAll(limit: 99)
        #expect(runs == Array("x\n".utf8))
        #expect(try shop.output(job, "out") == "out\n")
    }

    @Test func `revokes an attempt whose supervisor never came, and tries again`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\n")
        let dead = JobStore(shop.database, actor: "worker")
        let attempt = try #require(try dead.claimNext(at: Instant.now()))
        try asOrdinaryUser {
            let order = Order(
                program: "/x", arguments: ["/x"], environment: [], workingDirectory: "/", grace: 0, maxLogBytes: 0)
            mkdir(shop.settings.attemptsDir, 0o700)
            guard try AttemptDirectory.make(in: shop.settings.attemptsDir, named: attempt.name, order: order) != nil
            else { throw SystemError("mkdir", nil) }
        }
        #expect(try shop.runToEnd(job).state == .succeeded)
        let first = try asOrdinaryUser {
            try AttemptDirectory.open(in: shop.settings.attemptsDir, named: attempt.name)?.ticket()
        }
        #expect(first == .revoked)
    }

    @Test func `never runs a job a second time when the database is yesterday's`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\necho x >> \(shop.scratch("outbox"))/runs\necho out > out\nexit 3\n")
        _ = try shop.runToEnd(job)
        // Yesterday it was queued; the attempts on the disk are today's.
        let database = try shop.scratch.anyDatabase(shop.settings.pathToDb)
        try database.write {
            try database.run("DROP TRIGGER jobs_transition")
            try database.run(
                """
                UPDATE jobs SET state = 'queued', attempt = 0, started_at = NULL, ended_at = NULL, exit_code = NULL,
                    expires_at = NULL
                """)
            try database.run("DELETE FROM attempts")
        }
        let end = try shop.runToEnd(job)
        #expect(end.exitCode == 3)
        let runs = try Descriptor.open(shop.scratch("outbox/runs"), O_RDONLY).readAll(limit: 99)
        #expect(runs == Array("x\n".utf8))
        // Nor are the results of the one run touched.
        #expect(try shop.output(job, "out") == "out\n")
    }

    @Test func `gives up on a job that cannot be started for reasons of the machine's, and says so`() throws {
        let shop = try Shop()
        unlink(shop.scratch("programs/supervisor"))
        let job = try shop.submit(text: "#!/bin/sh\n")
        // Pauses between the starts are not waited for.
        try waitUntil("it is over") {
            try shop.step()
            try shop.database.write { try shop.database.run("UPDATE jobs SET not_before = 0") }
            return try shop.state(job).isOver
        }
        let end = try shop.job(job)
        #expect(end.state == .failed)
        #expect(end.attempt == Worker.mostVainStarts)
        #expect(end.reason?.contains("could not be started") == true)
    }

    @Test func `sleeps as long while jobs run as without any, and is called when something befalls one`() throws {
        let shop = try Shop(["poll_interval=77"])
        func patience() throws -> Int64 { try asOrdinaryUser { try shop.worker.patience() } }
        try shop.step()
        #expect(try patience() == 77_000)
        let job = try shop.submit(text: Self.waiting)
        try shop.run(job, until: .running)
        // The mailer of these tests sends nothing, so that a mail would be due for ever.
        try shop.database.write { _ = try shop.database.run("DELETE FROM mails") }
        try shop.step()
        #expect(try patience() == 77_000)
        try letGo(shop, job)
        // Nobody rings here; the end of the guard alone wakes the worker.
        var waiting = pollfd(fd: shop.worker.vigil.descriptor.number, events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, 60_000) == 1)
        try waitUntil("it is over") {
            try shop.step()
            return try shop.state(job).isOver
        }
    }

    @Test func `looks at an attempt of which its supervisor has spoken`() throws {
        let shop = try Shop(["poll_interval=77"])
        let job = try shop.submit(text: "#!/bin/sh\nexit 5\n")
        let socket = Descriptor(owning: socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        let bound = withSocketAddress("worker.sock", below: try Descriptor.directory(shop.settings.stateDir)) {
            bind(socket.number, __CONST_SOCKADDR_ARG(__sockaddr__: $0), $1)
        }
        #expect(bound == 0)
        chmod(shop.scratch("state/worker.sock"), 0o666)
        try shop.step()
        let name = try shop.job(job).attemptName
        // Once when the script runs, once when it is over.
        var heard: Set<String> = []
        for _ in 1...2 {
            var word = [UInt8](repeating: 0, count: 256)
            let count = recv(socket.number, &word, word.count, 0)
            heard.insert(String(decoding: word[..<max(0, count)], as: UTF8.self))
        }
        #expect(heard == [name])
        shop.worker.hear(of: heard)
        let end = try shop.runToEnd(job)
        #expect(end.state == .failed && end.exitCode == 5)
    }
}
