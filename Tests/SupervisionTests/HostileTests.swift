import Linux
import TestSupport
import Testing

@testable import Supervision

/// Scripts whose processes would rather stay. Every one of them has to be gone when the supervisor is.
@Suite struct `A tree that will not end` {
    /// Starts it, waits until it is in full swing, and ends it at once.
    func end(_ script: String, when isUp: (Trial) throws -> Bool) throws {
        let trial = try Trial()
        // Should it ever get out of hand, the machine shall not suffer.
        try trial.start(try trial.order(script, grace: 0, limits: Limits(processes: 6000)))
        try waitUntil("the tree") { try isUp(trial) }
        #expect(try trial.requestStop())
        #expect(try trial.waitForSupervisor()?.stop == .requested)
        #expect(try relatives(of: trial) == [])
    }

    /// Each process lives a moment only: long enough to start its successor in another session.
    static let restless = """
        #!/usr/bin/perl
        use POSIX 'setsid';
        $SIG{TERM} = $SIG{HUP} = 'IGNORE';
        for (1..40) { goto STORM unless fork }
        sleep 1000 while 1;
        STORM:
        open F, ">up.$$"; close F;
        while (1) { exit if fork; setsid }
        """

    @Test func `because forty of it make themselves daemons without end`() throws {
        try end(Self.restless) { trial in
            try Descriptor.directory(trial.work).entries().count { $0.starts(with: "up.".utf8) } >= 40
        }
    }

    @Test func `because it forked twice, ignores TERM, stands still, or watches over itself`() throws {
        let script = """
            #!/usr/bin/perl
            use POSIX 'setsid';
            $SIG{TERM} = $SIG{HUP} = 'IGNORE';
            sub up { open F, ">up.$_[0]"; close F }
            # A daemon as the books have it.
            if (!fork) { setsid; exit if fork; up 'daemon'; sleep 1000 while 1 }
            # One that stands still.
            if (!fork) { setsid; up 'still'; kill 'STOP', $$ while 1 }
            # Two that start each other again.
            if (!fork) { setsid; while (1) { if (!fork) { up 'twin'; sleep 1000 while 1 } wait } }
            # A chain of a hundred.
            if (!fork) { for (1..100) { last if fork } up 'chain'; sleep 1000 while 1 }
            sleep 1000 while 1
            """
        try end(script) { trial in ["daemon", "still", "twin", "chain"].allSatisfy { trial.has("up." + $0) } }
    }

    @Test func `because its first thread has ended while another goes on`() throws {
        // Such a process looks like a zombie, and is none.
        let script = """
            #!/usr/bin/python3
            import ctypes, os, threading, time
            if os.fork() == 0:
                os.setsid()
                threading.Thread(target=lambda: (time.sleep(0.1), open('up', 'w'), time.sleep(1000))).start()
                ctypes.CDLL(None).pthread_exit(None)
            time.sleep(1000)
            """
        try end(script) { $0.has("up") }
    }

    @Test func `because it forks from a thread of its own`() throws {
        let script = """
            #!/usr/bin/python3
            import os, threading, time
            def start():
                if os.fork() == 0:
                    os.setsid()
                    open('up', 'w')
                time.sleep(1000)
            threading.Thread(target=start).start()
            time.sleep(1000)
            """
        try end(script) { $0.has("up") }
    }

    @Test func `has its orphans buried while it runs`() throws {
        let trial = try Trial()
        // The zombies would count against every limit of processes.
        let script = """
            #!/bin/sh
            for i in 1 2 3 4 5; do (setsid true &); done
            children=/proc/$PPID/task/$PPID/children
            while [ "$(cat $children)" != "$$ " ]; do sleep 0.02; done
            """
        let order = try trial.order(script, timeLimit: 60_000)
        #expect(try trial.run(order)?.outcome == .exited(0))
    }
}

@Suite struct `What is left when guard and shim were killed` {
    /// Three generations: the script, one in a session of its own without the mark, and its child. One that has nothing but
    /// the mark, and one that has nothing but the session. And one that has nothing of the script any more: another session, no mark, no parent.
    static let script = """
        #!/bin/sh
        env -i setsid sh -c 'echo $$ > child; sh -c "echo \\$\\$ > grandchild; exec sleep 1000"; true' &
        (env -i setsid sh -c 'echo $$ > orphan; exec sleep 1000' &)
        (setsid sh -c 'echo $$ > marked; exec sleep 1000' &)
        (env -i sh -c 'echo $$ > plain; exec sleep 1000' &)
        while [ ! -s marked ] || [ ! -s plain ] || [ ! -s child ] || [ ! -s grandchild ] || [ ! -s orphan ]; do sleep 0.02; done
        touch up
        while :; do sleep 0.05; done
        """

