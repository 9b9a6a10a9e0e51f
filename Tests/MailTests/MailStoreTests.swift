import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import Mail

/// A mail queue of this test's own, with one job to write about, seen with the rights of the mailer.
struct MailQueue {
    let scratch = ScratchDirectory()
    /// What other programs do.
    let others: Database
    let job: JobID
    let mails: MailStore

    init() throws {
        others = try scratch.unrestrictedDatabase()
        job = try others.insertJob()
        mails = MailStore(try scratch.database(as: .mailer))
    }

    func enqueue(
        _ kind: JobMail.Kind = .started, attempt: Int = 1, to recipient: String = "ada@example.org",
        at now: Instant = morning
    ) throws {
        let mail = JobMail(kind: kind, subject: "\(kind) \(attempt)", body: "Text\n")
        try MailStore(others).enqueue(mail, about: job, attempt: attempt, to: recipient, at: now)
    }

    /// Tries the mail that is due, in vain; says how long the pause is.
    func failOnce(_ reason: String = "no", at now: Instant) throws -> Instant.Span? {
        let mail = try #require(try mails.due(at: now))
        #expect(try mails.begin(mail, at: now))
        try mails.failed(mail, because: reason, forGood: false, at: now)
        return try mails.nextDue().map { $0 - now }
    }
}

@Suite struct `The mail queue` {
    @Test func `hands out a mail as it came`() throws {
        let queue = try MailQueue()
        try queue.enqueue(.started, attempt: 2, at: morning)
        #expect(try queue.mails.due(at: morning - .milliseconds(1)) == nil)
        #expect(try queue.mails.nextDue() == morning)
        let mail = try #require(try queue.mails.due(at: morning))
        #expect(mail.name == "job-\(queue.job)-2-started-\(mail.id)")
        #expect(mail.recipient == "ada@example.org")
        #expect(mail.subject == "started 2")
        #expect(mail.body == "Text\n")
        #expect(mail.createdAt == morning)
        #expect(mail.tries == 0)
    }

    @Test func `keeps a mail that comes twice once`() throws {
        let queue = try MailQueue()
        for _ in 1...3 { try queue.enqueue(.started) }
        try queue.enqueue(.ended)
        try queue.enqueue(.started, attempt: 2)
        #expect(try queue.mails.mails(about: queue.job).map(\.subject) == ["started 1", "ended 1", "started 2"])
        // Also when it has been sent in between.
        let mail = try #require(try queue.mails.due(at: morning))
        try queue.mails.sent(mail, at: morning)
        try queue.enqueue(.started)
        #expect(try queue.mails.mails(about: queue.job).count == 3)
    }

