import Linux
import Mail
import SQLite
import Storage
import TestSupport
import Testing

@Suite struct `The mailer` {
    let trial: MailerTrial

    init() throws { trial = try MailerTrial() }

    @Test func `has nothing to do when no mail is due`() throws {
        let (status, log) = try trial.run()
        #expect((status, log) == (0, ""))
        try trial.enqueue()
        try trial.database.write {
            try trial.database.run("UPDATE mails SET due_at = \(Instant.now() + .hours(1))")
        }
        #expect(try trial.run() == (0, ""))
    }

    @Test func `writes mails into a folder`() throws {
        try trial.set("mail_transport=file")
        for attempt in 1...3 { try trial.enqueue(attempt: attempt) }
        try trial.runAndSend()
        let names = try Descriptor.directory(trial.scratch("mail")).entries().map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(names == ["job-1-1-started-1.eml", "job-1-2-started-2.eml", "job-1-3-started-3.eml"])
        #expect(try trial.text("mail/job-1-1-started-1.eml").hasPrefix("From: ScriptRunner <runner@example.org>\r\n"))
    }

    @Test func `gives mails to sendmail`() throws {
        try trial.set("mail_transport=sendmail", "sendmail_path=sendmail")
        let script = "#!/bin/sh\ncd \"${0%/*}\"\necho \"$@\" > arguments\ncat > text\nenv > environment\n"
        try trial.write(script, to: "sendmail", mode: 0o755)
        try trial.enqueue()
        try trial.runAndSend(environment: ["SECRET=1"])
        #expect(try trial.text("arguments") == "-i -f runner@example.org -- ada@example.org\n")
        #expect(try trial.text("text").hasPrefix("From: ScriptRunner <runner@example.org>\nTo: <ada@example.org>\n"))
        #expect(try !trial.text("environment").contains("SECRET"))
    }

