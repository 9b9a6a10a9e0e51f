import Linux
import Settings
import TestSupport
import Testing

@testable import Mail

extension Desk {
    /// A shell script that stands in for sendmail. It runs in the scratch directory.
    func sendmail(_ body: String, timeLimit: Instant.Span = .seconds(60)) throws -> SendmailTransport {
        let path = scratch("sendmail")
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(Array("#!/bin/sh\ncd \"${0%/*}\"\n\(body)\n".utf8))
        fchmod(file.number, 0o755)
        return try SendmailTransport(
            settings("mail_transport=sendmail", "sendmail_path=sendmail"), timeLimit: timeLimit)
    }

    /// Why sendmail did not take a mail.
    func failure(_ body: String, timeLimit: Instant.Span = .seconds(60)) throws -> Undelivered? {
        let transport = try sendmail(body, timeLimit: timeLimit)
        return #expect(throws: Undelivered.self) { try transport.deliver(message()) }
    }

    /// Whether the process is over whose number the script wrote into `file`.
    func isOver(_ file: String) throws -> Bool {
        let text = try text(file).split(separator: "\n").first
        let pid = try #require(text.flatMap { pid_t($0) })
        return kill(pid, 0) != 0
    }
}

@Suite struct `Mail by sendmail` {
    let desk = Desk()

    @Test func `hands over exactly arguments, text and environment`() throws {
        let transport = try desk.sendmail(
            """
            printf '%s\\n' "$@" > arguments
            cat > text
            tr '\\0' '\\n' < /proc/$$/environ > environment
            """)
        try transport.deliver(message())
        #expect(try desk.text("arguments") == "-i\n-f\nrunner@example.org\n--\nada@example.org\n")
        #expect(try desk.text("environment") == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C.UTF-8\n")
        let unix = String(decoding: message().rendered, as: UTF8.self).replacing("\r\n", with: "\n")
        #expect(try desk.text("text") == unix)
        #expect(unix.hasPrefix("From: ScriptRunner <runner@example.org>\nTo: "))
    }

    @Test func `lends no other descriptor`() throws {
        let ours = dup(0)
        defer { close(ours) }
        let transport = try desk.sendmail("ls /proc/self/fd > descriptors")
        try transport.deliver(message())
        // ls has opened the listed folder itself.
        #expect(try desk.text("descriptors") == "0\n1\n2\n3\n")
    }

    @Test func `hands over a long text to a program that does not read it, too`() throws {
        let long = message("Hello", String(repeating: "0123456789", count: 50_000))
        try desk.sendmail("exit 0").deliver(long)
        try desk.sendmail("wc -c > count").deliver(long)
        let bytes = long.rendered.filter { $0 != UInt8(ascii: "\r") }.count
        #expect(try desk.text("count") == "\(bytes)\n")
    }

    @Test func `tells the exit status and what sendmail said`() throws {
        let failure = try desk.failure("echo 'deferred: ada@example.org:'; printf 'queue\\tfull\\033[1m' >&2; exit 75")
        #expect(failure?.reason == "sendmail exited with status 75: deferred: ada@example.org: queue full [1m")
        #expect(failure?.cause == "exit status 75")
    }

    @Test func `tells the signal that ended sendmail`() throws {
        let failure = try desk.failure("kill -SEGV $$")
        #expect(failure?.reason == "sendmail was ended by signal SEGV")
        #expect(failure?.cause == "signal SEGV")
    }

    @Test func `tells why sendmail could not be started`() throws {
        let transport = try desk.sendmail("exit 0")
        unlink(desk.scratch("sendmail"))
        let failure = #expect(throws: Undelivered.self) { try transport.deliver(message()) }
        #expect(failure?.reason == "posix_spawn \(desk.scratch("sendmail")): No such file or directory")
    }

    @Test func `ends a sendmail that hangs, with what it started`() throws {
        let failure = try desk.failure(
            "sleep 1000 & echo $! > child; echo $$ > parent; echo waiting; wait", timeLimit: .seconds(3))
        #expect(failure?.reason == "sendmail did not end within 3.0 s: waiting ")
        #expect(failure?.cause == "time limit")
        #expect(try desk.isOver("parent"))
        try waitUntil("the end of the child") { try desk.isOver("child") }
    }

    @Test func `ends a sendmail that will not hear of ending`() throws {
        let failure = try desk.failure(
            "trap '' TERM; echo $$ > parent; while :; do sleep 1000; done", timeLimit: .seconds(3))
        #expect(failure?.cause == "time limit")
        #expect(try desk.isOver("parent"))
    }

    @Test func `has delivered when sendmail, asked to end, could still finish`() throws {
        let transport = try desk.sendmail(
            "trap 'echo done > finished; exit 0' TERM; sleep 1000 & wait", timeLimit: .seconds(3))
        try transport.deliver(message())
        #expect(try desk.text("finished") == "done\n")
    }

    @Test func `ends a sendmail that talks without end, and keeps the beginning`() throws {
        let outcome = try ChildProcess.run(
            "/usr/bin/yes", ["yes"], environment: [], input: [], outputLimit: 7, timeLimit: .milliseconds(300),
            grace: .seconds(1))
        #expect(outcome.end == .tookTooLong)
        #expect(outcome.output == Array("y\ny\ny\ny".utf8))
    }

    @Test func `does not wait for what sendmail leaves running`() throws {
        // It holds our pipe open, as a queue runner of the mail system may.
        let transport = try desk.sendmail("sleep 1000 & echo $! > child")
        try transport.deliver(message())
        #expect(try !desk.isOver("child"))
        kill(try #require(pid_t(try desk.text("child").split(separator: "\n")[0])), SIGKILL)
    }

    @Test(arguments: ["no/such/program", "mail", "etc/ScriptRunner.conf"])
    func `needs a program from the start`(path: String) throws {
        let settings = try desk.settings("mail_transport=sendmail", "", "sendmail_path=\(path)")
        let problem = #expect(throws: SettingsProblem.self) { _ = try SendmailTransport(settings) }
        #expect(
            problem?.description.hasPrefix(
                "\(desk.scratch("etc/ScriptRunner.conf")):3: sendmail_path: \(desk.scratch(path)) is no program")
                == true)
    }
}

@Suite struct `What a mail system said` {
    @Test func `is one short line without control characters`() {
        #expect(Undelivered("a\r\nb\u{0}c\u{1B}[2J\u{85}\u{2028}d", cause: "").reason == "a  b c [2J  d")
        #expect(Undelivered(String(repeating: "x", count: 999), cause: "").reason.utf8.count == 500)
        // Cut between characters.
        let cut = Undelivered("x" + String(repeating: "\u{E4}", count: 999), cause: "").reason
        #expect(cut == "x" + String(repeating: "\u{E4}", count: 249))
    }
}
