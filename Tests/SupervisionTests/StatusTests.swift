import Linux
import TestSupport
import Testing

@testable import Supervision

@Suite struct `An exit status` {
    /// Ends with status 7 when it is told to.
    static let script = "#!/bin/sh\ntouch up\nwhile [ ! -e go ]; do sleep 0.02; done\nexit 7\n"

    func start(_ trial: Trial) throws {
        try trial.start(try trial.order(Self.script))
        try trial.waitForFile("up")
    }

    @Test func `survives the shim's death`() throws {
        let trial = try Trial()
        try start(trial)
        kill(try trial.shimPID(), SIGKILL)
        try trial.make("go")
        #expect(try trial.waitForSupervisor()?.outcome == .exited(7))
    }

    @Test func `survives the guard's death`() throws {
        let trial = try Trial()
        try start(trial)
        kill(trial.supervisorPID, SIGKILL)
        try trial.waitForSupervisor()
        #expect(try trial.directory().isAlive())
        try trial.make("go")
        try waitUntil("the shim's end") { try !trial.directory().isAlive() }
        #expect(try trial.directory().exitRecord()?.outcome == .exited(7))
    }

    @Test func `is unknown, and never made up, when both die`() throws {
        let trial = try Trial()
        try start(trial)
        let script = try trial.beginning().script
        try trial.killBoth()
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
            try trial.make("go")
            var shim: Int32?
            while access(trial.attempts + "/a.1/start", F_OK) != 0 { shim = trial.shimNow() ?? shim }
            if let shim { kill(shim, SIGKILL) }
            let outcome = try trial.waitForSupervisor()?.outcome
            #expect(outcome == nil || outcome == .exited(7) || outcome == .notStarted(errno: 0))
            #expect((outcome == .exited(7)) == trial.has("up") || outcome == nil)
        }
    }

    @Test(.enabled(if: Strace.isThere, "needs strace"))
    func `of a script that could not be started is known although the shim died over it`() throws {
        let trial = try Trial()
        // Whoever is about to look at the script's end stands still.
        try trial.start(
            try trial.order("#!/no/such/interpreter\n"), through: Strace.command(["inject=waitid:signal=STOP:when=1"]))
        let watchers = try trial.beginning().watchers
        try waitUntil("the shim stands still") { isStopped(watchers[1].pid) }
        watchers[1].send(SIGKILL)
        try waitUntil("the guard stands still") { isStopped(watchers[0].pid) }
        watchers[0].send(SIGCONT)
        #expect(try trial.waitForSupervisor()?.outcome == .notStarted(errno: Int(ENOENT)))
    }

    @Test func `goes to no stranger who has the number now`() throws {
        let mine = try #require(ProcessIdentity(of: getpid()))
        #expect(!ProcessIdentity(pid: mine.pid, start: mine.start + 1, bootID: mine.bootID).send(0))
        #expect(!ProcessIdentity(pid: mine.pid, start: mine.start, bootID: "another").send(0))
        #expect(mine.send(0))
    }

    @Test func `can be waited for by whoever watches guard and shim`() throws {
        let trial = try Trial()
        try start(trial)
        let beginning = try trial.beginning()
        #expect(beginning.guardPID == trial.supervisorPID)
        #expect(beginning.watchers.map(\.pid) == [trial.supervisorPID, try trial.shimPID()])
        for watcher in beginning.watchers { #expect(!isOver(watcher)) }
        // One of them is not enough.
        kill(trial.supervisorPID, SIGKILL)
        try trial.waitForSupervisor()
        #expect(isOver(beginning.watchers[0]))
        let shim = beginning.watchers[1].open()
        #expect(!isOver(beginning.watchers[1]))
        try trial.make("go")
        try waitUntil("the shim's end") { isReadable(shim) }
        #expect(try trial.directory().exitRecord()?.outcome == .exited(7))
    }

    private func isOver(_ process: ProcessIdentity) -> Bool {
        let descriptor = process.open()
        return isReadable(descriptor) || descriptor.numberIfAny < 0
    }

    private func isReadable(_ process: borrowing Descriptor?) -> Bool {
        var waiting = [pollfd(fd: process.numberIfAny, events: Int16(POLLIN), revents: 0)]
        return poll(&waiting, 1, 0) == 1
    }
}
