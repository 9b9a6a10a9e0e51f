internal import Linux

/// Keeps the script's log within its budget of disk and on the disk, while the script writes on undisturbed.
///
/// The beginning and the end stay; beyond the budget the middle is punched out. As long as nothing is written the kernel
/// watches the file and nobody looks; from the first byte on it is looked at now and then, until it is quiet again.
struct LogKeeper: ~Copyable {
    private let file: Descriptor
    /// Bytes of disk.
    private let budget: Int64
    /// Holes begin and end at multiples of this. Bytes.
    private let grain: Int64
    /// An inotify instance; `nil` when the user has none left: then the log is looked at without being told.
    private let bell: Descriptor?
    /// The kernel rings at the next byte that is written.
    private var isArmed = false
    private var size: Int64 = 0
    private var lookedAt: Int64
    /// Since when something may have been written that is not on the disk.
    private var dirtySince: Int64?
    /// The end of what was punched out.
    private var hole: Int64
    /// The log is larger than it may be, and this file system knows no holes.
    private(set) var isBeyondHelp = false

    /// What is written is on the disk after so long. Milliseconds.
    private static let syncRhythm: Int64 = 5000
    /// Between two looks at a log that grows. Milliseconds.
    private static let (fastest, slowest): (Int64, Int64) = (20, 2000)
    /// After the first byte, when nobody knows yet how fast the log grows. Milliseconds.
    private static let first: Int64 = 100
    /// No file system's block is likely to be larger: where a hole ends within a block, the log holds NULs. Bytes.
    private static let leastGrain: Int64 = 65_536

    init(_ attempt: borrowing Descriptor, budget: Int64) throws(SystemError) {
        let file = try attempt.open(beneath: "log", O_RDWR)
        grain = max(LogKeeper.leastGrain, Int64(try file.status().st_blksize))
        // What the shim had punched out, when its guard goes on.
        hole = file.firstHole(before: .max)?.upperBound ?? 0
        self.file = file
        self.budget = max(0, budget)
        let number = inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK))
        bell = number >= 0 ? Descriptor(owning: number) : nil
        lookedAt = millisecondsSinceBoot()
    }

    /// What poll(2) shall wait for besides the time; -1: nothing.
    var bellNumber: CInt { isArmed ? bell.numberIfAny : -1 }

    /// All that was written, what was punched out included.
    borrowing func writtenBytes() -> Int64 { Int64((try? file.status().st_size) ?? 0) }

    /// Looks after the log: bounds it, and makes durable what is due.
    ///
    /// - Parameter now: as `millisecondsSinceBoot()` counts.
    /// - Returns: when to look again, unless the bell rings before; `nil`: only then.
    mutating func look(at now: Int64, _ progress: Progress) -> Int64? {
        let hasRung = hasRung()
        let (growth, pause) = (writtenBytes() - size, now - lookedAt)
        size += growth
        lookedAt = now
        if growth > 0 {
            dirtySince = dirtySince ?? (hasRung ? now : now - pause)
            bound(progress)
        }
        if let since = dirtySince, now - since >= LogKeeper.syncRhythm { sync(progress) }
        let syncDue = dirtySince.map { $0 + LogKeeper.syncRhythm } ?? .max
        if hasRung { return min(now + LogKeeper.first, syncDue) }
        if growth > 0 { return min(now + self.pause(growth, in: max(1, pause)), syncDue) }
        if !isArmed {
            guard arm() else { return now + LogKeeper.syncRhythm }
            // Written between the look and the arming: nobody would ring for it.
            if writtenBytes() != size { return now }
        }
        return dirtySince == nil ? nil : syncDue
    }

    /// Nobody writes any more: bounds the log for the last time, and waits until all of it is on the disk.
    ///
    /// - Returns: how much was written, what was punched out included. Bytes.
    mutating func finish(_ progress: Progress) -> Int64 {
        size = writtenBytes()
        bound(progress)
        sync(progress)
        return size
    }

    private mutating func sync(_ progress: Progress) {
        dirtySince = nil
        guard fdatasync(file.number) == 0 else {
            Supervisor.complain("\(SystemError("fdatasync", "log"))")
            progress.hadStorageTrouble = true
            return
        }
    }

    /// So long that the log grows by half of its budget at most, if it grows on as it did.
    private func pause(_ growth: Int64, in time: Int64) -> Int64 {
        let pause = Double(budget / 2) / Double(growth) * Double(time)
        return Int64(min(Double(LogKeeper.slowest), max(Double(LogKeeper.fastest), pause)))
    }

    /// Punches the middle out, so that half of the budget stays at the beginning and at least as much at the end.
    private mutating func bound(_ progress: Progress) {
        let half = budget / 2
        let head = (half + grain - 1) / grain * grain
        let (start, end) = (max(head, hole), (size - half) / grain * grain)
        // Not for every little piece.
        guard end - start >= max(grain, budget / 8) else { return }
        do throws(SystemError) {
            try file.punch(start..<end)
            hole = end
        } catch {
            if error.code == EOPNOTSUPP {
                isBeyondHelp = size > budget
            } else if !progress.hadStorageTrouble {
                Supervisor.complain("log: \(error)")
                progress.hadStorageTrouble = true
            }
        }
    }

    private mutating func arm() -> Bool {
        let bell = bell.numberIfAny
        isArmed = Descriptor.link(to: file).terminated {
            inotify_add_watch(bell, $0, UInt32(IN_MODIFY) | UInt32(IN_ONESHOT)) >= 0
        }
        return isArmed
    }

    /// Whether something was written since the bell was armed; it rings once.
    private mutating func hasRung() -> Bool {
        guard isArmed else { return false }
        var events = [UInt8](repeating: 0, count: 512)
        guard read(bell.numberIfAny, &events, events.count) > 0 else { return false }
        // The end of the watch is told, too, and of no interest.
        while read(bell.numberIfAny, &events, events.count) > 0 {}
        isArmed = false
        return true
    }
}