    @Test func `lets sendmail have its signals as usual`() throws {
        try trial.set("mail_transport=sendmail", "sendmail_path=sendmail")
        // No shell: it would set its signals right by itself. grep takes the arguments of sendmail for files that are
        // not there, and so fails; what it has found becomes the reason.
        let script = "#!/usr/bin/env -S grep -h -s -e ^SigBlk -e ^SigIgn /proc/self/status --\n"
        try trial.write(script, to: "sendmail", mode: 0o755)
        try trial.enqueue()
        let reason = try trial.runAndFail().reason
        // posix_spawn(3) ignores the two signals that glibc keeps for itself, 32 and 33.
        #expect(
            reason == "sendmail exited with status 2: SigBlk: 0000000000000000 SigIgn: 0000000180000000 ", "\(reason)")
    }

    @Test func `keeps a mail that sendmail does not take`() throws {
        try trial.set("mail_transport=sendmail", "sendmail_path=sendmail")
        try trial.write("#!/bin/sh\necho no room for ada@example.org >&2\nexit 75\n", to: "sendmail", mode: 0o755)
        try trial.enqueue()
        let (reason, log) = try trial.runAndFail()
        #expect(reason == "sendmail exited with status 75: no room for ada@example.org ")
        #expect(log.hasSuffix(" mailer mail-not-sent mail=1 job=1 try=1 cause=\"exit status 75\"\n"))
    }

    @Test func `gives a mail up when it is three days old`() throws {
        try trial.set("mail_transport=sendmail", "sendmail_path=/bin/false")
        try trial.enqueue()
        _ = try trial.runAndFail()
        try trial.database.write {
            try trial.database.run("UPDATE mails SET due_at = 0, created_at = created_at - 3 * 86400000")
        }
        let (status, log) = try trial.run()
        #expect(status == 0)
        #expect(log.contains("mail-given-up mail=1 job=1 try=2"))
        #expect(try trial.shown().map(\.isGivenUp) == [true])
    }

    @Test func `finishes the mail at hand when it is asked to end`() throws {
        let server = try TestMailServer()
        try trial.use(server)
        for attempt in 1...3 { try trial.enqueue(attempt: attempt) }
        try server.hesitate()
        let mailer = try trial.start()
        try waitUntil("the mail is on its way") { server.isHesitating() }
        kill(mailer.pid, SIGTERM)
        // Had the signal ended it, the next wait would say so.
        try waitUntil("the signal has come") { try pendingSignals(mailer.pid) & 1 << UInt64(SIGTERM - 1) != 0 }
        server.goOn()
        #expect(mailer.wait() == 0)
        #expect(try server.mails().count == 1)
        #expect(try trial.shown().map { $0.sentAt != nil } == [true, false, false])
        #expect(server.connections() == ["begin", "quit"])
        try trial.runAndSend()
        #expect(try server.mails().count == 3)
    }

    @Test func `sends alone`() throws {
        let server = try TestMailServer()
        try trial.use(server)
        try server.hesitate()
        try trial.enqueue(attempt: 1)
        let first = try trial.start()
        try waitUntil("the first mailer sends") { server.isHesitating() }
        // Work for a second one, if there could be any.
        try trial.enqueue(attempt: 2)
        let second = try trial.start(log: "log of the second")
        #expect(second.wait() == 0)
        #expect(try second.standardError() == "")
        server.goOn()
        #expect(first.wait() == 0)
        #expect(try server.mails().count == 2)
        #expect(try trial.shown().map(\.tries) == [1, 1])
    }

    @Test func `loses nothing when it is killed, and the next one sends`() throws {
        let server = try TestMailServer()
        try trial.use(server)
        try trial.enqueue()
        try server.hesitate()
        let mailer = try trial.start()
        try waitUntil("the mail is on its way") { server.isHesitating() }
        mailer.end()
        server.goOn()
        // Nobody knows whether the server took it: so once more, but not at once.
        try trial.run()
        #expect(try trial.shown().map(\.tries) == [1])
        try trial.endPause()
        try trial.runAndSend()
        let ids = Set(try server.mails().map { $0.headers["Message-ID"] })
        #expect(ids.count == 1)
    }

    @Test(arguments: [
        (["mail_dir=nowhere"], "2: mail_dir: SCRATCH/nowhere: No such file"),
        (["mail_transport=sendmail", "sendmail_path=etc"], "3: sendmail_path: SCRATCH/etc is no program"),
        (["mail_transport=smtp", "smtp_user=a", "smtp_password_file=b"], "4: smtp_password_file: SCRATCH/b: "),
        (["mail_transport=smtp", "smtp_ca_file=ca.pem"], "3: smtp_ca_file: SCRATCH/ca.pem: "),
        (["mail_transport=smtp", "smtp_host=a/b"], "3: smtp_host: \"a/b\" is no host"),
        (["mail_transport=pigeon"], "2: mail_transport: \"pigeon\" is none of"),
        (["state_dir=nowhere"], "2: state_dir: SCRATCH/nowhere: No such file"),
    ])
    func `says in one line what the admin has to mend`(lines: [String], problem: String) throws {
        try trial.write(
            (["email_address=runner@example.org"] + lines).joined(separator: "\n"), to: "etc/ScriptRunner.conf")
        try trial.enqueue()
        let (status, log) = try trial.run()
        #expect(status == 78)
        let expected = "\(trial.settingsFile):" + problem.replacing("SCRATCH", with: trial.scratch.path)
        #expect(log.hasPrefix(expected), "\(log)")
        #expect(log.hasSuffix("\n") && log.split(separator: "\n").count == 1)
        #expect(try trial.shown().map(\.tries) == [0])
    }

    @Test(arguments: ["nobody", "a@b@c", "-a@b"]) func `needs a sender`(sender: String) throws {
        try trial.write("email_address=\(sender)\n", to: "etc/ScriptRunner.conf")
        let (status, log) = try trial.run()
        #expect(status == 78)
        #expect(log == "\(trial.settingsFile):1: email_address: \"\(sender)\" is no address to send mail from\n")
    }

    @Test func `waits for its database`() throws {
        try trial.set("path_to_db=db/other.sqlite")
        let (status, log) = try trial.run()
        #expect(status == 75)
        let path = trial.scratch("db/other.sqlite")
        #expect(
            log == "\(trial.settingsFile):2: path_to_db: \(path): no database yet; start the worker, or run: "
                + "scriptrunner migrate\n")
    }

    @Test func `touches no database that is not its own`() throws {
        try trial.database.setUserVersion(Storage.version + 1)
        var (status, log) = try trial.run()
        #expect(status == 78)
        #expect(log.contains("path_to_db: ") && log.contains("made by a later release") && log.hasSuffix("\n"))

        try trial.set("path_to_db=db/note.txt")
        try trial.write(String(repeating: "This is a note. ", count: 99), to: "db/note.txt")
        (status, log) = try trial.run()
        #expect(status == 78)
        #expect(log.hasPrefix("\(trial.settingsFile):2: path_to_db: ") && log.split(separator: "\n").count == 1)
    }
}

/// The signals that wait for a process, as the kernel's bit set: bit 0 is signal 1.
private func pendingSignals(_ pid: pid_t) throws -> UInt64 {
    let status = String(
        decoding: try Descriptor.open("/proc/\(pid)/status", O_RDONLY).readAll(limit: 1 << 16), as: UTF8.self)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("ShdPnd:") })
    return try #require(UInt64(line.dropFirst(8), radix: 16))
}
