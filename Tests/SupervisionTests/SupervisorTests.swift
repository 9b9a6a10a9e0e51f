import Linux
import TestSupport
import Testing

@testable import Supervision

@Suite struct `A supervisor` {
    @Test(arguments: [0, 1, 3, 127, 255]) func `records the true exit status`(status: Int) throws {
        let trial = try Trial()
        let record = try trial.run(try trial.order("#!/bin/sh\necho hello; exit \(status)\n"))
        #expect(record?.outcome == .exited(status))
        #expect(record?.stop == ExitRecord.Stop.none)
        #expect(try trial.log() == "hello\n")
        #expect(record?.logBytes == 6)
        #expect(try !trial.directory().isAlive())
    }

    @Test(arguments: [SIGKILL, SIGTERM, SIGSEGV]) func `names the signal that ended the script`(number: Int32) throws {
        let trial = try Trial()
        let record = try trial.run(try trial.order("#!/bin/sh\nkill -\(number) $$\nsleep 10\n"))
        #expect(record?.outcome == .signalled(Int(number)))
    }

    @Test func `hands over arguments byte by byte`() throws {
        let trial = try Trial()
        let arguments = ["", " a  b ", "'\"`$(touch pwned)`\"'", "two\nlines\r\n", "\u{1F9EC}ω", "-n", "*", "\\"]
        let script = "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\0' \"$a\"; done\n"
        #expect(try trial.run(try trial.order(script, arguments))?.outcome == .exited(0))
        #expect(try trial.log() == arguments.map { $0 + "\0" }.joined())
        #expect(access(trial.work + "/pwned", F_OK) != 0)
    }

    @Test func `gives the script exactly its environment, its folder, and three descriptors`() throws {
        let trial = try Trial()
        let script =
            "#!/bin/sh\n/usr/bin/env; pwd; umask; /bin/readlink /proc/self/fd/0; /bin/ls /proc/self/fd | /usr/bin/wc -l\n"
        let record = try trial.run(try trial.order(script, environment: ["PATH=/usr/bin:/bin", "SCRIPTRUNNER_JOB=7"]))
        #expect(record?.outcome == .exited(0))
        let lines = Set(try trial.log().split(separator: "\n").map(String.init))
        // The shell adds PWD; ls itself opens one descriptor and has a pipe for its output.
        #expect(
            lines == [
                "PATH=/usr/bin:/bin", "SCRIPTRUNNER_JOB=7", "PWD=\(trial.work)", trial.work, "0027", "/dev/null", "4",
            ])
    }

    @Test func `tells why a script could not be started`() throws {
        for (script, code) in [("#!/no/such/interpreter\n", ENOENT), ("no interpreter line\n", ENOEXEC)] {
            let trial = try Trial()
            #expect(try trial.run(try trial.order(script))?.outcome == .notStarted(errno: Int(code)))
        }
    }

    @Test func `has the script's identity on the disk before its first instruction`() throws {
        let trial = try Trial()
        let script = "#!/bin/sh\ncat \(trial.attempts)/a.1/start; echo $$\n"
        #expect(try trial.run(try trial.order(script))?.outcome == .exited(0))
        let identity = try trial.beginning().script
        let log = try trial.log()
        #expect(log.hasPrefix("started \(identity.pid) \(identity.start) \(ProcessIdentity.currentBoot) "))
        #expect(log.hasSuffix("\n\(identity.pid)\n"))
    }

    @Test func `never runs an attempt that was revoked before it came`() throws {
        let trial = try Trial()
        let order = try trial.order("#!/bin/sh\ntouch ran\n")
        try asOrdinaryUser {
            guard let attempt = try AttemptDirectory.make(in: trial.attempts, named: "a.1", order: order)
            else { throw SystemError("mkdir", "a.1") }
            #expect(try attempt.revoke())
            #expect(try attempt.revoke())
            let pid = try attempt.launch(BuiltProgram.path("supervisor"))
            var status: CInt = 0
            waitpid(pid, &status, 0)
        }
        #expect(access(trial.work + "/ran", F_OK) != 0)
        #expect(try trial.directory().exitRecord() == nil)
        #expect(try trial.directory().ticket() == .revoked)
    }

    @Test func `cannot be revoked once it has begun, nor begin a second time`() throws {
        let trial = try Trial()
        let order = try trial.order("#!/bin/sh\necho x >> count\n")
        _ = try trial.run(order)
        #expect(try asOrdinaryUser { try trial.directory().revoke() } == false)
        try asOrdinaryUser {
            if try AttemptDirectory.make(in: trial.attempts, named: "a.1", order: order) != nil {
                Issue.record("the attempt was made twice")
            }
        }
        try asOrdinaryUser {
            let pid = try trial.directory().launch(BuiltProgram.path("supervisor"))
            var status: CInt = 0
            waitpid(pid, &status, 0)
        }
        let count = try Descriptor.open(trial.work + "/count", O_RDONLY).readAll(limit: 99)
        #expect(count == Array("x\n".utf8))
        #expect(try trial.directory().exitRecord()?.outcome == .exited(0))
    }
}
