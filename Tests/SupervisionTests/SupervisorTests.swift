import Linux
import TestSupport
import Testing

@testable import Supervision

/// An attempt of this test's own: a script, its directories, and a real supervisor started for it.
final class Trial {
    let scratch = ScratchDirectory()
    let attempts: String
    let work: String
    private(set) var supervisorPID: Int32 = 0

    init() throws {
        attempts = scratch("state/attempts")
        work = scratch("work")
        for folder in [scratch.path, scratch("state"), attempts, work] {
            mkdir(folder, 0o755)
            giveAway(folder)
        }
    }

    /// Nobody else buries the supervisor.
    deinit {
        guard supervisorPID > 0 else { return }
        var status: CInt = 0
        if waitpid(supervisorPID, &status, WNOHANG) == 0 {
            kill(supervisorPID, SIGKILL)
            waitpid(supervisorPID, &status, 0)
        }
    }

    func order(
        _ script: String, _ arguments: [String] = [], environment: [String] = ["PATH=/usr/bin:/bin"],
        grace: Int64 = 10_000, maxLogBytes: Int64 = 1 << 20, timeLimit: Int64 = 0
    ) throws -> Order {
        let path = scratch("script")
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(Array(script.utf8))
        fchmod(file.number, 0o755)
        giveAway(path)
        return Order(
            program: path, arguments: [path] + arguments, environment: environment, workingDirectory: work,
            grace: grace,
            maxLogBytes: maxLogBytes, timeLimit: timeLimit)
    }

    /// Makes the attempt and starts its supervisor.
    func start(_ order: Order, name: String = "a.1") throws {
        supervisorPID = try asOrdinaryUser {
            guard let attempt = try AttemptDirectory.make(in: attempts, named: name, order: order)
            else { throw SystemError("mkdir", name) }
            return try attempt.launch(BuiltProgram.path("supervisor"))
        }
    }

    func directory(_ name: String = "a.1") throws -> AttemptDirectory {
        guard let directory = try AttemptDirectory.open(in: attempts, named: name) else {
            throw SystemError("open", name)
        }
        return directory
    }

    /// Starts, waits for the supervisor's end, and returns the record.
    func run(_ order: Order) throws -> ExitRecord? {
        try start(order)
        try waitForSupervisor()
        return try directory().exitRecord()
    }

    func waitForSupervisor() throws {
        var status: CInt = 0
        let pid = supervisorPID
        _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
    }

    func log() throws -> String {
        String(
            decoding: try directory().descriptor.open(beneath: "log", O_RDONLY).readAll(limit: 1 << 24), as: UTF8.self)
    }

    /// The identity of the script, once it is on the disk.
    func script() throws -> (identity: ProcessIdentity, guardPID: Int32) {
        var found: (ProcessIdentity, Int32)?
        try waitUntil("the ticket") {
            if case .started(let script, let guardPID, _) = try directory().ticket() { found = (script, guardPID) }
            return found != nil
        }
        return found!
    }

    /// The guard's child, if it has one by now.
    func shimNow() -> Int32? {
        let path = "/proc/\(supervisorPID)/task/\(supervisorPID)/children"
        guard let children = try? Descriptor.open(path, O_RDONLY).readAll(limit: 999) else { return nil }
        return String(decoding: children, as: UTF8.self).split(separator: " ").first.flatMap { Int32($0) }
    }

    /// The guard's child: the shim.
    func shimPID() throws -> Int32 { try #require(shimNow()) }
}

func exists(_ pid: Int32) -> Bool { kill(pid, 0) == 0 || errno == EPERM }

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
        let (identity, _) = try trial.script()
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

@Suite struct `An exit status` {
    /// Ends with status 7 when it is told to.
    static let script = "#!/bin/sh\ntouch up\nwhile [ ! -e go ]; do sleep 0.02; done\nexit 7\n"

    func start(_ trial: Trial) throws {
        try trial.start(try trial.order(Self.script))
        try waitUntil("the script") { access(trial.work + "/up", F_OK) == 0 }
    }

    func letGo(_ trial: Trial) throws {
        let go = trial.work + "/go"
        _ = try Descriptor.open(go, O_WRONLY | O_CREAT)
    }

    @Test func `survives the shim's death`() throws {
        let trial = try Trial()
        try start(trial)
        kill(try trial.shimPID(), SIGKILL)
        try letGo(trial)
        try trial.waitForSupervisor()
        #expect(try trial.directory().exitRecord()?.outcome == .exited(7))
    }

    @Test func `survives the guard's death`() throws {
        let trial = try Trial()
        try start(trial)
        kill(trial.supervisorPID, SIGKILL)
        try trial.waitForSupervisor()
        #expect(try trial.directory().isAlive())
        try letGo(trial)
        try waitUntil("the shim's end") { try !trial.directory().isAlive() }
        #expect(try trial.directory().exitRecord()?.outcome == .exited(7))
    }

    @Test func `is unknown, and never made up, when both die`() throws {
        let trial = try Trial()
        try start(trial)
        let (script, _) = try trial.script()
        let shim = try trial.shimPID()
        kill(trial.supervisorPID, SIGSTOP)
        kill(shim, SIGKILL)
        kill(trial.supervisorPID, SIGKILL)
        try trial.waitForSupervisor()
        try waitUntil("the lock to be free") { try !trial.directory().isAlive() }
        #expect(try trial.directory().exitRecord() == nil)
        #expect(exists(script.pid))
        #expect(script.send(SIGKILL, toGroup: true))
    }

