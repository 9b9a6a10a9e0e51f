internal import Linux

/// Waits for the end of the script, ends it when it must, and records how it ended.
struct Watch: ~Copyable {
    private let order: Order
    private let script: ProcessIdentity
    private let attempt: Descriptor
    private let process: Descriptor
    private let control: Descriptor

    /// How often a running script's log is measured. Milliseconds.
    private static let logRhythm: Int32 = 1000

    init(_ order: Order, _ attempt: borrowing AttemptDirectory, script: ProcessIdentity) throws(SystemError) {
        let again = clinux_fcntl_int(attempt.descriptor.number, F_DUPFD_CLOEXEC, 0)
        guard again >= 0 else { throw SystemError("fcntl", nil) }
        let directory = Descriptor(owning: again)
        let opened = clinux_pidfd_open(script.pid, 0)
        guard opened >= 0 else { throw SystemError("pidfd_open", "\(script.pid)") }
        let process = Descriptor(owning: opened)
        let control = try Watch.bindControl(directory)
        self.order = order
        self.script = script
        self.attempt = directory
        self.process = process
        self.control = control
    }

    /// Returns when the script and all of its processes are gone and its end is on the disk.
    consuming func untilTheEnd(execFailure: Int? = nil) throws {
        let stop = waitForTheEnd()
        try record(stop, execFailure)
        var status: CInt = 0
        let pid = script.pid
        _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
        AttemptDirectory(descriptor: attempt).ringWorker()
    }

    /// Waits; on a wish or a limit asks the script to end, and after the grace ends it.
    private borrowing func waitForTheEnd() -> ExitRecord.Stop {
        var stop = ExitRecord.Stop.none
        let begun = Watch.monotonic()
        var killAt: Int64?
        while true {
            var waiting = [
                pollfd(fd: process.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: control.number, events: Int16(POLLIN), revents: 0),
            ]
            let now = Watch.monotonic()
            var patience = Int64(Watch.logRhythm)
            if let killAt { patience = min(patience, max(0, killAt - now)) }
            if order.timeLimit > 0, stop == .none { patience = min(patience, max(0, begun + order.timeLimit - now)) }
            _ = poll(&waiting, 2, Int32(patience))
            if waiting[0].revents != 0 { return stop }

            if stop == .none { stop = reason(asked: waiting[1].revents != 0, running: Watch.monotonic() - begun) }
            if waiting[1].revents != 0 { drainControl() }
            if stop != .none, killAt == nil {
                kill(-script.pid, SIGTERM)
                // A stopped group would not hear it.
                kill(-script.pid, SIGCONT)
                killAt = Watch.monotonic() + order.grace
            } else if let due = killAt, Watch.monotonic() >= due {
                kill(-script.pid, SIGKILL)
                killAt = .max
            }
        }
    }

    private borrowing func reason(asked: Bool, running: Int64) -> ExitRecord.Stop {
        if asked { return .requested }
        if order.timeLimit > 0, running >= order.timeLimit { return .timeLimit }
        return logBytes() > order.maxLogBytes ? .outputLimit : .none
    }

    /// Peek, clean up, record, and only then reap: killed anywhere in between, the end of the script can still be seen by
    /// whoever goes on.
    private borrowing func record(_ stop: ExitRecord.Stop, _ execFailure: Int?) throws {
        var information = siginfo_t()
        var usage = rusage()
        let (type, pid) = (CInt(P_PID.rawValue), script.pid)
        let peeked = retryingOnInterrupt {
            clinux_waitid(type, pid, &information, CInt(WEXITED | WNOWAIT), &usage)
        }
        guard peeked == 0 else { throw SystemError("waitid", "\(pid)") }
        TreeKill.killChildren(but: script.pid)
        if let log = try? attempt.open(beneath: "log", O_WRONLY) { _ = fdatasync(log.number) }

        let status = Int(clinux_siginfo_status(&information))
        let outcome: ExitRecord.Outcome =
            if let execFailure {
                .notStarted(errno: execFailure)
            } else if script.isBeforeExec {
                // The shim was killed while the script stood at the gate. The status is the gate's, not the script's.
                .notStarted(errno: 0)
            } else if information.si_code == CLD_EXITED { .exited(status) } else { .signalled(status) }
        func milliseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1000 + Int64(time.tv_usec) / 1000 }
        let record = ExitRecord(
            outcome: outcome, stop: stop, endedAt: Instant.now().milliseconds, maxRSS: Int64(usage.ru_maxrss) * 1024,
            userTime: milliseconds(usage.ru_utime), systemTime: milliseconds(usage.ru_stime), logBytes: logBytes())
        let file = try attempt.open(beneath: "exit", O_WRONLY)
        try file.write(record.encoded)
        guard fdatasync(file.number) == 0 else { throw SystemError("fdatasync", "exit") }
    }

    private borrowing func logBytes() -> Int64 {
        var status = stat()
        return fstatat(attempt.number, "log", &status, AT_SYMLINK_NOFOLLOW) == 0 ? Int64(status.st_size) : 0
    }

    private borrowing func drainControl() {
        var byte: UInt8 = 0
        while recv(control.number, &byte, 1, CInt(MSG_DONTWAIT)) >= 0 {}
    }

    /// The socket that takes the wish to stop. Only the owner reaches it: the directory is 0700.
    private static func bindControl(_ directory: borrowing Descriptor) throws(SystemError) -> Descriptor {
        let number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SystemError("socket", nil) }
        let control = Descriptor(owning: number)
        // The shim's, when the guard goes on in its place.
        unlinkat(directory.number, "ctl.sock", 0)
        let bound = withSocketAddress("ctl.sock", below: directory) { address, size in
            bind(control.number, __CONST_SOCKADDR_ARG(__sockaddr__: address), size)
        }
        guard bound == 0 else { throw SystemError("bind", "ctl.sock") }
        return control
    }

    /// Milliseconds that pass also while the machine sleeps.
    private static func monotonic() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
