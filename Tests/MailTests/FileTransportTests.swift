import Linux
import Settings
import TestSupport
import Testing

@testable import Mail

/// Folders of this test's own and the settings that name them.
struct Desk {
    let scratch = ScratchDirectory()

    init() {
        mkdir(scratch("etc"), 0o755)
        mkdir(scratch("mail"), 0o755)
    }

    func settings(_ lines: String...) throws -> Settings {
        let path = scratch("etc/ScriptRunner.conf")
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).write(Array(lines.joined(separator: "\n").utf8))
        return try Settings.load(file: path)
    }

    func contents(_ name: String) throws -> [UInt8] {
        try Descriptor.open(scratch(name), O_RDONLY).readAll(limit: 1 << 24)
    }

    func text(_ name: String) throws -> String { String(decoding: try contents(name), as: UTF8.self) }

    func names(_ folder: String) throws -> [String] {
        try Descriptor.directory(scratch(folder)).entries().map { String(decoding: $0, as: UTF8.self) }
    }
}

@Suite struct `Mail as files` {
    let desk = Desk()

    @Test func `is one file for each mail, by a name that follows from it`() throws {
        let transport = try FileTransport(desk.settings())
        try transport.deliver(message())
        #expect(try desk.names("mail") == ["job-12-1-started-34.eml"])
        #expect(try desk.contents("mail/job-12-1-started-34.eml") == message().rendered)
        var status = stat()
        stat(desk.scratch("mail/job-12-1-started-34.eml"), &status)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func `is one file for a mail that is written twice`() throws {
        let transport = try FileTransport(desk.settings())
        // As a mailer leaves it that died over a longer mail.
        let draft = try Descriptor.open(desk.scratch("mail/.job-12-1-started-34.eml"), O_WRONLY | O_CREAT)
        try draft.write([UInt8](repeating: 7, count: 9999))
        for _ in 1...2 { try transport.deliver(message()) }
        #expect(try desk.names("mail") == ["job-12-1-started-34.eml"])
        #expect(try desk.contents("mail/job-12-1-started-34.eml") == message().rendered)
    }

    @Test func `goes through no link`() throws {
        let transport = try FileTransport(desk.settings())
        try Descriptor.open(desk.scratch("precious"), O_WRONLY | O_CREAT).write(Array("data".utf8))
        symlink(desk.scratch("precious"), desk.scratch("mail/.job-12-1-started-34.eml"))
        #expect(throws: Undelivered.self) { try transport.deliver(message()) }
        #expect(try desk.text("precious") == "data")
    }

    @Test func `waits for a folder that is gone for the moment`() throws {
        let transport = try FileTransport(desk.settings())
        rmdir(desk.scratch("mail"))
        let failure = #expect(throws: Undelivered.self) { try transport.deliver(message()) }
        #expect(failure?.reason == "open \(desk.scratch("mail")): No such file or directory")
        mkdir(desk.scratch("mail"), 0o755)
        try transport.deliver(message())
        #expect(try desk.names("mail").count == 1)
    }

    @Test func `needs a folder from the start`() throws {
        let settings = try desk.settings("# where mails go", "mail_dir=elsewhere")
        let problem = #expect(throws: SettingsProblem.self) { _ = try FileTransport(settings) }
        #expect(
            problem?.description.hasPrefix(
                "\(desk.scratch("etc/ScriptRunner.conf")):2: mail_dir: \(desk.scratch("elsewhere")): No such file")
                == true)
    }
}
