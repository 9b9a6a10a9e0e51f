import FileStore
import Linux
import TestSupport
import Testing

@Suite struct `A log` {
    let scratch = ScratchDirectory()

    init() { mkdir(scratch("uid.1"), 0o700) }

    func write(_ bytes: [UInt8]) throws {
        try Descriptor.open(scratch("uid.1/log"), O_WRONLY | O_CREAT | O_TRUNC).write(bytes)
    }

    func log(attempt: Int = 1) -> LogFile? {
        LogFile(attemptsDirectory: scratch.path, jobUID: "uid", attempt: attempt)
    }

    func isThere(attempt: Int = 1) -> Bool {
        guard let _ = log(attempt: attempt) else { return false }
        return true
    }

    /// What is shown of a log of these bytes, with `…` for what precedes.
    func tail(_ text: String, limit: Int) throws -> String? {
        try write(Array(text.utf8))
        guard let log = log() else { return nil }
        let (shown, isCut) = try log.tail(limit: limit)
        return (isCut ? "…" : "") + shown
    }

    @Test func `is shown from the beginning of a line`() throws {
        #expect(try tail("", limit: 10) == "")
        #expect(try tail("one\ntwo\n", limit: 10) == "one\ntwo\n")
        #expect(try tail("one\ntwo\n", limit: 8) == "one\ntwo\n")
        #expect(try tail("one\ntwo\nthree\n", limit: 8) == "…three\n")
        #expect(try tail("one\ntwo\nthree", limit: 7) == "…three")
        // A line that is longer than what is shown is shown in part.
        #expect(try tail("one\n" + String(repeating: "x", count: 100), limit: 5) == "…xxxxx")
        #expect(try tail(String(repeating: "x", count: 100) + "\n", limit: 5) == "…xxxx\n")
    }

    @Test func `is text, whatever the script wrote`() throws {
        try write([0x61, 0xFF, 0xFE, 0x0A, 0x00, 0x1B, 0x62])
        let (text, _) = try #require(try log()?.tail(limit: 100))
        #expect(text == "a\u{FFFD}\u{FFFD}\n\u{0}\u{1B}b")
        // Cut within a character of three bytes.
        #expect(try tail("日日日", limit: 4) == "…\u{FFFD}日")
    }

    @Test func `has the size and the bytes of the moment it was opened`() throws {
        try write(Array("one\n".utf8))
        guard let log = log() else {
            Issue.record("no log")
            return
        }
        try Descriptor.open(scratch("uid.1/log"), O_WRONLY | O_APPEND).write(Array("two\n".utf8))
        #expect(log.size == 4)
        #expect(try log.tail(limit: 100).text == "one\n")
        #expect(try log.release().readAll(limit: 100) == Array("one\ntwo\n".utf8))
    }

    /// Three parts of 64 KiB each, the one in the middle punched out: lines of `a`, and lines of `c`.
    func writeWithGap(_ gap: Range<Int64> = 65_536..<131_072) throws {
        let parts = ["a", "b", "c"].map { String(repeating: String(repeating: $0, count: 63) + "\n", count: 1024) }
        try write(Array(parts.joined().utf8))
        try Descriptor.open(scratch("uid.1/log"), O_WRONLY).punch(gap)
    }

    /// What is sent to whoever asks for the whole log, and whether it has the promised size.
    func whole() throws -> String {
        guard let log = log() else { throw SystemError("open", "log") }
        let size = log.size
        let bytes = try log.release().readAll(limit: 1 << 20)
        #expect(Int64(bytes.count) == size)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `tells what was left out, where the file has a hole`() throws {
        try writeWithGap()
        let (a, c) = (String(repeating: "a", count: 63) + "\n", String(repeating: "c", count: 63) + "\n")
        let (head, tail) = (String(repeating: a, count: 1024), String(repeating: c, count: 1024))
        let notice = "[... 65.5 kB left out ...]\n"
        #expect(try whole() == head + notice + tail)
        #expect(try log()?.tail(limit: 1 << 20).text == head + notice + tail)
        #expect(try log()?.tail(limit: 1 << 20).isCut == false)
        // The window begins in the end, in the notice, in the beginning.
        #expect(try log()?.tail(limit: 200).text == String(repeating: c, count: 3))
        #expect(try log()?.tail(limit: 65_536 + 5).text == tail)
        #expect(try log()?.tail(limit: 65_536 + 27).text == tail)
        #expect(try log()?.tail(limit: 65_536 + 28).text == notice + tail)
        #expect(try log()?.tail(limit: 65_536 + 27 + 100).text == a + notice + tail)
        #expect(try log()?.tail(limit: 65_536 + 27 + 100).isCut == true)
    }

    @Test func `tells it on a line of its own, also when nothing stands before or after`() throws {
        let notice = "[... 131 kB left out ...]\n"
        try writeWithGap(0..<131_072)
        #expect(try whole().hasPrefix(notice + "ccc"))
        try writeWithGap(65_536..<196_608)
        #expect(try whole().hasSuffix("aaa\n" + notice))
        #expect(try log()?.tail(limit: 10).text.hasSuffix("out ...]\n") == true)
        try write([UInt8](repeating: 0x61, count: 196_608))
        try Descriptor.open(scratch("uid.1/log"), O_WRONLY).punch(65_536..<196_608)
        #expect(try whole().hasSuffix("aaa\n" + notice))
    }

    @Test func `shows no NULs when more is left out after it was opened`() throws {
        try writeWithGap()
        guard let shown = log(), let sent = log() else { throw SystemError("open", "log") }
        let size = sent.size
        try Descriptor.open(scratch("uid.1/log"), O_WRONLY).punch(131_072..<(131_072 + 32_768))
        #expect(try shown.tail(limit: 1 << 20).text.utf8.allSatisfy { $0 != 0 })
        #expect(try shown.tail(limit: 1 << 20).text.contains("98.3 kB left out"))
        let bytes = try sent.release().readAll(limit: 1 << 20)
        #expect(Int64(bytes.count) == size)
        #expect(
            !bytes.contains(0)
                && bytes.suffix(32_768).elementsEqual(
                    String(repeating: String(repeating: "c", count: 63) + "\n", count: 512).utf8)
        )
    }

    @Test func `is not there when there is no regular file of this name`() throws {
        #expect(!isThere())
        try write([1])
        #expect(isThere())
        #expect(!isThere(attempt: 2))
        if let _ = LogFile(attemptsDirectory: scratch("nowhere"), jobUID: "uid", attempt: 1) { Issue.record("found") }
        rename(scratch("uid.1/log"), scratch("secret"))
        symlink(scratch("secret"), scratch("uid.1/log"))
        #expect(!isThere())
        unlink(scratch("uid.1/log"))
        mkfifo(scratch("uid.1/log"), 0o600)
        #expect(!isThere())
        symlink(scratch("uid.1"), scratch("uid.3"))
        #expect(!isThere(attempt: 3))
    }
}
