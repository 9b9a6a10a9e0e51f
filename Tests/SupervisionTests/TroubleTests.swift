import Linux
import TestSupport
import Testing

@testable import Supervision

/// Disks that are full or broken, at every place where a supervisor writes. strace(1) lets the system calls fail.
@Suite(.enabled(if: Strace.isThere, "needs strace")) struct `A disk that fails` {
    static let script = "#!/bin/sh\ntouch ran\necho hello\nexit 7\n"

    /// Runs the script while calls of the supervisor fail.
    func run(
        _ trial: Trial, _ injections: String..., on files: String...
    ) throws -> ExitRecord? {
        let paths = files.map { trial.attempts + "/a.1/" + $0 }
        let command = Strace.command(injections.map { "inject=" + $0 }, on: paths)
        return try trial.run(try trial.order(Self.script), through: command)
    }

    @Test(arguments: ["write:error=ENOSPC", "write:error=EIO", "fdatasync:error=EIO"])
    func `at the exit record costs no status: the second file takes it, and says so`(fault: String) throws {
        let trial = try Trial()
        let record = try run(trial, fault, on: "exit")
        #expect(record?.outcome == .exited(7))
        #expect(record?.hadStorageTrouble == true)
        #expect(try trial.directory().trouble().contains("exit"))
        let second = try trial.directory().descriptor.open(beneath: "exit2", O_RDONLY).readAll(limit: 4096)
        #expect(ExitRecord(decoding: second) == record)
    }

    @Test func `at the exit record is not tried again on the same file, not even by the guard`() throws {
        let trial = try Trial()
        // The first fdatasync of a record fails, every later one would go well.
        let path = trial.attempts + "/a.1/exit"
        let order = try trial.order(Self.script)
        try trial.start(
            order,
            through: Strace.command(["inject=fdatasync:error=EIO:when=1"], on: [path], output: trial.scratch("trace")))
        #expect(try trial.waitForSupervisor()?.hadStorageTrouble == true)
        let trace = try Descriptor.open(trial.scratch("trace"), O_RDONLY).readAll(limit: 1 << 20)
        #expect(String(decoding: trace, as: UTF8.self).components(of: "fdatasync(") == 1)
    }

    @Test func `at the log is told, and costs no status`() throws {
        let trial = try Trial()
        let record = try run(trial, "fdatasync:error=EIO", on: "log")
        #expect(record?.outcome == .exited(7))
        #expect(record?.hadStorageTrouble == true)
        #expect(try trial.directory().trouble().contains("log"))
        let healthy = try Trial()
        #expect(try healthy.run(try healthy.order(Self.script))?.hadStorageTrouble == false)
    }

    @Test func `at both files of the record leaves the status unknown`() throws {
        let trial = try Trial()
        #expect(try run(trial, "write:error=ENOSPC", on: "exit", "exit2") == nil)
        #expect(trial.has("ran"))
        #expect(try !trial.directory().isAlive())
        #expect(try trial.directory().trouble().contains("exit2"))
    }

    /// The writing of the ticket: the unnamed file, its fsync, the link. Only the shim does these, and nothing else of it.
    @Test(arguments: ["fsync:error=EIO:when=1", "fsync:error=ENOSPC:when=1", "linkat:error=ENOSPC", "linkat:error=EIO"])
    func `at the ticket keeps the script from ever beginning`(fault: String) throws {
        let trial = try Trial()
        #expect(try run(trial, fault) == nil)
        #expect(!trial.has("ran"))
        #expect(try trial.directory().ticket() == nil)
        #expect(try !trial.directory().isAlive())
        let trouble = try trial.directory().trouble()
        #expect(trouble.contains("Input/output") || trouble.contains("No space"), "\(trouble)")
        // The worker goes on from here.
        #expect(try asOrdinaryUser { try trial.directory().revoke() })
    }

    @Test func `at the ticket's name runs nothing either, though the ticket is seen`() throws {
        let trial = try Trial()
        #expect(try run(trial, "fsync:error=EIO:when=2")?.outcome == .notStarted(errno: 0))
        #expect(!trial.has("ran"))
        #expect(try trial.directory().trouble().contains("Input/output"))
    }

    /// Each write of the whole life, one after the other: the ticket, the gate, the record, and what is said in between.
    @Test(arguments: 1...8) func `at any write changes no status`(number: Int) throws {
        let trial = try Trial()
        let outcome = try run(trial, "write:error=ENOSPC:when=\(number)")?.outcome
        #expect(outcome == (trial.has("ran") ? .exited(7) : outcome == nil ? nil : .notStarted(errno: 0)))
        #expect(try !trial.directory().isAlive())
    }
}

extension String {
    /// How often `word` stands in it.
    fileprivate func components(of word: String) -> Int {
        utf8.indices.count { self.utf8[$0...].starts(with: word.utf8) }
    }
}
