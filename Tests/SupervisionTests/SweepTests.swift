import Linux
import TestSupport
import Testing

@testable import Supervision

/// SIGKILL before every single system call that guard, shim, or the script's process before its exec ever make.
@Suite struct `A supervisor that is killed` {
    /// Leaves a daemon behind, so that there is somebody to end.
    static let script = "#!/bin/sh\necho ran >> ran\n(setsid sleep 1000 &)\nexit 7\n"
    /// Has to be ended itself.
    static let stubborn = "#!/bin/sh\ntrap '' TERM\necho ran >> ran\nwhile :; do sleep 1000; done\n"

    /// Kills before the first, the second, and every further call, until there are no more.
    func sweep(
        counting counted: Tracer.Role, killing victims: [Tracer.Role], _ script: String = Self.script,
        timeLimit: Int64 = 0, cgroupParent: String = "", _ check: (Trial, _ call: Int) throws -> Void
    ) throws {
        var call = 1
        while true {
            let trial = try Trial()
            let order = try trial.order(script, grace: 0, timeLimit: timeLimit, cgroupParent: cgroupParent)
            let wasKilled = try Tracer(counted: counted, victims: victims, call: call).run(trial, order)
            try waitUntil("the end of call \(call)") { try !trial.directory().isAlive() }
            try check(trial, call)
            guard wasKilled else { break }
            call += 1
        }
        #expect(call > 20, "only \(call) calls were found")
    }

    /// With one of both left: whatever began has the record of its true end, and whatever has no ticket never ran.
    func checkIsKnown(_ trial: Trial, _ call: Int, _ end: ExitRecord.Outcome = .exited(7)) throws {
        let outcome = try trial.directory().exitRecord()?.outcome
        switch try trial.directory().ticket() {
        case .started(let beginning):
            #expect(outcome == (trial.has("ran") ? end : .notStarted(errno: 0)), "call \(call)")
            #expect(isGone(beginning.script.pid), "call \(call)")
            #expect(try asOrdinaryUser { try trial.directory().revoke() } == false)
        default:
            #expect(outcome == nil && !trial.has("ran"), "call \(call)")
            #expect(try asOrdinaryUser { try trial.directory().revoke() })
        }
        if trial.has("ran") { #expect(try trial.file("ran") == "ran\n") }
        #expect(try relatives(of: trial) == [], "call \(call)")
    }

    @Test func `in its shim loses no status`() throws {
        try sweep(counting: .shim, killing: [.shim]) { try checkIsKnown($0, $1) }
    }

    @Test func `in its guard loses no status`() throws {
        try sweep(counting: .guardProcess, killing: [.guardProcess]) { try checkIsKnown($0, $1) }
    }

    @Test func `in its shim loses no stop`() throws {
        try sweep(counting: .shim, killing: [.shim], Self.stubborn, timeLimit: 100) { trial, call in
            try checkIsKnown(trial, call, .signalled(Int(SIGKILL)))
            guard trial.has("ran") else { return }
            let record = try trial.directory().exitRecord()
            #expect(record?.stop == .timeLimit && record?.killedByUs == true, "call \(call)")
        }
    }

    @Test func `before the script has begun runs nothing`() throws {
        try sweep(counting: .child, killing: [.child]) { try checkIsKnown($0, $1) }
    }

    @Test func `with both halves makes nothing up, and leaves nothing that cannot be ended`() throws {
        try sweep(counting: .shim, killing: [.shim, .guardProcess]) { trial, call in
            let outcome = try trial.directory().exitRecord()?.outcome
            #expect(
                outcome == nil || outcome == (trial.has("ran") ? .exited(7) : .notStarted(errno: 0)), "call \(call)")
            guard case .started(let beginning) = try trial.directory().ticket() else {
                #expect(!trial.has("ran"), "call \(call)")
                return
            }
            try asOrdinaryUser {
                try Strays.kill(marked: "SR_TRIAL=\(trial.scratch.path)", session: beginning.script)
            }
            #expect(try relatives(of: trial) == [], "call \(call)")
            if trial.has("ran") { #expect(try trial.file("ran") == "ran\n") }
        }
    }
}
