import Linux
import Testing

@Suite struct `A day` {
    @Test(arguments: ["0001-01-01", "1970-01-01", "2000-02-29", "2024-02-29", "2026-11-28", "9999-12-31"])
    func `is written as it is read`(_ text: String) { #expect(Day(text).map { "\($0)" } == text) }

    @Test(arguments: [
        "", "2026-1-01", "2026-01-1", "26-01-01", "2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-02-29",
        "1900-02-29", "2026-04-31", "0000-01-01", "2026/01/01", " 2026-01-01", "2026-01-01 ", "2026-01-01T00:00",
        "-026-01-01",
        "२०२६-01-01", "tomorrow",
    ])
    func `is none when the calendar does not have it`(_ text: String) { #expect(Day(text) == nil) }

    @Test func `comes before those after it`() throws {
        let days = try ["2025-12-31", "2026-01-01", "2026-01-02", "2026-02-01"].map { try #require(Day($0)) }
        #expect(days == days.shuffled().sorted())
    }

    @Test func `is that of the clock on the wall`() throws {
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday, parts.tm_hour, parts.tm_isdst) = (126, 1, 3, 0, -1)
        let midnight = Instant(milliseconds: Int64(mktime(&parts)) * 1000)
        #expect("\(Day(of: midnight))" == "2026-02-03")
        #expect("\(Day(of: midnight - .milliseconds(1000)))" == "2026-02-02")
    }

    @Test(arguments: [
        ("2026-03-01", "2026-03-02"), ("2024-02-28", "2024-02-29"), ("2023-02-28", "2023-03-01"),
        ("1900-02-28", "1900-03-01"), ("2000-02-28", "2000-02-29"), ("2025-12-31", "2026-01-01"),
        ("2026-04-30", "2026-05-01"),
    ])
    func `is followed by the next`(day: String, next: String) { #expect(Day(day)?.next == Day(next)) }
}
