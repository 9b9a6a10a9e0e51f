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
    /// UTC by the proleptic Gregorian calendar, as `2026-03-01T09:05:07Z`, or with `.123` before the `Z`.
    public func iso8601(milliseconds withMilliseconds: Bool = false) -> String {
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
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let seconds = rest / 1000
        var text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
        text += "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        if withMilliseconds { text += "." + padded(rest % 1000, 3) }
        return text + "Z"
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// A clock that a program is given at its start.
public typealias Clock = @Sendable () -> Instant
