import Linux
import Mail
import TestSupport
import Testing

@Suite struct `The mailer and a mail server` {
    let trial: MailerTrial

    init() throws { trial = try MailerTrial() }

    @Test func `hand over a mail whole`() throws {
        let server = try TestMailServer()
        try trial.use(server)
        let subject = "Job #1 [gr\u{FC}n.sh] Started \u{1F9EC}"
        let body = String(repeating: "Zeile mit \u{E4}\n.\n..\n", count: 500)
        try trial.enqueue(subject: subject, body: body)
        let (status, log) = try trial.run()

        #expect(status == 0)
        let mails = try server.mails()
        #expect(mails.count == 1)
        let mail = mails[0]
        #expect(mail.from == "runner@example.org")
        #expect(mail.to == ["ada@example.org"])
        #expect(mail.headers["To"] == "ada@example.org")
        #expect(mail.headers["From"] == "ScriptRunner <runner@example.org>")
        #expect(mail.headers["Subject"] == subject)
        #expect(mail.text.replacing("\r\n", with: "\n") == body)
        #expect(mail.defects == [])
        #expect(mail.helo.contains(".") || mail.helo == "localhost")
        #expect((mail.user, mail.isEncrypted) == (nil, false))
        #expect(try trial.shown().map { $0.sentAt != nil } == [true])

        let line = try #require(log.split(separator: "\n").last)
        #expect(line.hasSuffix(" mailer mail-sent mail=1 job=1 try=1"))
        #expect(!log.contains("@") && !log.contains("Zeile"))
    }

    @Test func `use one connection for what is due together, and end it politely`() throws {
        let server = try TestMailServer()
        try trial.use(server)
        for attempt in 1...3 { try trial.enqueue(attempt: attempt, to: "user\(attempt)@example.org") }
        try trial.runAndSend()
        #expect(try server.mails().map(\.to) == [["user1@example.org"], ["user2@example.org"], ["user3@example.org"]])
        #expect(server.connections() == ["begin", "quit"])
    }

    @Test(arguments: ["starttls", "tls"]) func `speak in secret, and know each other`(security: String) throws {
        let certificate = try Certificate(for: "IP:127.0.0.1")
        let server = try TestMailServer(
            certificate.options + (security == "tls" ? ["--tls"] : []) + [
                "--user", "runner", "--password", "s3cret w\u{F6}rd",
            ])
        try trial.write("s3cret w\u{F6}rd\n", to: "password")
        try trial.use(
            server, "smtp_security=\(security)", "smtp_ca_file=\(certificate.file)", "smtp_user=runner",
            "smtp_password_file=password")
        try trial.enqueue()
        try trial.runAndSend()
        let mail = try #require(try server.mails().first)
        #expect((mail.user, mail.isEncrypted) == ("runner", true))
    }

    @Test(arguments: ["starttls", "tls"]) func `do not talk when nobody vouches for the server`(security: String) throws
    {
        let certificate = try Certificate(for: "IP:127.0.0.1")
        let server = try TestMailServer(certificate.options + (security == "tls" ? ["--tls"] : []))
        try trial.use(server, "smtp_security=\(security)")
        try trial.enqueue()
        let (reason, log) = try trial.runAndFail()
        #expect(reason.contains("certificate"))
        #expect(log.contains("mail-not-sent mail=1 job=1 try=1 cause=\"libcurl 60"))
        #expect(try server.mails().isEmpty)

        // The admin mends it; nothing was lost.
        try trial.use(server, "smtp_security=\(security)", "smtp_ca_file=\(certificate.file)")
        try trial.endPause()
        try trial.runAndSend()
        #expect(try server.mails().count == 1)
    }

    @Test func `do not talk when the certificate is another server's`() throws {
        let certificate = try Certificate(for: "DNS:other.example.org")
        let server = try TestMailServer(certificate.options)
        try trial.use(server, "smtp_security=starttls", "smtp_ca_file=\(certificate.file)")
        try trial.enqueue()
        #expect(try trial.runAndFail().log.contains("libcurl 60"))
        #expect(try server.mails().isEmpty)
    }

    @Test func `do not talk when the server offers no secrecy`() throws {
        let server = try TestMailServer(["--user", "runner", "--password", "hunter2"])
        try trial.write("hunter2\n", to: "password")
        try trial.use(server, "smtp_security=starttls", "smtp_user=runner", "smtp_password_file=password")
        try trial.enqueue()
        #expect(try trial.runAndFail().log.contains("cause=\"libcurl 64"))
        #expect(try server.mails().isEmpty)
    }

    @Test func `keep the mail while the password is wrong, and the password to themselves`() throws {
        let server = try TestMailServer(["--user", "runner", "--password", "right", "--quote"])
        try trial.write("hunter2\n", to: "password")
        try trial.use(server, "smtp_user=runner", "smtp_password_file=password")
        try trial.enqueue()
        let (reason, log) = try trial.runAndFail()
        #expect(reason.contains("535"))
        #expect(!reason.contains("hunter2"))
        #expect(log.contains("cause=\"libcurl 67, reply 535\""))
        #expect(!log.contains("hunter2"))

        try trial.write("right\n", to: "password")
        try trial.endPause()
        try trial.runAndSend()
        #expect(try server.mails().map(\.user) == ["runner"])
    }

    @Test func `meet again when the server was down`() throws {
        let server = try TestMailServer()
        server.stop()
        try trial.use(server)
        try trial.enqueue()
        #expect(try trial.runAndFail().reason.contains("Failed to connect to 127.0.0.1 port \(server.port)"))
        try server.start()
        // Not before the pause is over.
        try trial.run()
        #expect(try server.mails().isEmpty)
        try trial.endPause()
        try trial.runAndSend()
        #expect(try server.mails().count == 1)
        #expect(try trial.shown()[0].tries == 2)
    }

    @Test(
        arguments: ["mail", "rcpt", "data"],
        ["451 4.7.1 come back later, ada@example.org", "550 5.1.1 no such user ada@example.org"])
    func `try again whatever the server says`(point: String, reply: String) throws {
        let server = try TestMailServer()
        try trial.use(server)
        try trial.enqueue()
        try server.reply(at: point, reply)
        let (reason, log) = try trial.runAndFail()
        #expect(reason.contains("the mail server said: \(reply)"))
        #expect(log.contains(", reply \(reply.prefix(3))\""))
        // The server quotes the address; the log does not.
        #expect(!log.contains("ada"))
        try trial.endPause()
        try trial.runAndSend()
        #expect(try server.mails().count == 1)
    }

    @Test func `let one refused mail not stop the others`() throws {
        let server = try TestMailServer()
        try trial.use(server)
        try server.reply(at: "rcpt", "550 no")
        try trial.enqueue(attempt: 1, to: "nobody@example.org")
        try trial.enqueue(attempt: 2, to: "no\u{7}body@example.org")
        try trial.enqueue(attempt: 3)
        #expect(try trial.run().status == 0)
        #expect(try server.mails().map(\.to) == [["ada@example.org"]])
        #expect(try trial.shown().map(\.isGivenUp) == [false, true, false])
    }

    @Test func `need no proxy, whatever the environment says`() throws {
        let server = try TestMailServer()
        try trial.use(server)
        try trial.enqueue()
        let proxy = "socks5h://127.0.0.1:1"
        try trial.runAndSend(environment: ["ALL_PROXY=\(proxy)", "all_proxy=\(proxy)", "smtp_proxy=\(proxy)"])
    }
}
