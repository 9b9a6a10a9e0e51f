// How people write times and sizes, in the settings and in the comments of scripts.

extension Instant.Span {
    /// No span that anybody writes is longer: ten years. It leaves room for sums with the time of day.
    public static let longestWritten = Instant.Span.days(3650)

    /// From `90` or `90s`, `30m`, `12h`, `7d`, or hours, minutes and seconds as `12:00:00`; `nil` for anything else, and
    /// for more than ten years.
    public init?(written text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let seconds: Int64
        if bytes.contains(UInt8(ascii: ":")) {
            let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard parts.count == 3, let hours = wholeNumber(parts[0]), parts[1].count == 2, parts[2].count == 2,
                let minutes = wholeNumber(parts[1]), minutes < 60, let rest = wholeNumber(parts[2]), rest < 60,
                hours <= Self.longestWritten.milliseconds
            else { return nil }
            seconds = hours * 3600 + minutes * 60 + rest
        } else {
            let units: [UInt8: Int64] = [
                UInt8(ascii: "s"): 1, UInt8(ascii: "m"): 60, UInt8(ascii: "h"): 3600, UInt8(ascii: "d"): 86_400,
            ]
            let unit = bytes.last.flatMap { units[$0] }
            guard let count = wholeNumber(unit == nil ? bytes[...] : bytes.dropLast()),
                case let (product, overflow) = count.multipliedReportingOverflow(by: unit ?? 1), !overflow
            else { return nil }
            seconds = product
        }
        guard seconds <= Self.longestWritten.milliseconds / 1000 else { return nil }
        self = .seconds(seconds)
    }
}

/// No size that anybody writes is larger: more than any disk holds, and small enough that sums do not overflow. Bytes.
public let largestWrittenSize: Int64 = 1 << 60

/// The bytes that `500000`, `512K`, `100M`, `10G` or `2T` means, in powers of 1024; `nil` for anything else, and for more
/// than ``largestWrittenSize``.
public func size(written text: some StringProtocol) -> Int64? {
    let units: [UInt8: Int64] = [
        UInt8(ascii: "K"): 1 << 10, UInt8(ascii: "M"): 1 << 20, UInt8(ascii: "G"): 1 << 30, UInt8(ascii: "T"): 1 << 40,
    ]
    let bytes = Array(text.utf8)
    let unit = bytes.last.flatMap { units[$0] }
    guard let count = wholeNumber(unit == nil ? bytes[...] : bytes.dropLast()),
        case let (size, overflow) = count.multipliedReportingOverflow(by: unit ?? 1), !overflow,
        size <= largestWrittenSize
    else { return nil }
    return size
}

/// Digits and nothing else.
private func wholeNumber(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int64(String(decoding: digits, as: UTF8.self))
}
