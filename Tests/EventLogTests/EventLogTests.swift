import Linux
import Testing

@testable import EventLog

@Suite struct `A value in the log` {
    @Test(arguments: [
        "12", "runComplexOperation1.sh", "/jobs/12", "me@mycompany.com", "a-b_c+d", "2026-03-01T09:05:07.123Z",
    ])
    func `stands bare when it is plain`(value: String) {
        #expect(EventLog.quoted(value) == value)
    }

    @Test(arguments: [
        ("", #""""#),
        ("two words", #""two words""#),
        (#"say "no""#, #""say \"no\"""#),
        (#"C:\data"#, #""C:\\data""#),
        ("a=b", #""a=b""#),
        ("line\nline", #""line\nline""#),
        ("\r\n", #""\u{d}\n""#),
        ("tab\there", #""tab\u{9}here""#),
        ("\0\u{1}\u{1B}[2J\u{7F}", #""\u{0}\u{1}\u{1b}[2J\u{7f}""#),
        ("\u{85}\u{9B}31m", #""\u{85}\u{9b}31m""#),
        ("\u{2028}\u{2029}", #""\u{2028}\u{2029}""#),
        ("txt.\u{202E}sj", #""txt.\u{202e}sj""#),
        ("\u{2066}\u{200B}\u{FEFF}\u{E0041}", #""\u{2066}\u{200b}\u{feff}\u{e0041}""#),
        ("\u{FFFE}", #""\u{fffe}""#),
        ("Zoë 日本 🧬", #""Zoë 日本 🧬""#),
        // A mark that joins what stands before it: neither quote nor line break can be hidden by one.
        ("\"\u{301}\n\u{301}", #""\"\#u{301}\n\#u{301}""#),
    ])
    func `is quoted, and what could end, hide or reorder a line is escaped`(value: String, written: String) {
        // By bytes: characters that look alike are not the same here.
        #expect(Array(EventLog.quoted(value).utf8) == Array(written.utf8))
    }

    @Test func `never leaves its quotes, whatever character a user typed`() {
        for value in 0...0xFFFF as ClosedRange<UInt32> {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let written = EventLog.quoted("a\(Character(scalar))b")
            var inside = written.utf8.dropFirst().dropLast()
            guard written.utf8.first == UInt8(ascii: "\"") else {
                #expect(written == "a\(Character(scalar))b" && scalar.isASCII && scalar != " ")
                continue
            }
            if inside.contains(where: { $0 < 0x20 || $0 == 0x7F }) { Issue.record("\(value) is written as it is") }
            while let byte = inside.popFirst() {
                if byte == UInt8(ascii: "\"") { Issue.record("\(value) ends the quotes") }
                if byte == UInt8(ascii: "\\") { _ = inside.popFirst() }
            }
        }
    }

    @Test func `is cut when it is long, and says so outside of the quotes`() {
        let longest = String(repeating: "a", count: EventLog.longestValue)

        #expect(EventLog.quoted(longest) == longest)
        #expect(EventLog.quoted(longest + "a").hasSuffix(#"a"..."#))
        for text in [longest + "a", String(repeating: "\u{2028}", count: 5000), String(repeating: "🧬", count: 5000)] {
            #expect(EventLog.quoted(text).utf8.count <= EventLog.longestValue + 16)
        }
        #expect(EventLog.quoted(#"..."#) == "...")
        #expect(EventLog.quoted(#"a"..."#) == #""a\"...""#)
    }
}

@Suite struct `A line of the log` {
    @Test func `tells time, program, event and what it concerns, on standard error`() async throws {
        // The line goes to the program's own standard error, so it takes a program.
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let log = EventLog(program: "worker") { Instant(milliseconds: 1_772_355_907_123) }
            log.note("started")
            log.note("job-ended", ["job": "12", "cause": "no\n2026-03-01T09:05:08.000Z worker job-ended job=13"])
        }

        let lines = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(
            lines == """
                2026-03-01T09:05:07.123Z worker started
                2026-03-01T09:05:07.123Z worker job-ended job=12 \
                cause="no\\n2026-03-01T09:05:08.000Z worker job-ended job=13"

                """)
    }

    @Test func `fits into a pipe at once, even with three long values`() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let long = String(repeating: "\u{1}", count: 8192)
            EventLog(program: "supervisor") { Instant(milliseconds: 0) }
                .note("request-failed", ["request": long, "address": long, "cause": long])
        }

        let line = try #require(result).standardErrorContent
        #expect(line.count <= Int(PIPE_BUF))
        #expect(line.last == UInt8(ascii: "\n"))
    }

    @Test func `that nobody can take is no reason to fail`() async {
        await #expect(processExitsWith: .success) {
            close(2)
            EventLog(program: "worker") { Instant(milliseconds: 0) }.note("started")
        }
    }
}
