public import Linux

/// What wakes the worker: a knock at `worker.sock` from a page or a supervisor, the end of a child, a signal to stop.
public struct Bell: ~Copyable {
    private let socket: Descriptor
    private let signals: Descriptor

    /// What ended a wait.
    public enum Ring: Equatable {
        /// Time is over or something has happened; supervisors have said that it was in these attempts.
        case rung(by: Set<String>)
        /// The worker is asked to end.
        case stop
    }

    /// More than the longest word that a supervisor says: the name of its attempt. Bytes.
    private static let longestWord = 256

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

    /// Returns at a ring, when `other` becomes readable, or after so many milliseconds.
    public borrowing func wait(milliseconds: Int64, orFor other: CInt) -> Ring {
        var waiting = [socket.number, signals.number, other].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        // One more, because a clock that counts whole milliseconds would wake too early.
        _ = poll(&waiting, nfds_t(waiting.count), CInt(clamping: milliseconds + 1))
        // All knocks that have come are answered by one look.
        var words: Set<String> = []
        var word = [UInt8](repeating: 0, count: Bell.longestWord)
        while case let count = recv(socket.number, &word, word.count, CInt(MSG_DONTWAIT)), count >= 0 {
            words.insert(String(decoding: word[..<count], as: UTF8.self))
        }
        var ring = Ring.rung(by: words)
        var information = signalfd_siginfo()
        while read(signals.number, &information, MemoryLayout<signalfd_siginfo>.size) > 0 {
            if information.ssi_signo != UInt32(SIGCHLD) { ring = .stop }
        }
        return ring
    }
}
