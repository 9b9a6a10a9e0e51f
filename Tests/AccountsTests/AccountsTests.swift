import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import Accounts

let noon = Instant(milliseconds: 43_200_000)

struct People {
    let scratch = ScratchDirectory()
    let database: Database
    let users: UserStore
    let sessions: SessionStore

    init() throws {
        database = try scratch.database()
        users = UserStore(database, hasher: PasswordHasher(slotsIn: scratch.path))
        sessions = SessionStore(database)
    }

    func ada() throws -> User {
        let address = try #require(EmailAddress("ada@example.org"))
        return try #require(try users.signUp(address, password: "correct horse", at: noon))
    }
}

@Suite struct `An e-mail address` {
    @Test(arguments: [
        "ada@example.org", "a@b", "root@localhost", "first.last+tag@sub.example.org", "o'brien@example.ie",
    ])
    func `is taken as browsers take it`(text: String) { #expect(EmailAddress(text)?.text == text) }

    @Test func `is one address however it is written`() {
        #expect(EmailAddress(" Ada@Example.ORG ") == EmailAddress("ada@example.org"))
    }

    @Test(arguments: [
        "", "@", "ada", "ada@", "@example.org", "ada@@example.org", "ada@example..org", "ada@-example.org", "a b@c",
        "ada@example.org,eve@example.org", "ada@example.org\nBcc: eve@example.org", "ada@example.org\r\n",
        "ada@ex_ample",
        "\"ada\"@example.org", "ada\u{0}@example.org", "ädä@example.org", "<ada@example.org>",
        String(repeating: "a", count: 65) + "@example.org", "a@" + String(repeating: "b", count: 64),
        "a@" + String(repeating: "b.", count: 130) + "c",
    ])
    func `is refused when mail could go elsewhere or nowhere`(text: String) { #expect(EmailAddress(text) == nil) }
}

@Suite struct `An account` {
    @Test func `opens with the right password only`() throws {
        let people = try People()
        let ada = try people.ada()
        #expect(try people.users.signIn("ADA@example.org", password: "correct horse") == ada)
        #expect(try people.users.signIn("ada@example.org", password: "Correct horse") == nil)
        #expect(try people.users.signIn("eve@example.org", password: "correct horse") == nil)
        #expect(try people.users.signIn("no address", password: "") == nil)
    }

    @Test func `exists once for an address`() throws {
        let people = try People()
        _ = try people.ada()
        let same = try #require(EmailAddress("Ada@Example.org"))
        #expect(try people.users.signUp(same, password: "another one", at: noon) == nil)
        #expect(try people.users.signIn("ada@example.org", password: "another one") == nil)
    }

    @Test func `keeps no password, only a slow hash`() throws {
        let people = try People()
        _ = try people.ada()
        let stored = try people.database.first("SELECT password_hash FROM users") { $0.text(0) }
        #expect(stored?.hasPrefix("$argon2id$v=19$m=65536,t=2,p=1$") == true)
    }

    @Test func `takes another password from who knows the present one`() throws {
        let people = try People()
        let ada = try people.ada()
        #expect(try !people.users.changePassword(of: ada.id, from: "wrong", to: "staple battery"))
        #expect(try people.users.changePassword(of: ada.id, from: "correct horse", to: "staple battery"))
        #expect(try people.users.signIn("ada@example.org", password: "correct horse") == nil)
        #expect(try people.users.signIn("ada@example.org", password: "staple battery") == ada)
    }

    @Test func `wants a password of the right length, of any characters`() {
        #expect(PasswordProblem.of("1234567", minimum: 8) == .short(minimum: 8))
        #expect(PasswordProblem.of("ωωωωωωωω", minimum: 8) == nil)
        #expect(PasswordProblem.of(String(repeating: "x", count: 129), minimum: 8) == .long)
    }
}

@Suite struct `A session` {
    @Test func `is known by its cookie until it expires or ends`() throws {
        let people = try People()
        let ada = try people.ada()
        let token = try people.sessions.begin(for: ada.id, userAgent: "x", lasting: .days(7), at: noon)
        let cookie = try #require(SessionToken(cookie: token.cookie))
        let session = try #require(try people.sessions.session(cookie, at: noon))
        #expect(session.user == ada)
        #expect(try people.sessions.session(cookie, at: noon + .days(7)) == nil)
        #expect(try people.sessions.session(SessionToken(), at: noon) == nil)
        try people.sessions.end(session.id, of: UserID(ada.id.number + 1))
        #expect(try people.sessions.session(cookie, at: noon) != nil)
        try people.sessions.end(session.id, of: ada.id)
        #expect(try people.sessions.session(cookie, at: noon) == nil)
    }

    @Test func `stands in the database as a hash only`() throws {
        let people = try People()
        let token = try people.sessions.begin(for: people.ada().id, userAgent: "", lasting: .days(7), at: noon)
        let stored = try people.database.first("SELECT hex(token_hash) FROM sessions") { $0.text(0) }
        #expect(stored?.lowercased() != token.cookie)
    }

    @Test func `is written to by a page view at most every ten minutes`() throws {
        let people = try People()
        let token = try people.sessions.begin(for: people.ada().id, userAgent: "", lasting: .days(7), at: noon)
        func lastSeen() throws -> Instant? {
            try people.database.first("SELECT last_seen_at FROM sessions") { $0.instant(0) }
        }
        _ = try people.sessions.session(token, at: noon + .minutes(9))
        #expect(try lastSeen() == noon)
        _ = try people.sessions.session(token, at: noon + .minutes(11))
        #expect(try lastSeen() == noon + .minutes(11))
    }

    @Test func `gives its forms a token that no other session's forms have`() {
        let (mine, other) = (SessionToken(), SessionToken())
        #expect(mine.accepts(formToken: mine.formToken))
        #expect(!mine.accepts(formToken: other.formToken))
        #expect(!mine.accepts(formToken: ""))
        #expect(!mine.accepts(formToken: mine.cookie))
    }

    @Test func `is one of at most ten, the oldest going first`() throws {
        let people = try People()
        let ada = try people.ada()
        let tokens = try (0..<12).map { index in
            let token = try people.sessions.begin(for: ada.id, userAgent: "\(index)", lasting: .days(7), at: noon)
            try people.sessions.trim(of: ada.id)
            return token
        }
        #expect(
            try people.sessions.sessions(of: ada.id, at: noon).map(\.userAgent) == (2...11).reversed().map(String.init))
        #expect(try people.sessions.session(tokens[0], at: noon) == nil)
    }
}
