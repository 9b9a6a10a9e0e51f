import JobQueue
import Linux
import Mail
import Scripts
import TestSupport
import Testing

@testable import Execution
@testable import Supervision

@Suite struct `A limit of the settings` {
    @Test func `binds each process of a script`() throws {
        let shop = try Shop([
            "max_cpu_time=1h", "max_address_space=4G", "max_open_files=77", "max_file_bytes=3M", "max_processes=5000",
            "cgroup=off",
        ])
        let job = try shop.submit(
            text: "#!/bin/bash\n{ ulimit -t; ulimit -v; ulimit -n; ulimit -f; ulimit -u; ulimit -c; } > limits\n")
        #expect(try shop.runToEnd(job).state == .succeeded)
        // Seconds, KiB, files, KiB, processes, and core dumps, which are always off.
        #expect(try shop.output(job, "limits") == "3600\n4194304\n77\n3072\n5000\n0\n")
    }

    @Test func `that a file grew beyond ends the job as too much output`() throws {
        let shop = try Shop(["max_file_bytes=1M"])
        let job = try shop.submit(text: "#!/bin/sh\nexec head -c 2000000 /dev/zero > large\n")
        let end = try shop.runToEnd(job)
        #expect(end.state == .outputLimit && end.signal == Int(SIGXFSZ))
        #expect(end.reason == "It wrote a larger file than it may, so it was ended.")
    }

    @Test func `on processor time ends the job as timed out`() throws {
        let shop = try Shop(["max_cpu_time=1s"])
        let job = try shop.submit(text: "#!/bin/sh\nwhile :; do :; done\n")
        let end = try shop.runToEnd(job)
        #expect(end.state == .timedOut && end.signal == Int(SIGXCPU))
        #expect(end.reason == "It used more processor time than it may, so it was ended.")
    }

    @Test func `on memory is what the script declares, or else what is declared for all`() throws {
        let (declared, memory, cpus) = (Needs(cpus: 1, memory: 64 << 20), Needs(memory: 32 << 20), Needs(cpus: 1))
        let table: [(lines: [String], needs: Needs, expected: Int64)] = [
            ([], declared, 64 << 20), ([], memory, 32 << 20), ([], cpus, 0), ([], .undeclared, 0),
            (["default_memory=16M"], declared, 64 << 20), (["default_memory=16M"], .undeclared, 16 << 20),
            // A share of the memory is what it is given to plan with, not what it has asked to be bound to.
            (["default_memory=16M"], cpus, 0),
        ]
        for (lines, needs, expected) in table {
            let shop = try Shop(lines)
            _ = try shop.submit(text: "#!/bin/sh\n", on: Terms(needs: needs))
            let order = try asOrdinaryUser {
                let claimed = try #require(try shop.worker.jobs.claimNext(at: shop.clock.now()))
                return try shop.worker.commission.order(for: claimed, [])
            }
            #expect(order.memory == expected, "\(lines) \(needs)")
        }
    }
}

@Suite struct `A verdict on a script that the kernel ended` {
    private func verdict(
        _ outcome: ExitRecord.Outcome, _ stop: ExitRecord.Stop = .none, outOfMemory: Bool = false,
        watched: Bool = false, trouble: Bool = false, byAdmin: Bool = false
    ) -> Verdict {
        Verdict(
            ExitRecord(
                outcome: outcome, stop: stop, endedAt: 9, maxRSS: 1, userTime: 2, systemTime: 3, logBytes: 4,
                wasOutOfMemory: outOfMemory, hadStorageTrouble: trouble, memoryWasWatched: watched),
            begun: nil, byAdmin: byAdmin)
    }

    @Test func `says out of memory only where the kernel counted it`() {
        let end = verdict(.signalled(9), outOfMemory: true, watched: true)
        #expect(end.ending.state == .outOfMemory && end.ending.signal == 9)
        // A shell whose program was killed.
        #expect(verdict(.exited(137), outOfMemory: true, watched: true).ending.state == .outOfMemory)
        let watched = verdict(.signalled(9), watched: true)
        #expect(watched.ending.state == .failed)
        #expect(watched.sentence.contains("not because it had used up its memory"))
        let unwatched = verdict(.signalled(9))
        #expect(unwatched.ending.state == .failed)
        #expect(unwatched.sentence.contains("killed (9), cause unknown"))
    }

    @Test func `says that somebody wished it before it blames the memory`() {
        #expect(verdict(.signalled(9), .requested, outOfMemory: true, watched: true).ending.state == .cancelled)
        #expect(verdict(.signalled(15), .requested).sentence == "You cancelled it; it was stopped.")
        let byAdmin = verdict(.signalled(15), .requested, byAdmin: true)
        #expect(byAdmin.sentence == "The administrator cancelled it; it was stopped.")
        #expect(byAdmin.ending.reason == "Cancelled by the administrator while it ran.")
    }

    @Test func `tells of a disk that failed, and changes nothing else for it`() {
        let good = verdict(.exited(0), trouble: true)
        #expect(good.ending.state == .succeeded && good.outcome == .complete)
        #expect(good.ending.reason == "The disk failed while it ran, so its log may have gaps.")
        #expect(verdict(.exited(0)).ending.reason == nil)
    }
}
