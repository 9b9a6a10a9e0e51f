import Linux
import TestSupport
import Testing

@testable import Supervision

@Suite struct `A stop` {
    @Test func `ends a script that listens, and tells that it was wished`() throws {
        let trial = try Trial()
        try trial.start(
            try trial.order("#!/bin/sh\ntrap 'echo bye; exit 5' TERM\ntouch up\nwhile :; do sleep 0.05; done\n"))
        try trial.waitForFile("up")
        #expect(try trial.requestStop())
        let record = try trial.waitForSupervisor()
        #expect(record?.outcome == .exited(5))
        #expect(record?.stop == .requested)
        #expect(record?.killedByUs == false)
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
        try trial.waitForFile("up")
        let pids = try ["daemon", "orphan"].map(trial.number)
        #expect(pids.allSatisfy(exists))
        #expect(try trial.requestStop())
        let record = try trial.waitForSupervisor()
        #expect(record?.outcome == .signalled(Int(SIGKILL)))
        #expect(record?.killedByUs == true)
        #expect(!pids.contains(where: exists))
    }

    @Test func `is not claimed where somebody else sent the KILL`() throws {
        let trial = try Trial()
        let record = try trial.run(try trial.order("#!/bin/sh\nkill -9 $$\n"))
        #expect(record?.outcome == .signalled(Int(SIGKILL)))
        #expect(record?.killedByUs == false)
    }

    @Test func `comes when the time is over`() throws {
        let slow = try Trial()
        let record = try slow.run(try slow.order("#!/bin/sh\nexec sleep 1000\n", timeLimit: 200))
        #expect(record?.stop == .timeLimit)
        // On a loaded machine it may come before the script has begun.
        #expect(record?.outcome == .signalled(Int(SIGTERM)) || record?.outcome == .notStarted(errno: 0))
    }

    @Test func `comes no later for it that the guard had to go on`() throws {
        let trial = try Trial()
        let limit: Int64 = 3000
        try trial.start(try trial.order("#!/bin/sh\ntouch up\nexec sleep 1000\n", timeLimit: limit))
        try trial.waitForFile("up")
        let beginning = try trial.beginning()
        kill(trial.supervisorPID, SIGSTOP)
        beginning.watchers[1].send(SIGKILL)
        // The time is over before the guard can look.
        try waitUntil("the end of the time") { millisecondsSinceBoot() > beginning.script.startedAt + limit }
        let freed = Instant.now().milliseconds
        kill(trial.supervisorPID, SIGCONT)
        let record = try trial.waitForSupervisor()
        #expect(record?.stop == .timeLimit)
        #expect(try #require(record).endedAt < freed + limit)
    }

    @Test func `is heard from the moment on that the ticket is there`() throws {
        for _ in 0..<20 {
            let trial = try Trial()
            try trial.start(try trial.order("#!/bin/sh\nexec sleep 1000\n"))
            while access(trial.attempts + "/a.1/start", F_OK) != 0 {}
            #expect(try trial.requestStop())
            #expect(try trial.waitForSupervisor()?.stop == .requested)
        }
    }

    @Test func `that the shim could not attend to any more is carried out by the guard`() throws {
        let trial = try Trial()
        try trial.start(try trial.order("#!/bin/sh\ntouch up\nexec sleep 1000\n"))
        try trial.waitForFile("up")
        let shim = try trial.shimPID()
        kill(shim, SIGSTOP)
        #expect(try trial.requestStop())
        kill(shim, SIGKILL)
        let record = try trial.waitForSupervisor()
        #expect(record?.stop == .requested)
        #expect(record?.outcome == .signalled(Int(SIGTERM)))
    }

    @Test func `that the shim had begun is carried on by the guard, with the same reason`() throws {
        let trial = try Trial()
        let script = "#!/bin/sh\ntrap 'touch heard' TERM\ntouch up\nwhile [ ! -e go ]; do sleep 0.02; done\nexit 7\n"
        try trial.start(try trial.order(script, grace: 600_000))
        try trial.waitForFile("up")
        #expect(try trial.requestStop())
        try trial.waitForFile("heard")
        kill(try trial.shimPID(), SIGKILL)
        try trial.make("go")
        let record = try trial.waitForSupervisor()
        #expect(record?.stop == .requested)
        #expect(record?.outcome == .exited(7))
    }

