import EventLog
import Linux
import Storage
import TestSupport
import Testing

@testable import Mail

extension MailQueue {
    func mailer(by transport: any MailTransport, now: @escaping Clock = { morning }) -> Mailer {
        Mailer(
            mails, by: transport, from: "runner@example.org", log: EventLog(program: "mailer", now: now), now: now)
    }
}

@Suite struct `Sending what is due` {
    let desk = Desk()

    @Test func `sends all of it and nothing else`() throws {
        let queue = try MailQueue()
        for attempt in 1...3 { try queue.enqueue(attempt: attempt, at: morning) }
        try queue.enqueue(attempt: 4, at: morning + .seconds(1))
        try queue.mailer(by: FileTransport(desk.settings())).sendDue { false }
        let ids = try queue.mails.mails(about: queue.job).filter { $0.sentAt == morning }.map(\.subject)
        #expect(ids == ["started 1", "started 2", "started 3"])
        #expect(
            try desk.names("mail") == (1...3).map { "job-\(queue.job)-\($0)-started-\($0).eml" })
    }

    @Test func `tries again later what could not be sent, and sends the others`() throws {
        let queue = try MailQueue()
        try queue.enqueue(.started)
        try queue.enqueue(.ended)
        // A folder stands where the draft of the first mail should be written.
        let first = try #require(try queue.mails.due(at: morning)).name
        mkdir(desk.scratch("mail/.\(first).eml"), 0o700)
        let transport = try FileTransport(desk.settings())
        try queue.mailer(by: transport).sendDue { false }
        #expect(try queue.mails.mails(about: queue.job).map { $0.sentAt != nil } == [false, true])
        #expect(
            try queue.mails.mails(about: queue.job)[0].lastError?.hasSuffix(".eml: Is a directory") == true)

        rmdir(desk.scratch("mail/.\(first).eml"))
        try queue.mailer(by: transport) { morning + .seconds(59) }.sendDue { false }
        #expect(try queue.mails.mails(about: queue.job)[0].sentAt == nil)
        try queue.mailer(by: transport) { morning + .minutes(1) }.sendDue { false }
        #expect(try queue.mails.mails(about: queue.job)[0].sentAt == morning + .minutes(1))
        #expect(try queue.mails.mails(about: queue.job).map(\.tries) == [2, 1])
    }

    @Test func `gives up at once a mail to what is no address, and no other`() throws {
        let queue = try MailQueue()
        try queue.enqueue(.started, to: "ada@example.org\r\nBcc: eve@example.org")
        try queue.enqueue(.ended)
        try queue.mailer(by: FileTransport(desk.settings())).sendDue { false }
        let shown = try queue.mails.mails(about: queue.job)
        #expect(shown.map(\.isGivenUp) == [true, false])
        #expect(shown[0].lastError == "the recipient is no address that mail can be sent to")
        #expect(shown[1].sentAt == morning)
        #expect(try desk.names("mail").count == 1)
    }

    @Test func `ends between two mails when it is asked to`() throws {
        let queue = try MailQueue()
        for attempt in 1...3 { try queue.enqueue(attempt: attempt) }
        var asked = 0
        try queue.mailer(by: FileTransport(desk.settings())).sendDue {
            asked += 1
            return asked > 2
        }
        #expect(try desk.names("mail").count == 2)
        #expect(try queue.mails.due(at: morning)?.attempt == 3)
    }

    @Test func `is for one mailer at a time`() throws {
        let scratch = ScratchDirectory()
        var inner: Bool?
        let outer = try asOnlyMailer(in: scratch.path) { inner = try asOnlyMailer(in: scratch.path) {} }
        #expect(outer)
        #expect(inner == false)
        #expect(try asOnlyMailer(in: scratch.path) {})
    }
}
