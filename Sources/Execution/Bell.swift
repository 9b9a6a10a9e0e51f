public import Linux

/// What wakes the worker: a knock at `worker.sock` from a page or a supervisor, the end of a child, a signal to stop.
public struct Bell: ~Copyable {
    private let socket: Descriptor
    private let signals: Descriptor

    /// What ended a wait.
    public enum Ring { case rung, stop }

    /// Blocks the signals of this process and binds the socket in `stateDir`. Call before there are threads, and while
    /// holding the worker's lock: an older socket of that name is taken away.
    ///
    /// - Throws: `SystemError`.
    public init(stateDir: String) throws(SystemError) {
        var awaited = sigset_t()
        sigemptyset(&awaited)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGCHLD] { sigaddset(&awaited, number) }
        pthread_sigmask(SIG_BLOCK, &awaited, nil)
        signal(SIGPIPE, SIG_IGN)
        let taken = signalfd(-1, &awaited, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
        guard taken >= 0 else { throw SystemError("signalfd", nil) }
        let signals = Descriptor(owning: taken)
        let folder = try Descriptor.directory(stateDir)
        let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let made = Linux.socket(AF_UNIX, type, 0)
        guard made >= 0 else { throw SystemError("socket", nil) }
        let socket = Descriptor(owning: made)
        unlinkat(folder.number, "worker.sock", 0)
        let bound = withSocketAddress("worker.sock", below: folder) { address, size in
            bind(socket.number, __CONST_SOCKADDR_ARG(__sockaddr__: address), size)
        }
        guard bound == 0 else { throw SystemError("bind", stateDir + "/worker.sock") }
        self.socket = socket
        self.signals = signals
    }

    /// Returns at a ring, or after so many milliseconds.
    public borrowing func wait(milliseconds: Int64) -> Ring {
        var waiting = [
            pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.number, events: Int16(POLLIN), revents: 0),
        ]
        // One more, because a clock that counts whole milliseconds would wake too early.
        _ = poll(&waiting, 2, CInt(clamping: milliseconds + 1))
        // All knocks that have come are answered by one look.
        var byte: UInt8 = 0
        while recv(socket.number, &byte, 1, CInt(MSG_DONTWAIT)) >= 0 {}
        var ring = Ring.rung
        var information = signalfd_siginfo()
        while read(signals.number, &information, MemoryLayout<signalfd_siginfo>.size) > 0 {
            if information.ssi_signo != UInt32(SIGCHLD) { ring = .stop }
        }
        return ring
    }
}