    @Test func `leaves nothing behind even when the script ends by itself`() throws {
        let trial = try Trial()
        let script = "#!/bin/sh\nsetsid sleep 1000 < /dev/null > /dev/null 2>&1 &\necho $! > left\nexit 0\n"
        #expect(try trial.run(try trial.order(script))?.outcome == .exited(0))
        #expect(!exists(try trial.number("left")))
    }

    // Several times, because it would also be wrong to ask what is started in answer, and that is a matter of moments.
    @Test(arguments: 1...8)
    func `asks all groups of the session, also those that are stopped`(time: Int) throws {
        let trial = try Trial()
        // With job control each job has a group of its own.
        let script = """
            #!/bin/bash
            set -m
            bash -c 'trap "touch heard; exit" TERM; touch ready; kill -STOP $$; while :; do sleep 0.02; done' &
            echo $! > job
            trap 'while [ ! -e heard ]; do sleep 0.02; done; exit 3' TERM
            touch up
            while :; do sleep 0.02; done
            """
        try trial.start(try trial.order(script, grace: 600_000))
        try trial.waitForFile("up")
        let job = try trial.number("job")
        try waitUntil("the job stands still") { isStopped(job) }
        #expect(try trial.requestStop())
        #expect(try trial.waitForSupervisor()?.outcome == .exited(3))
        #expect(trial.has("heard"))
    }

    @Test func `gives the grace to all of the session, though the shell is gone at once`() throws {
        let trial = try Trial()
        let script = """
            #!/bin/sh
            sh -c 'trap "sleep 0.2; touch saved; exit" TERM; touch up; while :; do sleep 0.02; done'
            exit 0
            """
        try trial.start(try trial.order(script))
        try trial.waitForFile("up")
        #expect(try trial.requestStop())
        #expect(try trial.waitForSupervisor()?.outcome == .signalled(Int(SIGTERM)))
        #expect(trial.has("saved"))
    }

    @Test func `does not take the blame for a KILL that another sent, whatever it had to kill itself`() throws {
        let trial = try Trial()
        let script = """
            #!/bin/sh
            sh -c 'trap "" TERM; touch up; while :; do sleep 0.02; done' &
            trap 'kill -9 $$' TERM
            wait
            """
        try trial.start(try trial.order(script, grace: 100))
        try trial.waitForFile("up")
        #expect(try trial.requestStop())
        let record = try trial.waitForSupervisor()
        #expect(record?.outcome == .signalled(Int(SIGKILL)))
        #expect(record?.killedByUs == false)
    }

    @Test func `asks also what another thread has started`() throws {
        let trial = try Trial()
        let script = """
            #!/usr/bin/python3
            import os, signal, sys, threading, time
            def heard(*_):
                open('heard', 'w')
                os._exit(0)
            def start():
                if os.fork() == 0:
                    os.setpgid(0, 0)
                    signal.signal(signal.SIGTERM, heard)
                    open('up', 'w')
                time.sleep(1000)
            signal.signal(signal.SIGTERM, lambda *_: None)
            threading.Thread(target=start, daemon=True).start()
            while not os.path.exists('heard'):
                time.sleep(0.02)
            os._exit(3)
            """
        try trial.start(try trial.order(script, grace: 600_000))
        try trial.waitForFile("up")
        #expect(try trial.requestStop())
        #expect(try trial.waitForSupervisor()?.outcome == .exited(3))
    }

    @Test func `does not wait longer than the grace for what the shell has left`() throws {
        let trial = try Trial()
        let script =
            "#!/bin/sh\nsh -c 'trap \"\" TERM; echo $$ > left; touch up; while :; do sleep 0.02; done'\nexit 0\n"
        try trial.start(try trial.order(script, grace: 100))
        try trial.waitForFile("up")
        #expect(try trial.requestStop())
        let record = try trial.waitForSupervisor()
        #expect(record?.outcome == .signalled(Int(SIGTERM)))
        #expect(record?.killedByUs == false)
        #expect(!exists(try trial.number("left")))
    }
}
