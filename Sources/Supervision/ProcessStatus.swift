internal import Linux

/// What the kernel tells of a process in one line: /proc/PID/stat (proc(5)).
struct ProcessStatus {
    /// Field 3 is Z or X. A process whose first thread has ended while others go on looks so, too.
    let isZombie: Bool
    /// Field 4.
    let parent: Int32
    /// Field 5.
    let group: Int32
    /// Field 6.
    let session: Int32
    /// Field 9: PF_ flags of the kernel's sched.h.
    let flags: UInt64
    /// Field 20.
    let threads: Int
    /// Field 22, in clock ticks since boot.
    let start: Int64

    /// Nothing of it runs any more; only its parent has to take notice.
    var isOver: Bool { isZombie && threads <= 1 }

    /// `nil` when there is no process of this number, or nothing can be learnt of it.
    init?(_ pid: Int32) {
        guard let status = try? ProcessStatus.read(pid) else { return nil }
        self = status
    }

    /// The process that has this number now; `nil` when there is none.
    ///
    /// - Throws: `SystemError` when the kernel does not tell.
    static func read(_ pid: Int32) throws(SystemError) -> ProcessStatus? {
        let bytes: [UInt8]
        do throws(SystemError) {
            // The kernel gives the line in one piece, and no line is as long.
            bytes = try Descriptor.open(ofProcess: pid, "stat").readOnce(atMost: 4096)
        } catch {
            guard error.code == ENOENT || error.code == ESRCH else { throw error }
            return nil
        }
        guard let status = ProcessStatus(line: bytes) else {
            throw SystemError("read", "/proc/\(pid)/stat", code: EBADMSG)
        }
        return status
    }

    private init?(line: [UInt8]) {
        // The name in field 2 may hold anything, even blanks and parentheses; the last one ends it.
        guard let end = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        // A blank, field 3, and from field 4 on numbers with a blank before each.
        guard line.count > end + 2 else { return nil }
        let state = line[end + 2]
        isZombie = state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
        var index = end + 3
        func next() -> Int64? {
            index += 1
            return line.decimal(at: &index)
        }
        func pass(_ fields: Int) -> Bool {
            for _ in 0..<fields where next() == nil { return false }
            return true
        }
        guard let parent = next(), let group = next(), let session = next(), pass(2), let flags = next(), pass(10),
            let threads = next(), pass(1), let start = next()
        else { return nil }
        self.parent = Int32(truncatingIfNeeded: parent)
        self.group = Int32(truncatingIfNeeded: group)
        self.session = Int32(truncatingIfNeeded: session)
        self.flags = UInt64(truncatingIfNeeded: flags)
        self.threads = Int(threads)
        self.start = start
    }
}
