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
