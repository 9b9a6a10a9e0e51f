import JobQueue
import Linux
import Mail
import SQLite
import Scripts
import Settings
import Storage
import TestSupport
import Testing

@testable import Execution

@Suite struct `A script that may run again` {
    /// Fails until it has been run `successAt` times.
    private func script(successAt: Int) -> String {
        """
        #!/bin/sh
        echo x >> "$(dirname "$0")/../outbox/runs"
        [ $(wc -l < "$(dirname "$0")/../outbox/runs") -ge \(successAt) ] || exit 9
        """
    }

    /// Lets the worker take steps until the job is over; pauses are not waited for.
    private func runToEnd(_ shop: Shop, _ job: JobID) throws -> Job {
        try waitUntil("job \(job) is over") {
            try shop.step()
            if try shop.state(job) == .queued { shop.clock.putForward(.minutes(10)) }
            return try shop.state(job).isOver
        }
        return try shop.job(job)
    }

    @Test func `is tried again after a failure, as often as it says, and no mail tells of the tries between`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: script(successAt: 3), on: Terms(retries: 2, isIdempotent: true))
        let end = try runToEnd(shop, job)
        #expect(end.state == .succeeded && end.attempt == 3)
        #expect(
            try shop.path(job) == [
                .queued, .starting, .running, .failed, .queued, .starting, .running, .failed, .queued, .starting,
                .running, .succeeded,
            ])
        #expect(try shop.subjects(job) == ["Job #\(job) [test.sh] Started", "Job #\(job) [test.sh] Complete"])
        let exits = try shop.database.all("SELECT exit_code FROM attempts ORDER BY number") { $0.int(0) }
        #expect(exits == [9, 9, 0])
    }

    @Test func `fails at last, and the mail says how often it was tried`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: script(successAt: 9), on: Terms(retries: 1, isIdempotent: true))
        let end = try runToEnd(shop, job)
        #expect(end.state == .failed && end.exitCode == 9 && end.attempt == 2)
        let body = try shop.database.first("SELECT body FROM mails WHERE kind = 'ended'") { $0.text(0) }
        #expect(body?.contains("It had been tried 2 times.") == true)
    }

    @Test func `waits before it is tried again`() throws {
        let shop = try Shop(["retry_pause=1h"])
        let job = try shop.submit(text: script(successAt: 2), on: Terms(retries: 1, isIdempotent: true))
        try shop.run(job, until: .running, .queued)
        try waitUntil("the first attempt is over") {
            try shop.step()
            return try shop.path(job).contains(.failed)
        }
        try shop.step()
        #expect(try shop.state(job) == .queued)
        // The worker sleeps until then, at most as long as it does anyway.
        shop.clock.putForward(.minutes(59))
        try shop.step()
        #expect(try shop.state(job) == .queued)
        shop.clock.putForward(.minutes(2))
        #expect(try shop.runToEnd(job).state == .succeeded)
    }

    @Test func `is never tried again when it was cancelled, ran out of time, or could not be started`() throws {
        let terms = Terms(timeLimit: .milliseconds(200), retries: 5, isIdempotent: true)
        let shop = try Shop(["kill_grace=0"])
        let slow = try shop.submit(text: "#!/bin/sh\nexec sleep 600\n", on: terms)
        #expect(try shop.runToEnd(slow).state == .timedOut)
        let broken = try shop.submit(text: "#!/nowhere/at/all\n", on: terms)
        #expect(try shop.runToEnd(broken).state == .failed)
        #expect(try shop.path(broken) == [.queued, .starting, .failed])
        let unwanted = try shop.submit(
            text: "#!/bin/sh\nexec sleep 600\n", on: Terms(retries: 5, isIdempotent: true))
        try shop.run(unwanted, until: .running)
        _ = try asOrdinaryUser {
            try shop.jobs.stop(unwanted, of: shop.user, keepingFor: .days(7), at: Instant.now())
        }
        #expect(try shop.runToEnd(unwanted).state == .cancelled)
        for job in [slow, broken, unwanted] { #expect(try shop.job(job).attempt == 1) }
    }

    @Test(arguments: [true, false])
    func `is rerun after it was lost only if running twice does no harm`(isIdempotent: Bool) throws {
        let shop = try Shop()
        // The first run kills its supervisor's two processes and itself.
        let text = """
            #!/bin/sh
            runs="$(dirname "$0")/../outbox/runs"
            echo x >> "$runs"
            [ $(wc -l < "$runs") -gt 1 ] && exit 0
            shim=$PPID
            guard=$(cut -d' ' -f4 /proc/$shim/stat)
            kill -STOP $guard; kill -KILL $guard $shim; exec sleep 600
            """
        let job = try shop.submit(text: text, on: Terms(isIdempotent: isIdempotent))
        let end = try runToEnd(shop, job)
        #expect(end.state == (isIdempotent ? .succeeded : .lost))
        #expect(end.attempt == (isIdempotent ? 2 : 1))
        let runs = try Descriptor.open(shop.scratch("outbox/runs"), O_RDONLY).readAll(limit: 99)
        #expect(runs.count == (isIdempotent ? 4 : 2))
    }
}

