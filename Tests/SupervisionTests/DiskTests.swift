import Linux
import TestSupport
import Testing

@testable import Supervision

@Suite struct `What stands on the disk` {
    static let script = ProcessIdentity(pid: 7, start: 70, bootID: "boot")

    @Test func `is read as it was written`() throws {
        let order = Order(
            program: "/x", arguments: ["a", "", "ω\n"], environment: ["A=b"], workingDirectory: "/w", grace: 1,
            maxLogBytes: 2, timeLimit: 3,
            limits: Limits(cpuSeconds: 4, addressSpace: 5, openFiles: 6, processes: 7, fileSize: 8), memory: 9,
            processes: 10, cgroupParent: "/sys/fs/cgroup/x")
        #expect(try Order(decoding: order.encoded) == order)

        for flag in 0..<5 {
            let record = ExitRecord(
                outcome: .signalled(9), stop: .timeLimit, endedAt: 1, maxRSS: 2, userTime: 3, systemTime: 4,
                logBytes: 5,
                wasOutOfMemory: flag == 1, killedByUs: flag == 2, hadStorageTrouble: flag == 3,
                memoryWasWatched: flag == 4)
            #expect(record.encoded.count == 4096)
            #expect(ExitRecord(decoding: record.encoded) == record)
        }

        let watchers = [Self.script, ProcessIdentity(pid: 8, start: 80, bootID: "boot")]
        for ticket in [
            Ticket.revoked, .started(.init(script: Self.script, guardPID: 5, at: 6)),
            .started(
                .init(
                    script: Self.script, guardPID: 5, at: 6, watchers: watchers,
                    cgroups: ["/sys/fs/cgroup/a b/x", "/sys/fs/cgroup/y"])),
        ] {
            #expect(Ticket(decoding: ticket.encoded) == ticket)
        }
    }

    @Test func `is still understood as the first releases wrote it`() throws {
        var order = ByteWriter()
        order.put("ScriptRunner order 1")
        order.put("/x")
        order.put(["a", "b"])
        order.put(["A=b"])
        order.put("/w")
        for number in [1, 2, 3] as [Int64] { order.put(number) }
        #expect(
            try Order(decoding: order.bytes)
                == Order(
                    program: "/x", arguments: ["a", "b"], environment: ["A=b"], workingDirectory: "/w", grace: 1,
                    maxLogBytes: 2, timeLimit: 3))

        var record = ByteWriter()
        record.put("ScriptRunner exit record 1")
        for number in [1, 3, 3, 10, 20, 30, 40, 50] as [Int64] { record.put(number) }
        record.put(Int64(crc32(record.bytes)))
        let bytes = record.bytes + [UInt8](repeating: 0, count: 4096 - record.bytes.count)
        #expect(
            ExitRecord(decoding: bytes)
                == ExitRecord(
                    outcome: .exited(3), stop: .outputLimit, endedAt: 10, maxRSS: 20, userTime: 30, systemTime: 40,
                    logBytes: 50))

        let ticket = Array("started 7 70 boot 5 6\n".utf8)
        #expect(Ticket(decoding: ticket) == .started(.init(script: Self.script, guardPID: 5, at: 6)))
        // And as later ones may write it.
        #expect(
            Ticket(decoding: ticket + Array("colour blue\n".utf8))
                == .started(.init(script: Self.script, guardPID: 5, at: 6)))
    }

    @Test func `is nothing when it was not written whole`() {
        let record = ExitRecord(
            outcome: .exited(0), stop: .none, endedAt: 1, maxRSS: 2, userTime: 3, systemTime: 4, logBytes: 5)
        #expect(ExitRecord(decoding: [UInt8](repeating: 0, count: 4096)) == nil)
        for index in 0..<200 where record.encoded[index] != 0xFF {
            var damaged = record.encoded
            damaged[index] ^= 0x10
            #expect(ExitRecord(decoding: damaged) == nil, "byte \(index)")
            #expect(ExitRecord(decoding: Array(record.encoded[..<index])) == nil)
        }
        for line in ["", "started", "started 7 70 boot 5", "started 7 x boot 5 6", "started 7 70 boot 5 6\nwatcher 1"] {
            #expect(Ticket(decoding: Array((line + "\n").utf8)) == nil, "\(line)")
        }
    }

    @Test func `are two places for the record, of which either will do, and the second knows more`() throws {
        let trial = try Trial()
        let made = try AttemptDirectory.make(
            in: trial.attempts, named: "a.1", order: try trial.order("#!/bin/sh\n"))
        guard let attempt = made else { throw SystemError("mkdir", "a.1") }
        #expect(try attempt.exitRecord() == nil)
        for name in ["exit", "exit2"] {
            #expect(attempt.descriptor.allocated(Array(name.utf8)) >= 4096, "\(name) has no place on the disk")
        }
        func record(_ code: Int) -> ExitRecord {
            ExitRecord(
                outcome: .exited(code), stop: .none, endedAt: 1, maxRSS: 2, userTime: 3, systemTime: 4, logBytes: 5)
        }
        func put(_ name: String, _ bytes: [UInt8]) throws {
            try attempt.descriptor.open(beneath: name, O_WRONLY).write(bytes)
        }
        try put("exit", record(1).encoded)
        #expect(try attempt.exitRecord()?.outcome == .exited(1))
        try put("exit2", record(2).encoded)
        #expect(try attempt.exitRecord()?.outcome == .exited(2))
        try put("exit2", [UInt8](repeating: 7, count: 4096))
        #expect(try attempt.exitRecord()?.outcome == .exited(1))
        // As a directory of the first releases.
        unlinkat(attempt.descriptor.number, "exit2", 0)
        #expect(try attempt.exitRecord()?.outcome == .exited(1))
    }
}
