// Decimal numbers in bytes, as the kernel's files have them. The supervisor reads and writes some with each start, where
// text that is made and parsed by Unicode's rules costs more than the system calls.

extension [UInt8] {
    /// Appends the number in decimal.
    public mutating func append(decimal number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var (divisor, rest) = (UInt64(1), number.magnitude)
        while rest / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(rest / divisor))
            rest %= divisor
            divisor /= 10
        }
    }

    /// Reads a decimal number at `index` and moves `index` behind it; `nil`, with `index` where it was, when there is none or
    /// it is too large.
    public func decimal(at index: inout Int) -> Int64? {
        var end = index
        let isNegative = end < count && self[end] == UInt8(ascii: "-")
        if isNegative { end += 1 }
        let first = end
        var number: Int64 = 0
        while end < count, case let digit = self[end] &- UInt8(ascii: "0"), digit < 10 {
            let (tenfold, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            // Downwards, because there is one more negative number than there are positive ones.
            let (next, hasOverflown) = tenfold.subtractingReportingOverflow(Int64(digit))
            if isTooLarge || hasOverflown { return nil }
            number = next
            end += 1
        }
        guard end > first, isNegative || number != .min else { return nil }
        index = end
        return isNegative ? number : -number
    }
}

extension Descriptor {
    /// The magic link that stands for what is open: /proc/self/fd/NUMBER (proc(5)).
    public static func link(to file: borrowing Descriptor) -> [UInt8] {
        var path = Array("/proc/self/fd/".utf8)
        path.append(decimal: Int64(file.number))
        return path
    }

    /// Opens a file of a process for reading: /proc/PID/NAME (proc(5)).
    ///
    /// - Throws: ``SystemError`` naming the path: `ENOENT` when there is no such process.
    public static func open(ofProcess pid: Int32, _ name: String) throws(SystemError) -> Descriptor {
        var path = Array("/proc/".utf8)
        path.append(decimal: Int64(pid))
        path.append(UInt8(ascii: "/"))
        path += name.utf8
        let number = path.terminated { path in retryingOnInterrupt { clinux_open(path, O_RDONLY | O_CLOEXEC, 0) } }
        guard number >= 0 else { throw SystemError("open", String(decoding: path, as: UTF8.self)) }
        return Descriptor(owning: number)
    }
}
