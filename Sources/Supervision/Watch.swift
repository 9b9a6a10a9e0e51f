internal import Linux

/// Waits for the end of the script, ends it when it must, and records how it ended.
struct Watch: ~Copyable {
    private let order: Order
    private let progress: Progress
    private let script: ProcessIdentity
    private let cgroup: AttemptCgroup
    private let process: Descriptor
    /// SIGCHLD: what the script has left to itself becomes our child, and has to be buried when it ends.
    private let burials: Descriptor
    private let alarm: Alarm
    private var log: LogKeeper
    /// Ends without a word when the script has taken the process over, or tells why it could not.
    private var execFailure: Descriptor?
    /// The script has ended, and this is another process of its session that still has the time of the grace.
    private var lingerer: Descriptor?
    /// Counted from the script's own start, so that a guard that goes on does not count anew; `nil`: never.
    private let deadline: Int64?

    init(
        _ duty: borrowing Duty, _ beginning: Ticket.Beginning, _ log: consuming LogKeeper,
        execFailure: consuming Descriptor? = nil
    ) throws(SystemError) {
        let (order, script) = (duty.order, beginning.script)
        let opened = clinux_pidfd_open(script.pid, 0)
        guard opened >= 0 else { throw SystemError("pidfd_open", "\(script.pid)") }
        let process = Descriptor(owning: opened)
        var children = sigset_t()
        sigemptyset(&children)
        sigaddset(&children, SIGCHLD)
        sigprocmask(SIG_BLOCK, &children, nil)
        let signals = signalfd(-1, &children, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
        guard signals >= 0 else { throw SystemError("signalfd", nil) }
        let burials = Descriptor(owning: signals)
        let alarm = try Alarm()
        self.order = order
        self.script = script
        self.process = process
        self.burials = burials
        self.alarm = alarm
        self.log = log
        self.execFailure = execFailure
        progress = duty.progress
        cgroup = AttemptCgroup(directories: beginning.cgroups)
        deadline = order.timeLimit > 0 ? script.startedAt + order.timeLimit : nil
    }

    /// Returns when the script and all of its processes are gone and its end is on the disk.
    mutating func untilTheEnd(_ duty: borrowing Duty) throws {
        waitForTheEnd(duty)
        try record(in: duty.attempt)
        duty.attempt.ringWorker(duty.name)
        TreeKill.reap(script.pid)
        cgroup.remove()
    }

    // MARK: Waiting

    /// Waits; on a wish or a limit asks the script to end, and after the grace ends everything.
    private mutating func waitForTheEnd(_ duty: borrowing Duty) {
        // Of a guard that goes on: what the shim had begun is carried on.
        if progress.stop != .none { ask() } else if let deadline { alarm.set(deadline) }
        var hasMoreToBury = bury()
        var hasEnded = false
        var hasKilled = false
        var look = log.look(at: millisecondsSinceBoot(), progress)
        while true {
            var waiting: InlineArray<7, pollfd> = [
                Watch.wait(for: hasEnded ? -1 : process.number), Watch.wait(for: duty.control.descriptor.number),
                Watch.wait(for: alarm.descriptor.number), Watch.wait(for: burials.number),
                Watch.wait(for: log.bellNumber), Watch.wait(for: execFailure.numberIfAny),
                Watch.wait(for: lingerer.numberIfAny),
            ]
            let untilLook = look.map { CInt(clamping: max(0, $0 - millisecondsSinceBoot())) } ?? -1
            let patience = hasMoreToBury ? 0 : untilLook
            var span = waiting.mutableSpan
            _ = span.withUnsafeMutableBufferPointer { poll($0.baseAddress, nfds_t($0.count), patience) }
            func hasCome(_ index: Int) -> Bool { waiting[index].revents != 0 }
            let now = millisecondsSinceBoot()

            if hasCome(5) { hearOfExec(duty) }
            hasEnded = hasEnded || hasCome(0)
            // Whoever is left is looked for and buried after this, too.
            if hasEnded, progress.stop == .none { return }
            if hasCome(4) || look.map({ $0 <= now }) ?? false { look = log.look(at: now, progress) }
            if hasCome(3) || hasMoreToBury { hasMoreToBury = bury() }
            if hasEnded, now >= progress.killAt || !findLingerer() { return }

            if progress.stop == .none {
                if hasCome(1) {
                    stop(.requested, at: now)
                } else if let deadline, now >= deadline {
                    stop(.timeLimit, at: now)
                } else if log.isBeyondHelp {
                    stop(.outputLimit, at: now)
                }
            } else if now >= progress.killAt, !hasKilled {
                hasKilled = true
                progress.hasKilled = true
                alarm.set(nil)
                TreeKill.endDescendants(but: script.pid, cgroup)
            }
            // Only now that it is noted: had the shim been killed before, the guard would find the wish.
            if hasCome(1) { duty.control.drain() }
        }
    }

    private static func wait(for descriptor: CInt) -> pollfd {
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    }

    private func stop(_ reason: ExitRecord.Stop, at now: Int64) {
        progress.killAt = now + order.grace
        progress.stop = reason
        ask()
    }

    /// TERM to the script's session, which may have several process groups; who has fled into another is ended at the end.
    private func ask() {
        alarm.set(progress.killAt)
        // All are found before the first is asked: what one starts in answer, to clean up, shall live.
        var others: [ProcessIdentity] = []
        Descendants.walk { identity, status in
            if status.session == script.pid, status.group != script.pid { others.append(identity) }
        }
        // Who is stopped would not hear it without the other.
        for number in [SIGTERM, SIGCONT] {
            kill(-script.pid, number)
            for other in others { other.send(number) }
        }
    }

    /// The grace is for the whole session: a shell that TERM has ended at once may have left a program that still writes down
    /// how far it has come.
    private mutating func findLingerer() -> Bool {
        var found: ProcessIdentity?
        Descendants.walk { identity, status in
            if status.session == script.pid, identity != script, !status.isOver { found = identity }
        }
        lingerer = found?.open()
        return found != nil
    }

    /// Says whether there may be more.
    private func bury() -> Bool {
        var information = signalfd_siginfo()
        while read(burials.number, &information, MemoryLayout<signalfd_siginfo>.size) > 0 {}
        return TreeKill.reapEnded(but: script.pid)
    }

    /// The pipe has ended without a word: the script has taken the process over. Otherwise the child has left word.
    private mutating func hearOfExec(_ duty: borrowing Duty) {
        if progress.execFailure == 0 { duty.attempt.ringWorker(duty.name) }
        execFailure = nil
    }

    // MARK: The end

    /// Peek, clean up, record, and only then reap: killed anywhere in between, the end of the script can still be seen by
    /// whoever goes on.
    private mutating func record(in attempt: borrowing AttemptDirectory) throws {
        var information = siginfo_t()
        var usage = rusage()
        let (type, pid) = (CInt(P_PID.rawValue), script.pid)
        let peeked = retryingOnInterrupt {
            clinux_waitid(type, pid, &information, CInt(WEXITED | WNOWAIT), &usage)
        }
        guard peeked == 0 else { throw SystemError("waitid", "\(pid)") }
        TreeKill.endDescendants(but: script.pid, cgroup)
        let logBytes = log.finish(progress)

        let status = Int(clinux_siginfo_status(&information))
        let outcome: ExitRecord.Outcome =
            if progress.execFailure != 0 {
                .notStarted(errno: Int(progress.execFailure))
            } else if information.si_code == CLD_EXITED, status != Int(Shim.unexecuted) {
                .exited(status)
            } else if try script.checkIsBeforeExec() {
                // Killed at the gate, or left there by a shim that was. The status is the gate's, not the script's.
                .notStarted(errno: 0)
            } else if information.si_code == CLD_EXITED { .exited(status) } else { .signalled(status) }
        let killedByUs = progress.hasKilled && outcome == .signalled(Int(SIGKILL))
        let kills = cgroup.outOfMemoryKills
        func milliseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1000 + Int64(time.tv_usec) / 1000 }
        let record = ExitRecord(
            outcome: outcome, stop: progress.stop, endedAt: Instant.now().milliseconds,
            maxRSS: Int64(usage.ru_maxrss) * 1024, userTime: milliseconds(usage.ru_utime),
            systemTime: milliseconds(usage.ru_stime), logBytes: logBytes,
            // A script that copes with the loss of a process says so by its status.
            wasOutOfMemory: kills ?? 0 > 0 && !killedByUs && outcome != .exited(0), killedByUs: killedByUs,
            memoryWasWatched: kills != nil)
        try attempt.write(record, progress)
    }
}
