public import Linux

/// A process beyond doubt: a number is given to another process some day, a number with its start time and the boot is not.
public struct ProcessIdentity: Sendable, Hashable {
    public let pid: Int32
    /// Clock ticks since boot: field 22 of /proc/PID/stat (proc(5)).
    public let start: Int64
    /// /proc/sys/kernel/random/boot_id.
    public let bootID: String

    public init(pid: Int32, start: Int64, bootID: String) {
        self.pid = pid
        self.start = start
        self.bootID = bootID
    }

    /// The process that has this number now; `nil` when there is none.
    public init?(of pid: Int32) {
        guard let status = ProcessStatus(pid) else { return nil }
        self.init(pid: pid, start: status.start, bootID: ProcessIdentity.currentBoot)
    }

    /// The present boot's random name.
    public static let currentBoot: String = {
        let bytes = (try? Descriptor.open("/proc/sys/kernel/random/boot_id", O_RDONLY).readAll(limit: 100)) ?? []
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }()

    /// A descriptor of this very process (a pidfd), for poll(2): readable once the process has ended. `nil` when it is gone.
    ///
    /// The pidfd comes first and the comparison after it, so the number cannot change hands in between.
    public func open() -> Descriptor? {
        let number = clinux_pidfd_open(pid, 0)
        guard number >= 0 else { return nil }
        let process = Descriptor(owning: number)
        guard bootID == ProcessIdentity.currentBoot, ProcessStatus(pid)?.start == start else { return nil }
        return process
    }

    /// Sends a signal to this very process, or to nobody. With `group`, to all of the process group that it leads.
    @discardableResult
    public func send(_ signal: Int32, toGroup group: Bool = false) -> Bool {
        guard let process = open() else { return false }
        // A group lives as long as its leader is not reaped, and the leader is this process.
        return group ? kill(-pid, signal) == 0 : clinux_pidfd_send_signal(process.number, signal) == 0
    }

    /// Whether the process is still what was forked and has not become the program that it shall run; this can be told until
    /// it is reaped.
    public var isBeforeExec: Bool { (try? checkIsBeforeExec()) ?? false }

    /// The same for whoever must not guess.
    ///
    /// - Throws: `SystemError` when the kernel does not tell.
    func checkIsBeforeExec() throws(SystemError) -> Bool {
        guard let status = try ProcessStatus.read(pid), status.start == start else { return false }
        // PF_FORKNOEXEC of the kernel's sched.h.
        return status.flags & 0x40 != 0
    }

    /// When the process began, as ``millisecondsSinceBoot()`` counts.
    var startedAt: Int64 { start * 1000 / Int64(max(1, sysconf(CInt(_SC_CLK_TCK)))) }
}
