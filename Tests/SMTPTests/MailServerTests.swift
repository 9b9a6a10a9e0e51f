import Linux
import Settings
import TestSupport
import Testing

@testable import SMTP

/// Settings of this test's own.
struct Desk {
    let scratch = ScratchDirectory()
    let file: String

    init() {
        mkdir(scratch("etc"), 0o755)
        file = scratch("etc/ScriptRunner.conf")
    }

    func write(_ text: String, to name: String) throws {
        try Descriptor.open(scratch(name), O_WRONLY | O_CREAT | O_TRUNC).write(Array(text.utf8))
    }

    func settings(_ lines: [String]) throws -> Settings {
        try write(lines.joined(separator: "\n"), to: "etc/ScriptRunner.conf")
        return try Settings.load(file: file)
    }

    func server(_ lines: String..., hostName: String = "machine.example.org") throws -> MailServer {
        try MailServer(settings(lines), hostName: hostName)
    }

    /// What is wrong with these settings.
    func problem(_ lines: String...) throws -> String? {
        let settings = try settings(lines)
        let problem = #expect(throws: SettingsProblem.self) { _ = try MailServer(settings, hostName: "machine") }
        return problem?.description
    }
}

@Suite struct `The mail server of the settings` {
    let desk = Desk()

    @Test func `is reached at its host and port, and greeted by our name`() throws {
        #expect(try desk.server().url == "smtp://localhost:25/machine.example.org")
        #expect(
            try desk.server("smtp_host=mail.example.org", "smtp_port=587", "smtp_security=starttls").url
                == "smtp://mail.example.org:587/machine.example.org")
        #expect(
            try desk.server("smtp_host=192.0.2.1", "smtp_port=465", "smtp_security=tls").url
                == "smtps://192.0.2.1:465/machine.example.org")
        for host in ["::1", "[::1]"] {
            #expect(try desk.server("smtp_host=\(host)").url == "smtp://[::1]:25/machine.example.org")
        }
    }

    @Test(arguments: [
        "mail.example.org/x", "user@mail", "a b", "mail.example.org?", "b\u{FC}cher.example", "a\\b", "%31",
    ])
    func `is a host and nothing more`(host: String) throws {
        #expect(
            try desk.problem("smtp_port=25", "smtp_host=\(host)")
                == "\(desk.file):2: smtp_host: \"\(host)\" is no host's name or address")
    }

    @Test(arguments: [
        ("machine.example.org", "jobs.example.org", "machine.example.org"),
        ("machine", "jobs.example.org:8080", "jobs.example.org"),
        ("machine", "localhost:8080", "machine"),
        ("machine", "192.0.2.1", "machine"),
        ("machine", "[2001:db8::1]:80", "machine"),
        ("", "localhost", "localhost"),
        ("my machine.local", "localhost", "localhost"),
        ("a.b\r\nRSET", "localhost", "localhost"),
    ])
    func `is greeted by the fullest name there is`(hostName: String, site: String, name: String) {
        #expect(MailServer.greetingName(hostName, site: site) == name)
    }

    @Test func `knows us by the first line of the password file`() throws {
        for text in ["pass word: \u{E4}\nnot this", "pass word: \u{E4}\r\n", "pass word: \u{E4}"] {
            try desk.write(text, to: "password")
            let credentials = try desk.server("smtp_user=runner", "smtp_password_file=password").credentials
            #expect(credentials?.user == "runner")
            #expect(credentials?.password == "pass word: \u{E4}")
        }
        #expect(try desk.server("smtp_user=", "smtp_password_file=").credentials == nil)
    }

    @Test(arguments: ["", "\nsecond", "\r\n", "tab\there\n", "nul\u{0}\n", "del\u{7F}", "mid\rdle\n"])
    func `takes no password that could not be one, and does not tell it`(text: String) throws {
        try desk.write(text, to: "password")
        let problem = try #require(try desk.problem("smtp_user=runner", "smtp_password_file=password"))
        #expect(problem.hasPrefix("\(desk.file):2: smtp_password_file: \(desk.scratch("password")): the first line "))
        #expect(!problem.contains("tab") && !problem.contains("nul") && !problem.contains("\n"))
    }

    @Test func `needs what belongs together`() throws {
        #expect(
            try desk.problem("smtp_user=runner")
                == "\(desk.file):1: smtp_user: a user without a password; set smtp_password_file")
        #expect(
            try desk.problem("smtp_password_file=password")
                == "\(desk.file):1: smtp_password_file: a password without a user; set smtp_user")
        #expect(
            try desk.problem("smtp_user=a\tb", "smtp_password_file=password")
                == "\(desk.file):1: smtp_user: holds a control character")
    }

    @Test func `needs its files`() throws {
        let reason = "user \(getuid()) cannot read it: No such file or directory"
        #expect(
            try desk.problem("smtp_user=runner", "", "smtp_password_file=nowhere")
                == "\(desk.file):3: smtp_password_file: \(desk.scratch("nowhere")): \(reason)")
        #expect(
            try desk.problem("smtp_ca_file=nowhere.pem")
                == "\(desk.file):1: smtp_ca_file: \(desk.scratch("nowhere.pem")): \(reason)")
        #expect(
            try desk.problem("smtp_ca_file=etc")
                == "\(desk.file):1: smtp_ca_file: \(desk.scratch("etc")): user \(getuid()) cannot read it: Is a directory"
        )
    }

    @Test(arguments: [
        ("535 wrong: hunter2", true), ("535 wrong: aHVudGVyMg==", true), ("535 AHJ1bm5lcgBodW50ZXIy", true),
        ("hunter2", true), ("535 wrong: hunter", false), ("", false), ("535 runner", false),
    ])
    func `cannot make us write down the password`(reply: String, leaks: Bool) {
        let credentials = MailServer.Credentials(user: "runner", password: "hunter2")
        #expect(credentials.leak(in: Array(reply.utf8)) == leaks)
    }
}
