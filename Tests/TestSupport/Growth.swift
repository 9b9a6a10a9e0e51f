import Linux

/// How many times as much processor time work takes when there is eight times as much of it: about 8 where the time
/// grows with the size, 64 where it grows with the square of the size.
///
/// The thread's own time, and the least of a few tries, so that what else the machine does hardly counts.
public func growth(from size: Int, _ work: (Int) throws -> Void) rethrows -> Double {
    func time(_ size: Int) throws -> Double {
        var least = Double.infinity
        for _ in 1...3 {
            let start = threadTime()
            try work(size)
            least = min(least, threadTime() - start)
        }
        return least
    }
    return try time(size * 8) / time(size)
}

/// More than any linear growth that was measured wrongly, less than a quadratic one.
public let linearGrowth = 0.0..<14.0

private func threadTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