    @Test func `takes a mail only together with what it tells about`() throws {
        struct Trouble: Error {}
        let queue = try MailQueue()
        #expect(throws: Trouble.self) {
            try queue.others.write {
                try queue.enqueue()
                throw Trouble()
            }
        }
        #expect(try queue.mails.mails(about: queue.job).isEmpty)
    }

    @Test func `hands out what has been due the longest, and of equals what came first`() throws {
        let queue = try MailQueue()
        for (attempt, minutes) in [(1, 3), (2, 1), (3, 1), (4, 2), (5, 9)] {
            try queue.enqueue(attempt: attempt, at: morning + .minutes(Int64(minutes)))
        }
        var order: [Int] = []
        while let mail = try queue.mails.due(at: morning + .minutes(5)) {
            order.append(mail.attempt)
            try queue.mails.sent(mail, at: morning + .minutes(5))
        }
        #expect(order == [2, 3, 4, 1])
        #expect(try queue.mails.nextDue() == morning + .minutes(9))
    }

    @Test func `shows what became of a mail`() throws {
        let queue = try MailQueue()
        try queue.enqueue()
        _ = try queue.failOnce("mailbox full", at: morning)
        var shown = try #require(try queue.mails.mails(about: queue.job).first)
        #expect((shown.tries, shown.lastError, shown.isGivenUp, shown.sentAt) == (1, "mailbox full", false, nil))

        let mail = try #require(try queue.mails.due(at: morning + .hours(1)))
        #expect(try queue.mails.begin(mail, at: morning + .hours(1)))
        try queue.mails.sent(mail, at: morning + .hours(1))
        shown = try #require(try queue.mails.mails(about: queue.job).first)
        #expect((shown.tries, shown.lastError, shown.isGivenUp) == (2, nil, false))
        #expect(shown.sentAt == morning + .hours(1))
        #expect(try queue.mails.nextDue() == nil)
    }

    @Test func `waits longer after each failure, but never more than an hour`() throws {
        let queue = try MailQueue()
        try queue.enqueue()
        var now = morning
        var pauses: [Instant.Span] = []
        for _ in 1...9 {
            let pause = try #require(try queue.failOnce(at: now))
            #expect(try queue.mails.due(at: now + pause - .milliseconds(1)) == nil)
            pauses.append(pause)
            now = now + pause
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .minutes($0) })
    }

    @Test func `gives a mail up after three days of trying and not a minute earlier`() throws {
        let queue = try MailQueue()
        try queue.enqueue()
        var now = morning
        while let pause = try queue.failOnce("still down", at: now) {
            #expect(now - morning < .days(3))
            now = now + pause
        }
        #expect(now - morning >= .days(3))
        #expect(now - morning <= .hours(73))
        let shown = try #require(try queue.mails.mails(about: queue.job).first)
        #expect(shown.isGivenUp)
        #expect(shown.lastError == "still down")
    }

    @Test func `gives up at once what can never be sent`() throws {
        let queue = try MailQueue()
        try queue.enqueue()
        let mail = try #require(try queue.mails.due(at: morning))
        #expect(try queue.mails.failed(mail, because: "no address", forGood: true, at: morning))
        #expect(try queue.mails.nextDue() == nil)
        #expect(try queue.mails.mails(about: queue.job).first?.isGivenUp == true)
    }

    @Test func `puts off a mail whose sender died over it`() throws {
        let queue = try MailQueue()
        try queue.enqueue()
        var now = morning
        for minutes in [1, 2, 4] as [Int64] {
            let mail = try #require(try queue.mails.due(at: now))
            #expect(try queue.mails.begin(mail, at: now))
            #expect(try queue.mails.nextDue() == now + .minutes(minutes))
            now = now + .minutes(minutes)
        }
        #expect(try queue.mails.mails(about: queue.job).first?.tries == 3)
    }

    @Test func `begins no mail that is sent, or gone with its job`() throws {
        let queue = try MailQueue()
        try queue.enqueue(.started)
        try queue.enqueue(.ended)
        let first = try #require(try queue.mails.due(at: morning))
        try queue.mails.sent(first, at: morning)
        #expect(try !queue.mails.begin(first, at: morning))
        let second = try #require(try queue.mails.due(at: morning))
        try queue.others.write { try queue.others.run("DELETE FROM mails WHERE id = \(second.id)") }
        #expect(try !queue.mails.begin(second, at: morning))
        try queue.mails.sent(second, at: morning)
        try queue.mails.failed(second, because: "no", forGood: false, at: morning)
        #expect(try queue.mails.nextDue() == nil)
    }

    @Test func `never sends again what is sent, whatever is said of it afterwards`() throws {
        let queue = try MailQueue()
        try queue.enqueue()
        let mail = try #require(try queue.mails.due(at: morning))
        try queue.mails.sent(mail, at: morning)
        try queue.mails.failed(mail, because: "late", forGood: false, at: morning)
        #expect(try queue.mails.nextDue() == nil)
        #expect(try queue.mails.mails(about: queue.job).first?.lastError == nil)
    }

    @Test func `gives the mailer no right to add or remove`() throws {
        let queue = try MailQueue()
        let mail = JobMail(kind: .started, subject: "", body: "")
        #expect(throws: SQLiteError.self) {
            try queue.mails.enqueue(mail, about: queue.job, attempt: 1, to: "a@b", at: morning)
        }
        let database = try queue.scratch.database(as: .mailer)
        #expect(throws: SQLiteError.self) { try database.write { try database.run("DELETE FROM mails") } }
    }
}
