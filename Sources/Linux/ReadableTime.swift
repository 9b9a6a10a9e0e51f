extension Instant {
    /// For people, to the minute: `2026-03-01 09:05 UTC`.
    public var readable: String {
        String(unsafeUninitializedCapacity: 20) { buffer in
            writeISO8601(into: buffer)
            buffer[10] = UInt8(ascii: " ")
            for (index, byte) in " UTC".utf8.enumerated() { buffer[16 + index] = byte }
            return 20
        }
    }

    /// For people, the day alone: `2026-03-01`.
    public var day: String {
        String(unsafeUninitializedCapacity: 20) { buffer in
            writeISO8601(into: buffer)
            return 10
        }
    }

    /// The day of the week in UTC, 0 for Sunday.
    public var weekday: Int {
        let days = milliseconds >= 0 ? milliseconds / 86_400_000 : (milliseconds - 86_399_999) / 86_400_000
        // 1970-01-01 was a Thursday.
        return Int(((days + 4) % 7 + 7) % 7)
    }
}

extension Instant.Span {
    /// For people, in the two largest units that matter: `40 ms`, `2.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
    public var readable: String {
        let total = max(0, milliseconds)
        let seconds = total / 1000
        switch seconds {
        case 0: return "\(total) ms"
        case 1..<10: return "\(seconds).\(total % 1000 / 100) s"
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: return "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
        }
    }

    /// The same for a limit, without what is zero at its end: `1 h`.
    public var readableLimit: String {
        let words = readable.utf8.split(separator: UInt8(ascii: " "))
        guard words.count == 4, words[2].elementsEqual("0".utf8) else { return readable }
        return String(Substring(words[0])) + " " + String(Substring(words[1]))
    }
}