@Suite struct `A time limit` {
    @Test func `is told of by one mail before it strikes`() throws {
        let shop = try Shop()
        let job = try shop.submit(
            text: "#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done\n", on: Terms(timeLimit: .hours(10)))
        try shop.run(job, until: .running)
        func warnings() throws -> [String] { try shop.subjects(job).filter { $0.hasSuffix("Time Nearly Over") } }
        shop.clock.putForward(.hours(8))
        try shop.step()
        #expect(try warnings().isEmpty)
        // The mailer of these tests sends nothing, so that its mails are always due; apart from them:
        #expect(shop.worker.nextWarning != nil)
        shop.clock.putForward(.hours(1))
        for _ in 1...3 { try shop.step() }
        #expect(try warnings().count == 1)
        try Shop.write("", to: try shop.outbox(job) + "/go")
        #expect(try shop.runToEnd(job).state == .succeeded)
    }

    @Test func `is not told of when it is too short for a mail, and not a day too early`() {
        #expect(Worker.warning(before: .minutes(9)) == nil)
        #expect(Worker.warning(before: .minutes(10)) == .minutes(1))
        #expect(Worker.warning(before: .days(30)) == .days(1))
    }
}

@Suite struct `A worker that may start nothing` {
    @Test func `says that a disk is full, and goes on by itself when there is room`() throws {
        let shop = try Shop(["min_free_bytes=1000000T"])
        let job = try shop.submit(text: "#!/bin/sh\n")
        try shop.step()
        #expect(try shop.state(job) == .queued)
        let reason = try shop.jobs.queueStanding().stalledReason
        #expect(reason?.hasPrefix("The disk of the database is nearly full") == true)
        // What was stalled by one worker's settings is not by another's.
        let roomy = try Shop()
        let other = try roomy.submit(text: "#!/bin/sh\n")
        try roomy.database.write { _ = try roomy.jobs.stall("The disk is full.", at: Instant.now()) }
        #expect(try roomy.runToEnd(other).state == .succeeded)
        #expect(try roomy.jobs.queueStanding().stalledReason == nil)
    }

    @Test func `never gives a job up because a disk is full, whatever the settings say`() throws {
        let shop = try Shop(["min_free_bytes=0", "min_free_inodes=0"])
        let job = try shop.submit(text: "#!/bin/sh\n")
        // A file system of one page, on which no attempt can be laid down.
        let attempts = shop.settings.attemptsDir
        guard mount("none", attempts, "tmpfs", 0, "size=4k,mode=777") == 0 else {
            return print("skipped: no file system can be mounted here")
        }
        try Shop.write("x", to: attempts + "/filler")
        var isMounted = true
        defer { if isMounted { umount(attempts) } }
        for _ in 1...(3 * Worker.mostVainStarts) {
            try shop.step()
            shop.clock.putForward(.minutes(1))
        }
        #expect(try shop.state(job).isOver == false)
        umount(attempts)
        isMounted = false
        shop.clock.putForward(.minutes(1))
        #expect(try shop.runToEnd(job).state == .succeeded)
    }

    @Test func `lets go on what runs while the queue is drained`() throws {
        let shop = try Shop()
        let running = try shop.submit(text: "#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done\n")
        try shop.run(running, until: .running)
        _ = try shop.jobs.drain(by: "root", at: Instant.now())
        let waiting = try shop.submit("test.sh")
        try Shop.write("", to: try shop.outbox(running) + "/go")
        #expect(try shop.runToEnd(running).state == .succeeded)
        for _ in 1...3 { try shop.step() }
        #expect(try shop.state(waiting) == .queued)
        try shop.jobs.resume()
        try shop.run(waiting, until: .running)
        try Shop.write("", to: try shop.outbox(waiting) + "/go")
        #expect(try shop.runToEnd(waiting).state == .succeeded)
    }
}
