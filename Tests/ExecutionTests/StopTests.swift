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

@Suite struct `A wish to stop` {
    static let stubborn = """
        #!/bin/sh
        trap '' TERM
        setsid sh -c 'trap "" TERM HUP; echo $$ > daemon; while :; do sleep 0.05; done' < /dev/null > /dev/null 2>&1 &
        while [ ! -s daemon ]; do sleep 0.02; done
        touch up
        while :; do sleep 0.05; done
        """

    func wish(_ shop: Shop, _ job: JobID) throws -> JobStore.StopOutcome? {
        try shop.jobs.stop(job, of: shop.user, keepingFor: shop.settings.retention, at: Instant.now())
    }

    @Test func `ends a running job with all of its processes`() throws {
        let shop = try Shop(["kill_grace=0"])
        let job = try shop.submit(text: Self.stubborn)
        try waitUntil("the script") {
            try shop.step()
            return try shop.state(job) == .running && shop.hasOutput(job, "up")
        }
        let daemon = try #require(Int32(try shop.output(job, "daemon").dropLast()))
        #expect(try wish(shop, job) == .requested)
        let end = try shop.runToEnd(job)
        #expect(end.state == .cancelled)
        #expect(end.signal == Int(SIGKILL))
        #expect(try shop.path(job) == [.queued, .starting, .running, .stopping, .cancelled])
        #expect(try shop.subjects(job).last == "Job #\(job) [test.sh] Cancelled")
        #expect(kill(daemon, 0) != 0)
    }

    @Test func `is carried out although the worker died over it`() throws {
        let shop = try Shop(["kill_grace=0"])
        let job = try shop.submit(text: "#!/bin/sh\nexec sleep 1000\n")
        try shop.run(job, until: .running)
        #expect(try wish(shop, job) == .requested)
        // The supervisor is told, but the worker that told it dies before it has written anything.
        try asOrdinaryUser {
            let attempt = try AttemptDirectory.open(
                in: shop.settings.attemptsDir, named: try shop.job(job).attemptName)
            attempt?.requestStop()
        }
        _ = try shop.replaceWorker()
        #expect(try shop.runToEnd(job).state == .cancelled)
        #expect(try shop.path(job).suffix(2) == [.stopping, .cancelled])
    }

    @Test func `that comes before the script began keeps it from ever beginning`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\ntouch \(shop.scratch("outbox"))/ran\n")
        let dead = JobStore(shop.database, actor: "worker")
        _ = try dead.claimNext(at: Instant.now())
        #expect(try wish(shop, job) == .requested)
        let end = try shop.runToEnd(job)
        #expect(end.state == .cancelled)
        #expect(access(shop.scratch("outbox/ran"), F_OK) != 0)
        #expect(try shop.subjects(job) == ["Job #\(job) [test.sh] Cancelled"])
    }

    @Test func `does not make a success of a script that had succeeded before it came`() throws {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\n")
        try shop.step()
        let name = try shop.job(job).attemptName
        try waitUntil("the record") {
            try asOrdinaryUser {
                try AttemptDirectory.open(in: shop.settings.attemptsDir, named: name)?.exitRecord() != nil
            }
        }
        #expect(try wish(shop, job) == .requested)
        #expect(try shop.runToEnd(job).state == .succeeded)
    }
}

@Suite struct `A job whose supervisor was killed` {
    @Test func `is lost, with no status made up and no process left`() throws {
        let shop = try Shop()
        let script = """
            #!/bin/sh
            setsid sh -c 'while :; do sleep 0.05; done' < /dev/null > /dev/null 2>&1 & echo $! > daemon
            touch up
            while :; do sleep 0.05; done
            """
        let job = try shop.submit(text: script)
        try waitUntil("the script") {
            try shop.step()
            return try shop.state(job) == .running && shop.hasOutput(job, "up")
        }
        let daemon = try #require(Int32(try shop.output(job, "daemon").dropLast()))
        let attempt = try shop.database.first("SELECT guard_pid, script_pid FROM attempts") {
            (Int32($0.int(0)), Int32($0.int(1)))
        }
        let (guardPID, script2) = try #require(attempt)
        let children = try Descriptor.open("/proc/\(guardPID)/task/\(guardPID)/children", O_RDONLY).readAll(limit: 99)
        let shim = try #require(Int32(String(decoding: children, as: UTF8.self).split(separator: " ")[0]))
        kill(guardPID, SIGSTOP)
        kill(shim, SIGKILL)
        kill(guardPID, SIGKILL)
        let end = try shop.runToEnd(job)
        #expect(end.state == .lost)
        #expect(end.exitCode == nil && end.signal == nil)
        #expect(try shop.subjects(job).last == "Job #\(job) [test.sh] Lost")
        for pid in [daemon, script2] {
            try waitUntil("process \(pid) is gone") { isGone(pid) }
        }
    }

    /// Gone, or a zombie that nobody has buried yet.
    private func isGone(_ pid: Int32) -> Bool {
        guard let stat = try? Descriptor.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096) else { return true }
        return String(decoding: stat, as: UTF8.self).contains(") Z ")
    }
}
