import Accounts
import EventLog
import Linux
import SQLite
import Scripts
import Settings
import Storage
import TestSupport
import Testing

@testable import Pages

private let noon = Instant(milliseconds: 43_200_000)

@Suite struct `What a visitor may use` {
    let scratch = ScratchDirectory()
    let settings: Settings
    let user: User
    let token: SessionToken
    let database: Database

    init() throws {
        for folder in ["etc", "scripts", "state"] { mkdir(scratch(folder), 0o755) }
        database = try scratch.database()
        let file = try Descriptor.open(scratch("etc/ScriptRunner.conf"), O_WRONLY | O_CREAT, mode: 0o644)
        try file.write(Array("path_to_db=\(scratch.databasePath)\n".utf8))
        settings = try Settings.load(file: scratch("etc/ScriptRunner.conf"))
        let users = UserStore(database, hasher: PasswordHasher(slotsIn: scratch.path))
        user = try #require(
            try users.signUp(EmailAddress("ada@example.org")!, password: "correct horse", at: noon))
        token = try SessionStore(database).begin(for: user.id, userAgent: "", lasting: .days(1), at: noon)
    }

    func site(_ role: Role) throws -> Site {
        try Site(
            role, settings: settings, scripts: Catalogue(settings), log: EventLog(program: "test", now: { noon }),
            now: { noon })
    }

    /// As each request has one of its own.
    func visitor(_ site: Site) throws -> Visitor {
        Visitor(session: try #require(try site.sessions.session(token, at: noon)), token: token)
    }

    func script(_ name: String, _ lines: String...) throws {
        let path = scratch("scripts/" + name)
        let text = "#!/bin/sh\n##~~ @syntax 2\n" + lines.map { "##~~ \($0)\n" }.joined()
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o755).write(Array(text.utf8))
        chmod(path, 0o755)
    }

    @Test func `takes no look at groups where every script is for everybody`() throws {
        try script("open.sh")
        // This program may not read them.
        let site = try site(.home)
        #expect(try site.scripts.scripts(for: visitor(site)).map(\.name) == ["open.sh"])
        #expect(try site.scripts.script(named: "open.sh", for: visitor(site)) != nil)
        try script("wet.sh", "@access group:wetlab")
        #expect(throws: SQLiteError.self) { try site.scripts.script(named: "wet.sh", for: visitor(site)) }
    }

    @Test func `is looked up once in a request`() throws {
        for number in 1...5 { try script("wet\(number).sh", "@access group:wetlab") }
        let site = try site(.submit)
        let (early, late) = (try visitor(site), try visitor(site))
        #expect(try site.scripts.scripts(for: early).isEmpty)
        _ = try GroupStore(database).add(user.id, to: GroupName("wetlab")!)
        #expect(
            try site.scripts.scripts(for: early).isEmpty && site.scripts.script(named: "wet1.sh", for: early) == nil)
        #expect(try site.scripts.scripts(for: late).count == 5)
    }
}
