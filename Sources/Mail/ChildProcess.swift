internal import Linux

/// A program that runs only within one call: when that returns, the program is over, whatever it does.
enum ChildProcess {
    /// How it ended, and the beginning of what it wrote to standard output and standard error.
    struct Outcome {
        enum End: Equatable {
            case exited(Int)
            case signalled(Int)
            case tookTooLong
        }
        let end: End
        let output: [UInt8]
    }

    /// Runs `program` in a session of its own with `input` on standard input and no other descriptor of ours.
    ///
    /// After `timeLimit` it and what it started are asked to end (TERM), after another `grace` they are ended (KILL).
    ///
    /// - Throws: `SystemError` if it could not be started.
    static func run(
        _ program: String, _ arguments: [String], environment: [String], input: [UInt8], outputLimit: Int,
        timeLimit: Instant.Span, grace: Instant.Span
    ) throws(SystemError) -> Outcome {
        // A file, not a pipe: it need not be fed while the program runs.
        let opened = memfd_create("input", UInt32(MFD_CLOEXEC))
        guard opened >= 0 else { throw SystemError("memfd_create", nil) }
        let file = Descriptor(owning: opened)
        try file.write(input)
        lseek(file.number, 0, SEEK_SET)
        var ends: [CInt] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("pipe2", nil) }
        let output = Descriptor(owning: ends[0])
        let writing = Descriptor(owning: ends[1])
        let pid = try spawn(
            program, arguments: arguments, environment: environment,
            standard: StandardDescriptors(input: file.number, output: writing.number, error: writing.number))
        // Else there would be no end of what it writes.
        _ = consume writing
        // What the program leaves running may hold the pipe open for ever: nothing of ours waits for its end.
        _ = clinux_fcntl_int(output.number, F_SETFL, O_NONBLOCK)
        return try watch(pid, output, outputLimit, until: monotonic() + timeLimit, grace)
    }

    /// Reads and waits until the end of the process, which comes at `deadline` at the latest.
    private static func watch(
        _ pid: pid_t, _ output: borrowing Descriptor, _ outputLimit: Int, until deadline: Instant, _ grace: Instant.Span
    ) throws(SystemError) -> Outcome {
        let opened = clinux_pidfd_open(pid, 0)
        guard opened >= 0 else {
            let error = SystemError("pidfd_open", "\(pid)")
            kill(-pid, SIGKILL)
            _ = reap(pid)
            throw error
        }
        let process = Descriptor(owning: opened)
        var said: [UInt8] = []
        var outputIsOpen = true
        var isLate = false
        var next = deadline
        while true {
            var waiting = [
                pollfd(fd: process.number, events: Int16(POLLIN), revents: 0),
                // poll(2) passes over negative numbers.
                pollfd(fd: outputIsOpen ? output.number : -1, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&waiting, 2, CInt(clamping: max(0, (next - monotonic()).milliseconds)))
            let isOver = waiting[0].revents != 0
            if outputIsOpen { outputIsOpen = take(output, into: &said, limit: outputLimit) }
            if isOver { break }
            guard monotonic() >= next else { continue }
            kill(-pid, isLate ? SIGKILL : SIGTERM)
            next = next + (isLate ? .days(1) : grace)
            isLate = true
        }
        let status = reap(pid)
        let end: Outcome.End
        if clinux_exited(status) != 0, !isLate || clinux_exit_status(status) == 0 {
            end = .exited(Int(clinux_exit_status(status)))
        } else {
            end = isLate ? .tookTooLong : .signalled(Int(clinux_term_signal(status)))
        }
        return Outcome(end: end, output: said)
    }

    /// Takes what is there, but no more than a pipe holds, lest an endless writer keep us; says whether more may come.
    private static func take(_ output: borrowing Descriptor, into said: inout [UInt8], limit: Int) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let number = output.number
        let count = retryingOnInterrupt { read(number, &chunk, chunk.count) }
        if count < 0 { return errno == EAGAIN }
        said += chunk[..<min(count, limit - said.count)]
        return count > 0
    }

    private static func reap(_ pid: pid_t) -> CInt {
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
        return status
    }

    /// Time that passes evenly, whoever sets the clock.
    private static func monotonic() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