    @Test func `is none when the shim dies while the script stands at the gate`() throws {
        // Killed as soon as the ticket is to be seen, which often is before the gate has opened: whatever the moment, the
        // status is the script's own or none.
        for _ in 0..<30 {
            let trial = try Trial()
            try trial.start(try trial.order(Self.script))
            try letGo(trial)
            var shim: Int32?
            while access(trial.attempts + "/a.1/start", F_OK) != 0 { shim = trial.shimNow() ?? shim }
            if let shim { kill(shim, SIGKILL) }
            try trial.waitForSupervisor()
            let outcome = try trial.directory().exitRecord()?.outcome
            #expect(outcome == nil || outcome == .exited(7) || outcome == .notStarted(errno: 0))
            #expect((outcome == .exited(7)) == (access(trial.work + "/up", F_OK) == 0) || outcome == nil)
        }
    }

    @Test func `goes to no stranger who has the number now`() throws {
        let mine = try #require(ProcessIdentity(of: getpid()))
        #expect(!ProcessIdentity(pid: mine.pid, start: mine.start + 1, bootID: mine.bootID).send(0))
        #expect(!ProcessIdentity(pid: mine.pid, start: mine.start, bootID: "another").send(0))
        #expect(mine.send(0))
    }
}

@Suite struct `A stop` {
    @Test func `ends a script that listens, and tells that it was wished`() throws {
        let trial = try Trial()
        try trial.start(
            try trial.order("#!/bin/sh\ntrap 'echo bye; exit 5' TERM\ntouch up\nwhile :; do sleep 0.05; done\n"))
        try waitUntil("the script") { access(trial.work + "/up", F_OK) == 0 }
        #expect(try asOrdinaryUser { try trial.directory().requestStop() })
        try trial.waitForSupervisor()
        let record = try trial.directory().exitRecord()
        #expect(record?.outcome == .exited(5))
        #expect(record?.stop == .requested)
        // The shell may tell besides that the sleep was ended.
        #expect(try trial.log().hasSuffix("bye\n"))
    }

    @Test func `ends what ignores TERM, and what has fled into a session of its own`() throws {
        let trial = try Trial()
        let script = """
            #!/bin/sh
            trap '' TERM
            setsid sh -c 'trap "" TERM HUP; echo $$ > daemon; while :; do sleep 0.05; done' < /dev/null > /dev/null 2>&1 &
            (setsid sh -c 'echo $$ > orphan; exec sleep 1000' &)
            while [ ! -s daemon ] || [ ! -s orphan ]; do sleep 0.02; done
            touch up
            while :; do sleep 0.05; done
            """
        try trial.start(try trial.order(script, grace: 100))
        try waitUntil("the script") { access(trial.work + "/up", F_OK) == 0 }
        let pids = try ["daemon", "orphan"].map { name in
            let text = try Descriptor.open(trial.work + "/" + name, O_RDONLY).readAll(limit: 99)
            return try #require(Int32(String(decoding: text.dropLast(), as: UTF8.self)))
        }
        #expect(pids.allSatisfy(exists))
        #expect(try asOrdinaryUser { try trial.directory().requestStop() })
        try trial.waitForSupervisor()
        #expect(try trial.directory().exitRecord()?.outcome == .signalled(Int(SIGKILL)))
        #expect(!pids.contains(where: exists))
    }

    @Test func `comes when the time is over, or the log too long`() throws {
        let slow = try Trial()
        #expect(try slow.run(try slow.order("#!/bin/sh\nexec sleep 1000\n", timeLimit: 200))?.stop == .timeLimit)
        let loud = try Trial()
        #expect(try loud.run(try loud.order("#!/bin/sh\nexec yes\n", maxLogBytes: 10_000))?.stop == .outputLimit)
    }

    @Test func `leaves nothing behind even when the script ends by itself`() throws {
        let trial = try Trial()
        let script = "#!/bin/sh\nsetsid sleep 1000 < /dev/null > /dev/null 2>&1 &\necho $! > left\nexit 0\n"
        #expect(try trial.run(try trial.order(script))?.outcome == .exited(0))
        let text = try Descriptor.open(trial.work + "/left", O_RDONLY).readAll(limit: 99)
        #expect(!exists(try #require(Int32(String(decoding: text.dropLast(), as: UTF8.self)))))
    }
}

@Suite struct `What stands on the disk` {
    @Test func `is read as it was written`() throws {
        let order = Order(
            program: "/x", arguments: ["a", "", "ω\n"], environment: ["A=b"], workingDirectory: "/w", grace: 1,
            maxLogBytes: 2,
            timeLimit: 3)
        #expect(try Order(decoding: order.encoded) == order)
        let record = ExitRecord(
            outcome: .signalled(9), stop: .timeLimit, endedAt: 1, maxRSS: 2, userTime: 3, systemTime: 4, logBytes: 5)
        #expect(record.encoded.count == 4096)
        #expect(ExitRecord(decoding: record.encoded) == record)
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
    }
}
