/// A point in time: integer milliseconds since 1970-01-01T00:00:00Z, the form in which the database keeps it.
public struct Instant: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// The system's clock. Only `main` calls this; everything else is handed a clock, so that tests pass their own.
    public static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public static func < (left: Instant, right: Instant) -> Bool { left.milliseconds < right.milliseconds }
    public static func + (instant: Instant, span: Span) -> Instant {
        Instant(milliseconds: instant.milliseconds + span.milliseconds)
    }
    public static func - (instant: Instant, span: Span) -> Instant {
        Instant(milliseconds: instant.milliseconds - span.milliseconds)
    }
    public static func - (left: Instant, right: Instant) -> Span {
        Span(milliseconds: left.milliseconds - right.milliseconds)
    }

    /// A length of time in milliseconds.
    public struct Span: Hashable, Comparable, Sendable {
        public var milliseconds: Int64

        public init(milliseconds: Int64) { self.milliseconds = milliseconds }
        public static func milliseconds(_ count: Int64) -> Span { Span(milliseconds: count) }
        public static func seconds(_ count: Int64) -> Span { Span(milliseconds: count * 1000) }
        public static func minutes(_ count: Int64) -> Span { seconds(count * 60) }
        public static func hours(_ count: Int64) -> Span { minutes(count * 60) }
        public static func days(_ count: Int64) -> Span { hours(count * 24) }
        public static func < (left: Span, right: Span) -> Bool { left.milliseconds < right.milliseconds }
    }
}

extension Instant {
    /// UTC by the proleptic Gregorian calendar, as `2026-03-01T09:05:07Z`, or with `.123` before the `Z`. Years beyond the
    /// four digits of ISO 8601 are shown as the first or last that has them.
    public func iso8601(milliseconds withMilliseconds: Bool = false) -> String {
        String(unsafeUninitializedCapacity: 24) { buffer in
            writeISO8601(into: buffer)
            guard withMilliseconds else { return 20 }
            buffer[19] = UInt8(ascii: ".")
            let (_, rest) = Instant.floorDivide(milliseconds, 1000)
            Instant.write(rest, digits: 3, into: buffer, at: 20)
            buffer[23] = UInt8(ascii: "Z")
            return 24
        }
    }

    /// Writes the 20 bytes of `2026-03-01T09:05:07Z`. Pages show hundreds of times, so nothing is allocated.
    func writeISO8601(into buffer: UnsafeMutableBufferPointer<UInt8>) {
        let (days, rest) = Instant.floorDivide(milliseconds, 86_400_000)
        // Days since 0000-03-01, so that a leap day is the last day of its year (Hinnant, "chrono-Compatible Low-Level
        // Date Algorithms", civil_from_days).
        let shifted = days + 719_468
        let (era, dayOfEra) = Instant.floorDivide(shifted, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = min(9999, max(0, yearOfEra + era * 400 + (month <= 2 ? 1 : 0)))
        let seconds = rest / 1000
        for (number, digits, position, separator) in [
            (year, 4, 0, "-"), (month, 2, 5, "-"), (day, 2, 8, "T"), (seconds / 3600, 2, 11, ":"),
            (seconds / 60 % 60, 2, 14, ":"), (seconds % 60, 2, 17, "Z"),
        ] as [(Int64, Int, Int, Unicode.Scalar)] {
            Instant.write(number, digits: digits, into: buffer, at: position)
            buffer[position + digits] = UInt8(ascii: separator)
        }
    }

    private static func write(
        _ number: Int64, digits: Int, into buffer: UnsafeMutableBufferPointer<UInt8>, at position: Int
    ) {
        var rest = number
        for index in (position..<position + digits).reversed() {
            buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// A clock that a program is given at its start.
public typealias Clock = @Sendable () -> Instant
