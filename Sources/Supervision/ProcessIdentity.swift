public import Linux

/// A process beyond doubt: a number is given to another process some day, a number with its start time and the boot is not.
public struct ProcessIdentity: Sendable, Equatable {
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
        guard let start = ProcessIdentity.start(of: pid) else { return nil }
        self.init(pid: pid, start: start, bootID: ProcessIdentity.currentBoot)
    }

    /// The present boot's random name.
    public static let currentBoot: String = {
        let bytes = (try? Descriptor.open("/proc/sys/kernel/random/boot_id", O_RDONLY).readAll(limit: 100)) ?? []
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }()

    /// A process descriptor (pidfd_open(2)) of this very process; `nil` when it is gone. It stands for the process also
    /// when the number has been given to another.
    ///
    /// The descriptor comes first and the comparison after it, so the number cannot change hands in between.
    public func open() -> Descriptor? {
        let number = clinux_pidfd_open(pid, 0)
        guard number >= 0 else { return nil }
        let process = Descriptor(owning: number)
        guard bootID == ProcessIdentity.currentBoot, ProcessIdentity.start(of: pid) == start else { return nil }
        return process
    }

    /// Sends a signal to this very process, or to nobody. With `group`, to all of the process group that it leads.
    @discardableResult
    public func send(_ signal: Int32, toGroup group: Bool = false) -> Bool {
        guard let process = open() else { return false }
        // A group lives as long as its leader is not reaped, and the leader is this process.
        return group ? kill(-pid, signal) == 0 : clinux_pidfd_send_signal(process.number, signal) == 0
    }

    /// Whether the process is still what was forked and has not become the program that it shall run.
    public var isBeforeExec: Bool {
        guard let fields = ProcessIdentity.fields(of: pid), Int64(fields[19]) == start, let flags = UInt64(fields[6])
        else { return false }
        // PF_FORKNOEXEC of the kernel's sched.h, in field 9 of /proc/PID/stat.
        return flags & 0x40 != 0
    }

    private static func start(of pid: Int32) -> Int64? { fields(of: pid).flatMap { Int64($0[19]) } }

    /// The fields of /proc/PID/stat from the third on.
    private static func fields(of pid: Int32) -> [String]? {
        guard let bytes = try? Descriptor.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096),
            // The name in field 2 may hold anything, even blanks and parentheses; the last one ends it.
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19 else { return nil }
        return fields.map { String(decoding: $0, as: UTF8.self) }
    }
}
