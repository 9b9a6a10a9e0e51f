import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import Mail

/// A place of this test's own with settings, a database and a job to write mails about, for the built `mailer`.
final class MailerTrial {
    let scratch = ScratchDirectory()
    let settingsFile: String
    let database: Database
    let mails: MailStore
    let job: JobID

    init() throws {
        for folder in ["etc", "db", "state", "mail"] { mkdir(scratch(folder), 0o755) }
        settingsFile = scratch("etc/ScriptRunner.conf")
        try Storage.migrate(scratch("db/scriptrunner.sqlite"))
        database = try Database(path: scratch("db/scriptrunner.sqlite"))
        mails = MailStore(database)
        job = try database.insertJob()
        try set()
    }

    /// The settings from now on.
    func set(_ lines: String...) throws {
        let text = (["email_address=runner@example.org"] + lines).joined(separator: "\n")
        try write(text, to: "etc/ScriptRunner.conf")
    }

    /// Mail goes to this server from now on.
    func use(_ server: TestMailServer, _ lines: String...) throws {
        let text = [
            "email_address=runner@example.org", "base_url=https://jobs.example.org", "mail_transport=smtp",
            "smtp_host=127.0.0.1", "smtp_port=\(server.port)",
        ]
        try write((text + lines).joined(separator: "\n"), to: "etc/ScriptRunner.conf")
    }

    func write(_ text: String, to name: String, mode: mode_t = 0o600) throws {
        let file = try Descriptor.open(scratch(name), O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(Array(text.utf8))
        fchmod(file.number, mode)
    }

    func text(_ name: String) throws -> String {
        String(decoding: try Descriptor.open(scratch(name), O_RDONLY).readAll(limit: 1 << 24), as: UTF8.self)
    }

    func enqueue(attempt: Int = 1, subject: String = "Hello", body: String = "Text\n", to: String = "ada@example.org")
        throws
    {
        try mails.enqueue(
            JobMail(kind: .started, subject: subject, body: body), about: job, attempt: attempt, to: to,
            at: Instant.now())
    }

    /// As if the pause before the next try were over.
    func endPause() throws { try database.write { try database.run("UPDATE mails SET due_at = 0") } }

    func shown() throws -> [MailStore.Sent] { try mails.mails(about: job) }

    /// Starts the program.
    func start(environment: [String] = [], log: String = "log") throws -> Child {
        try Child(
            BuiltProgram.path("mailer"), environment: ["SCRIPTRUNNER_CONF=\(settingsFile)"] + environment,
            standardError: scratch(log))
    }

    /// Runs it to its end and returns exit status and log.
    @discardableResult
    func run(environment: [String] = []) throws -> (status: Int, log: String) {
        let mailer = try start(environment: environment)
        return (mailer.wait(), try mailer.standardError())
    }

    /// Runs it; every mail that is due is sent.
    func runAndSend(environment: [String] = []) throws {
        let (status, log) = try run(environment: environment)
        #expect(status == 0)
        #expect(!log.contains("mail-not-sent"), "\(log)")
        #expect(try shown().allSatisfy { $0.sentAt != nil })
    }

    /// Runs it; the one mail waits for another try. Returns what the job's page says, and the log.
    func runAndFail() throws -> (reason: String, log: String) {
        let (status, log) = try run()
        #expect(status == 0)
        let mail = try shown()[0]
        #expect(mail.sentAt == nil && !mail.isGivenUp)
        let pause = try #require(try mails.nextDue()) - Instant.now()
        #expect(pause > .seconds(0) && pause <= .hours(1))
        return (mail.lastError ?? "", log)
    }
}
