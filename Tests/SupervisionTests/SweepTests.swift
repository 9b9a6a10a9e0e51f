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

    /// Kills before the first, the second, and every further call, until there are no more. Returns how many there were.
    @discardableResult
    func sweep(
        counting counted: Tracer.Role, killing victims: [Tracer.Role], _ script: String = Self.script,
        timeLimit: Int64 = 0, cgroupParent: String = "",
        _ check: (Trial, _ call: Int) throws -> Void
    ) throws -> Int {
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
        #expect(call > 21, "only \(call) calls were found")
        return call
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
        // Never twice; one that was ended may have come no further than to make the file.
        if trial.has("ran") {
            #expect(try trial.file("ran") == "ran\n" || end != .exited(7) && trial.file("ran") == "")
        }
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
            let record = try trial.directory().exitRecord()
            // On a loaded machine TERM may come before the shell's first line.
            if !trial.has("ran"), record?.outcome == .signalled(Int(SIGTERM)) {
                return #expect(record?.stop == .timeLimit)
            }
            try checkIsKnown(trial, call, .signalled(Int(SIGKILL)))
            guard trial.has("ran") else { return }
            #expect(record?.stop == .timeLimit && record?.killedByUs == true, "call \(call)")
        }
    }

    @Test func `in its shim loses no reason why the script could not be started`() throws {
        var outcomes: [ExitRecord.Outcome?] = []
        let script = "#!/no/such/interpreter\n"
        try sweep(counting: .shim, killing: [.shim], script) { trial, call in
            outcomes.append(try trial.directory().exitRecord()?.outcome)
        }
        let (unknown, known) = (
            ExitRecord.Outcome.notStarted(errno: 0), ExitRecord.Outcome.notStarted(errno: Int(ENOENT))
        )
        #expect(outcomes.allSatisfy { $0 == nil || $0 == unknown || $0 == known })
        // The last calls of a shim come after it has looked at the end of the child.
        #expect(outcomes.suffix(15).allSatisfy { $0 == known }, "\(outcomes.suffix(15))")
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
            // Once, or not quite: what is left of it is ended, perhaps between opening the file and writing into it.
            if trial.has("ran") { #expect(["", "ran\n"].contains(try trial.file("ran"))) }
        }
    }
}