    @Test func `is found by mark, session and descent`() throws {
        let trial = try Trial()
        try trial.start(try trial.order(Self.script))
        try trial.waitForFile("up")
        let beginning = try trial.beginning()
        try trial.killBoth()
        let (child, grandchild) = (try trial.number("child"), try trial.number("grandchild"))
        let orphan = try #require(ProcessIdentity(of: try trial.number("orphan")))
        defer { orphan.send(SIGKILL) }
        #expect(!isGone(beginning.script.pid) && !isGone(child) && !isGone(grandchild))
        try asOrdinaryUser {
            try Strays.kill(marked: "SR_TRIAL=\(trial.scratch.path)", session: beginning.script)
        }
        #expect(isGone(beginning.script.pid) && isGone(child) && isGone(grandchild))
        #expect(isGone(try trial.number("marked")))
        #expect(isGone(try trial.number("plain")))
        // Nothing but a cgroup could tell whose this one is.
        #expect(!isGone(orphan.pid))
    }

    @Test func `is ended also when it looks like a zombie, and is none`() throws {
        let trial = try Trial()
        let script = """
            #!/usr/bin/python3
            import ctypes, os, threading, time
            def live():
                while b') Z' not in open('/proc/%d/stat' % os.getpid(), 'rb').read():
                    time.sleep(0.02)
                open('up', 'w')
                time.sleep(1000)
            threading.Thread(target=live).start()
            ctypes.CDLL(None).pthread_exit(None)
            """
        try trial.start(try trial.order(script))
        try trial.waitForFile("up")
        let process = try trial.beginning().script
        try trial.killBoth()
        #expect(threads(process.pid) > 0)
        try asOrdinaryUser { try Strays.kill(marked: "SR_TRIAL=\(trial.scratch.path)", session: process) }
        #expect(threads(process.pid) <= 0)
    }

    /// How many live besides the first.
    private func threads(_ pid: Int32) -> Int {
        ((try? Descriptor.directory("/proc/\(pid)/task").entries().count) ?? 0) - 1
    }

    /// A script of somebody else's that ends well if nobody harms it.
    private func stranger(_ environment: [String]? = nil, _ harm: (ProcessIdentity) throws -> Void) throws {
        let trial = try Trial()
        try trial.start(
            try trial.order(
                "#!/bin/sh\ntouch up\nwhile [ ! -e go ]; do sleep 0.02; done\n", environment: environment))
        try trial.waitForFile("up")
        let script = try trial.beginning().script
        try asOrdinaryUser { try harm(script) }
        try trial.make("go")
        #expect(try trial.waitForSupervisor()?.outcome == .exited(0))
    }

    @Test func `is never a stranger's, though the session's number has gone to them`() throws {
        // As if an attempt's script had had the same number, and died some time ago.
        try stranger(["PATH=/usr/bin:/bin"]) { theirs in
            let mine = ProcessIdentity(pid: theirs.pid, start: theirs.start - 1, bootID: theirs.bootID)
            try Strays.kill(marked: "SR_TRIAL=mine", session: mine)
        }
        // Should even their leader be gone, so that nobody has the number any more, their own mark tells.
        try stranger { theirs in try Strays.kill(marked: "SR_TRIAL=mine", session: theirs) }
    }

    @Test func `is nothing after a restart of the machine`() throws {
        let trial = try Trial()
        try trial.start(try trial.order("#!/bin/sh\ntouch up\nwhile [ ! -e go ]; do sleep 0.02; done\n"))
        try trial.waitForFile("up")
        let script = try trial.beginning().script
        let before = ProcessIdentity(pid: script.pid, start: script.start, bootID: "an earlier boot")
        try asOrdinaryUser { try Strays.kill(marked: "SR_TRIAL=\(trial.scratch.path)", session: before) }
        try trial.make("go")
        #expect(try trial.waitForSupervisor()?.outcome == .exited(0))
    }
}
