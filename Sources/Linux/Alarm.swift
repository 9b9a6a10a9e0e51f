/// Milliseconds since the machine was started, also those that it slept through: what time limits are counted on.
public func millisecondsSinceBoot() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// A descriptor that poll(2) finds readable from a point in time on.
///
/// The kernel keeps it on CLOCK_BOOTTIME, so that a machine that wakes up finds it due; the patience of poll itself stands
/// still while the machine sleeps.
public struct Alarm: ~Copyable {
    public let descriptor: Descriptor

    /// - Throws: `SystemError` when the kernel has no room for one.
    public init() throws(SystemError) {
        let number = timerfd_create(CLOCK_BOOTTIME, CInt(TFD_CLOEXEC | TFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("timerfd_create", nil) }
        descriptor = Descriptor(owning: number)
    }

    /// Is due from then on and until it is set again; `nil` is never.
    ///
    /// - Parameter due: as ``millisecondsSinceBoot()`` counts.
    public borrowing func set(_ due: Int64?) {
        var time = itimerspec()
        if let due {
            // Zero would stop it; what lies in the past is due at once.
            let due = max(1, due)
            time.it_value = timespec(tv_sec: Int(due / 1000), tv_nsec: Int(due % 1000) * 1_000_000)
        }
        timerfd_settime(descriptor.number, CInt(TFD_TIMER_ABSTIME), &time, nil)
    }
}
