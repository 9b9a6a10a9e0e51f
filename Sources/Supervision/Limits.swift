internal import Linux

/// What the kernel lets each process of a script have (setrlimit(2)); 0: as much as the supervisor itself may.
///
/// A limit above the supervisor's own hard limit is taken down to it.
public struct Limits: Sendable, Equatable {
    /// Of processor time, each process for itself. Seconds. At the limit comes SIGXCPU, and KILL a little later.
    public var cpuSeconds: Int64
    /// Bytes.
    public var addressSpace: Int64
    public var openFiles: Int64
    /// Of all processes and threads of the user that jobs run as, whatever they belong to: a bound for fork bombs. A cgroup's
    /// (`Order.processes`) counts the attempt's alone.
    public var processes: Int64
    /// Of any one file, the log with what was left out of it included. Bytes. At the limit comes SIGXFSZ.
    public var fileSize: Int64

    public init(
        cpuSeconds: Int64 = 0, addressSpace: Int64 = 0, openFiles: Int64 = 0, processes: Int64 = 0, fileSize: Int64 = 0
    ) {
        self.cpuSeconds = cpuSeconds
        self.addressSpace = addressSpace
        self.openFiles = openFiles
        self.processes = processes
        self.fileSize = fileSize
    }

    /// Between SIGXCPU and KILL: were both limits the same, the kernel would send KILL alone. Seconds.
    private static let cpuGrace: UInt = 5

    /// Binds this process and all that come from it. Says whether the kernel agreed; errno tells why not.
    func apply() -> Bool {
        // A core may be as large as the memory, and lands where nobody asked for it.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        return setrlimit(__rlimit_resource(RLIMIT_CORE.rawValue), &none) == 0
            && Limits.bind(RLIMIT_CPU, cpuSeconds, grace: Limits.cpuGrace) && Limits.bind(RLIMIT_AS, addressSpace)
            && Limits.bind(RLIMIT_NOFILE, openFiles) && Limits.bind(__RLIMIT_NPROC, processes)
            && Limits.bind(RLIMIT_FSIZE, fileSize)
    }

    private static func bind(_ resource: __rlimit_resource, _ value: Int64, grace: UInt = 0) -> Bool {
        guard value > 0 else { return true }
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return false }
        limit.rlim_cur = min(UInt(value), limit.rlim_max)
        // The hard limit follows, so that no process lifts its limit again.
        limit.rlim_max = min(limit.rlim_cur + grace, limit.rlim_max)
        return setrlimit(resource, &limit) == 0
    }
}
