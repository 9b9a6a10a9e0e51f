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
            bytes = try Descriptor.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096)
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
        var numbers: [Int64] = []
        var rest = line[(end + 1)...].drop { $0 == UInt8(ascii: " ") }
        guard let state = rest.popFirst() else { return nil }
        // From field 4 to field 22.
        while numbers.count < 19 {
            rest = rest.drop { $0 == UInt8(ascii: " ") }
            let word = rest.prefix { $0 != UInt8(ascii: " ") }
            guard let number = Int64(String(decoding: word, as: UTF8.self)) else { return nil }
            numbers.append(number)
            rest = rest[word.endIndex...]
        }
        isZombie = state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
        parent = Int32(truncatingIfNeeded: numbers[0])
        group = Int32(truncatingIfNeeded: numbers[1])
        session = Int32(truncatingIfNeeded: numbers[2])
        flags = UInt64(truncatingIfNeeded: numbers[5])
        threads = Int(numbers[16])
        start = numbers[18]
    }
}
