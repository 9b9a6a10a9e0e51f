internal import Linux

/// Held by the one worker of a database; the kernel frees it when the worker is gone, however it went.
struct WorkerLock: ~Copyable {
    private let file: Descriptor

    /// How long a new worker waits for the old one to go, as in an upgrade. Milliseconds.
    static let patience: Int64 = 10_000

    /// Takes the lock in `stateDir`; `nil` when another worker keeps it.
    ///
    /// - Parameter patience: how long to wait for the other. Milliseconds.
    init?(stateDir: String, patience: Int64 = WorkerLock.patience) throws(SystemError) {
        let file = try Descriptor.open(stateDir + "/worker.lock", O_RDWR | O_CREAT)
        let number = file.number
        var waited: Int64 = 0
        // flock has no time limit, and an alarm would need a signal handler: so it is asked again and again.
        while retryingOnInterrupt({ flock(number, LOCK_EX | LOCK_NB) }) != 0 {
            guard errno == EWOULDBLOCK else { throw SystemError("flock", stateDir + "/worker.lock") }
            guard waited < patience else { return nil }
            usleep(50_000)
            waited += 50
        }
        self.file = file
    }

    /// Lets the next worker in.
    consuming func release() {}
}
