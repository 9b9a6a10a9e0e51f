import Linux
import Testing

@Suite struct `A point in time` {
    /// Seconds since 1970 and what date(1) says of them.
    static let known: [(seconds: Int64, text: String)] = [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (-86_400, "1969-12-31T00:00:00Z"),
        (-86_401, "1969-12-30T23:59:59Z"),
        (68_169_600, "1972-02-29T00:00:00Z"),
        (68_256_000, "1972-03-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (978_220_800, "2000-12-31T00:00:00Z"),
        (2_147_483_648, "2038-01-19T03:14:08Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (-2_203_891_200, "1900-03-01T00:00:00Z"),
        (-2_203_891_201, "1900-02-28T23:59:59Z"),
        (-11_670_998_400, "1600-02-29T00:00:00Z"),
        (-12_219_292_800, "1582-10-15T00:00:00Z"),
        (-62_135_596_800, "0001-01-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ]

    @Test(arguments: known)
    func `is written as in ISO 8601`(seconds: Int64, text: String) {
        #expect(Instant(milliseconds: seconds * 1000).iso8601() == text)
    }

    @Test func `agrees with the C library on every day of four hundred years, after which the calendar repeats`() {
        // From 1800 to 2200, one second before midnight.
        for day in Int64(-62_091)...84_005 {
            let second = day * 86_400 + 86_399
            var (time, parts) = (time_t(second), tm())
            gmtime_r(&time, &parts)
            var text = [CChar](repeating: 0, count: 32)
            let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
            let expected = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let instant = Instant(milliseconds: second * 1000)
            if instant.iso8601() != expected || instant.weekday != Int(parts.tm_wday) {
                Issue.record("\(expected) became \(instant.iso8601()), day \(instant.weekday) of the week")
                return
            }
        }
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (7, "1970-01-01T00:00:00.007Z"), (999, "1970-01-01T00:00:00.999Z"),
        (1000, "1970-01-01T00:00:01.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (-1000, "1969-12-31T23:59:59.000Z"),
    ])
    func `keeps its milliseconds when they are asked for`(milliseconds: Int64, text: String) {
        #expect(Instant(milliseconds: milliseconds).iso8601(milliseconds: true) == text)
    }

    @Test func `loses what is less than a second towards the past`() {
        #expect(Instant(milliseconds: 999).iso8601() == "1970-01-01T00:00:00Z")
        #expect(Instant(milliseconds: -1).iso8601() == "1969-12-31T23:59:59Z")
    }

    @Test func `is counted with in spans`() {
        let noon = Instant(milliseconds: 43_200_000)

        #expect(noon + .days(1) - noon == .hours(24))
        #expect(noon - .minutes(1) == Instant(milliseconds: 43_140_000))
        #expect(noon - (noon + .seconds(1)) == .milliseconds(-1000))
        #expect(noon < noon + .milliseconds(1))
        #expect(Instant.Span.minutes(2) > .seconds(119))
    }

    @Test func `is read off the system's clock`() {
        let before = Int64(time(nil)) * 1000
        let now = Instant.now()
        let after = Int64(time(nil)) * 1000 + 1000

        // time(2) may lag behind by a tick of the clock.
        #expect((before...after + 20).contains(now.milliseconds))
    }
}

@Suite struct `A time for people` {
    @Test func `is told to the minute, and never rounded up`() {
        let time = Instant(milliseconds: 1_772_355_907_999)

        #expect(time.iso8601() == "2026-03-01T09:05:07Z")
        #expect(time.readable == "2026-03-01 09:05 UTC")
        #expect(time.day == "2026-03-01")
    }

    @Test func `changes at midnight`() {
        #expect(Instant(milliseconds: -1).readable == "1969-12-31 23:59 UTC")
        #expect(Instant(milliseconds: 0).readable == "1970-01-01 00:00 UTC")
        #expect(Instant(milliseconds: -1).weekday == 3)
        #expect(Instant(milliseconds: 0).weekday == 4)
        #expect(Instant(milliseconds: 3 * 86_400_000).weekday == 0)
        #expect(Instant(milliseconds: -4 * 86_400_000).weekday == 0)
        #expect(Instant(milliseconds: -4 * 86_400_000 - 1).weekday == 6)
    }
}

@Suite struct `A length of time for people` {
    @Test(arguments: [
        (-5000, "0 ms"), (0, "0 ms"), (99, "99 ms"), (999, "999 ms"), (1000, "1.0 s"), (9_999, "9.9 s"),
        (10_000, "10 s"), (59_999, "59 s"), (60_000, "1 min 0 s"), (200_000, "3 min 20 s"),
        (3_599_999, "59 min 59 s"), (3_600_000, "1 h 0 min"), (7_500_000, "2 h 5 min"),
        (86_399_999, "23 h 59 min"), (86_400_000, "1 d 0 h"), (273_600_000, "3 d 4 h"),
        (8_640_000_000, "100 d 0 h"),
    ])
    func `is told in its two largest units`(milliseconds: Int64, text: String) {
        #expect(Instant.Span.milliseconds(milliseconds).readable == text)
    }
}
