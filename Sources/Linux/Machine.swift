/// What a machine has to give to jobs.
public struct Machine: Sendable, Equatable {
    public let cpus: Int
    /// Bytes.
    public let memory: Int64

    /// - Precondition: both are greater than 0.
    public init(cpus: Int, memory: Int64) {
        precondition(cpus > 0 && memory > 0, "a machine that has nothing runs nothing")
        self.cpus = cpus
        self.memory = memory
    }

    /// This machine: the CPUs that this process may run on (sched_getaffinity(2)), and its memory less a reserve for the
    /// system: a tenth, at least 512 MiB, but never more than half.
    public static func detected() -> Machine {
        let pages = Int64(sysconf(CInt(_SC_PHYS_PAGES)))
        let whole = max(1 << 20, pages * Int64(sysconf(CInt(_SC_PAGESIZE))))
        return Machine(cpus: allowedCPUs(), memory: whole - reserve(of: whole))
    }

    static func reserve(of memory: Int64) -> Int64 { min(memory / 2, max(memory / 10, 512 << 20)) }

    private static func allowedCPUs() -> Int {
        // The kernel refuses a set that is smaller than its own (EINVAL), and does not tell how large that is.
        var words = 16
        while words <= 1 << 14 {
            var set = [UInt64](repeating: 0, count: words)
            let failed = set.withUnsafeMutableBytes {
                sched_getaffinity(0, $0.count, $0.baseAddress!.assumingMemoryBound(to: cpu_set_t.self))
            }
            if failed == 0 { return max(1, set.reduce(0) { $0 + $1.nonzeroBitCount }) }
            words *= 2
        }
        return 1
    }
}

/// An amount of memory for people, in powers of 1024 as it is written in scripts and settings: `512 MiB`, `1.5 GiB`.
public func readableMemory(_ bytes: Int64) -> String {
    if bytes < 1 << 10 { return "\(bytes) B" }
    var value = Double(bytes)
    for unit in ["KiB", "MiB", "GiB", "TiB"] {
        value /= 1024
        if value < 1023.5 || unit == "TiB" {
            let tenths = Int((value * 10).rounded())
            let isWhole = tenths % 10 == 0 || value >= 99.95
            return isWhole ? "\(Int(value.rounded())) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
        }
    }
    return ""
}
