import Linux
import TestSupport
import Testing

@testable import Supervision

@Suite struct `A log beyond its budget` {
    /// Bytes of disk.
    func allocated(_ trial: Trial) throws -> Int64 {
        Int64(try trial.directory().descriptor.open(beneath: "log", O_RDONLY).status().st_blocks) * 512
    }

    @Test func `loses its middle and keeps beginning and end, and the script does not notice`() throws {
        let trial = try Trial()
        let budget: Int64 = 512 << 10
        // 8 MB of numbered lines.
        let record = try trial.run(
            try trial.order("#!/usr/bin/perl\nprintf \"%07d\\n\", $_ for 0..999999; exit 7;\n", maxLogBytes: budget))
        #expect(record?.outcome == .exited(7))
        #expect(record?.stop == ExitRecord.Stop.none)
        #expect(record?.logBytes == 8_000_000)
        #expect(try allocated(trial) <= budget * 2)
        let log = try trial.directory().descriptor.open(beneath: "log", O_RDONLY)
        let found = log.firstHole(before: 8_000_000)
        let hole = try #require(found)
        #expect(hole.lowerBound >= budget / 2 && 8_000_000 - hole.upperBound >= budget / 2)
        let bytes = try log.readAllFromStart()
        for number in [0, 1, Int(budget / 16) - 1, 999_999, 1_000_000 - Int(budget / 16)] {
            let line = bytes[(number * 8)..<(number * 8 + 8)]
            let digits = String(number)
            #expect(
                String(decoding: line, as: UTF8.self) == String(repeating: "0", count: 7 - digits.count) + digits + "\n"
            )
        }
        #expect(!bytes[..<Int(hole.lowerBound)].contains(0) && !bytes[Int(hole.upperBound)...].contains(0))
    }

    @Test func `is bounded while the script runs, and again after the shim died`() throws {
        let trial = try Trial()
        let budget: Int64 = 256 << 10
        let script = """
            #!/bin/sh
            head -c 3000000 /dev/zero | tr '\\0' x; touch one
            while [ ! -e go ]; do sleep 0.02; done
            head -c 3000000 /dev/zero | tr '\\0' y; touch two
            while [ ! -e end ]; do sleep 0.02; done
            echo bye
            """
        try trial.start(try trial.order(script, maxLogBytes: budget))
        try trial.waitForFile("one")
        try waitUntil("the middle is out") { try allocated(trial) <= budget * 2 }
        kill(try trial.shimPID(), SIGKILL)
        try trial.make("go")
        try trial.waitForFile("two")
        try waitUntil("the middle is out") { try allocated(trial) <= budget * 2 }
        try trial.make("end")
        #expect(try trial.waitForSupervisor()?.outcome == .exited(0))
        let log = try trial.directory().descriptor.open(beneath: "log", O_RDONLY)
        let found = log.firstHole(before: .max)
        let hole = try #require(found)
        // One hole, from where the shim had begun it.
        #expect(hole.lowerBound <= budget && hole.upperBound > 5_000_000)
        let bytes = try log.readAllFromStart()
        #expect(bytes.suffix(5).elementsEqual("ybye\n".utf8))
    }

    @Test func `of nothing keeps little`() throws {
        let trial = try Trial()
        let script = "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x\n"
        #expect(try trial.run(try trial.order(script, maxLogBytes: 0))?.outcome == .exited(0))
        #expect(try allocated(trial) <= 131_072)
    }

    @Test func `that is not exceeded loses nothing`() throws {
        let trial = try Trial()
        let script = "#!/bin/sh\nhead -c 900000 /dev/zero | tr '\\0' x\n"
        #expect(try trial.run(try trial.order(script, maxLogBytes: 1_000_000))?.outcome == .exited(0))
        let hole = try trial.directory().descriptor.open(beneath: "log", O_RDONLY).firstHole(before: 900_000)
        #expect(hole == nil)
    }

    @Test(.enabled(if: Strace.isThere, "needs strace"))
    func `stops the script where the file system knows no holes, because the disk must not fill`() throws {
        let trial = try Trial()
        let record = try trial.run(
            try trial.order("#!/bin/sh\nexec yes\n", maxLogBytes: 256 << 10),
            through: Strace.command(["inject=fallocate:error=EOPNOTSUPP"]))
        #expect(record?.stop == .outputLimit)
    }

    @Test(.enabled(if: Strace.isThere, "needs strace"))
    func `is told of when the disk refuses to punch, and costs no status`() throws {
        let trial = try Trial()
        let record = try trial.run(
            try trial.order("#!/bin/sh\nhead -c 1000000 /dev/zero\nexit 7\n", maxLogBytes: 128 << 10),
            through: Strace.command(["inject=fallocate:error=EIO"]))
        #expect(record?.outcome == .exited(7))
        #expect(record?.hadStorageTrouble == true)
    }
}

@Suite struct `How often a supervisor wakes up` {
    /// While the script does something, by what the script itself sees of the shim.
    func wakeUps(while body: String) throws -> Int32 {
        let trial = try Trial()
        let script = """
            #!/bin/sh
            tell() { sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' /proc/$PPID/status > $1; }
            sleep 0.5
            tell before
            \(body)
            tell after
            """
        #expect(try trial.run(try trial.order(script))?.outcome == .exited(0))
        return try trial.number("after") - trial.number("before")
    }

    @Test func `is never, while the script is quiet`() throws {
        #expect(try wakeUps(while: "sleep 4") <= 1)
    }

    @Test func `is not with every line of a talkative script`() throws {
        let body = "for i in 1 2 3 4 5 6 7 8 9 10; do for k in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.02; done; done"
        #expect(try wakeUps(while: body) < 50)
    }
}

extension Descriptor {
    fileprivate borrowing func readAllFromStart() throws -> [UInt8] {
        lseek(number, 0, SEEK_SET)
        return try readAll(limit: 1 << 25)
    }
}
