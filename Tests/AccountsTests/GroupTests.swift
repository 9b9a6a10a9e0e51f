import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import Accounts

@Suite struct `The name of a group` {
    @Test(arguments: ["wetlab", "W", "a.b-c_1", String(repeating: "g", count: 64)])
    func `is letters, digits and three signs`(text: String) { #expect(GroupName(text)?.text == text) }

    @Test(arguments: ["", "wet lab", "wet,lab", "a:b", "ä", "a\n", "*", "a/b", String(repeating: "g", count: 65)])
    func `is nothing else, and the database agrees`(text: String) throws {
        #expect(GroupName(text) == nil)
        let people = try People()
        let ada = try people.ada()
        #expect(throws: SQLiteError.self) {
            try people.database.write {
                try people.database.run("INSERT INTO group_members VALUES (\(text), \(ada.id))")
            }
        }
    }
}

@Suite struct `A group` {
    let people: People
    let groups: GroupStore
    let wetlab = GroupName("wetlab")!
    let ada: User
    let eve: User

    init() throws {
        people = try People()
        groups = GroupStore(people.database)
        ada = try people.ada()
        eve = try people.users.signUp(EmailAddress("eve@example.org")!, password: "correct horse", at: noon)!
    }

    @Test func `is there as long as somebody is in it`() throws {
        #expect(try groups.all().isEmpty)
        #expect(try groups.add(eve.id, to: wetlab))
        #expect(try groups.add(ada.id, to: wetlab))
        #expect(try !groups.add(ada.id, to: wetlab))
        #expect(try groups.members(of: wetlab).map(\.user) == [ada, eve])
        #expect(try groups.all().map { "\($0.name) \($0.people)" } == ["wetlab 2"])
        #expect(try groups.groups(of: ada.id) == [wetlab])
        #expect(try groups.remove(ada.id, from: wetlab))
        #expect(try !groups.remove(ada.id, from: wetlab))
        #expect(try groups.groups(of: ada.id).isEmpty && groups.groups(of: eve.id) == [wetlab])
        #expect(try groups.remove(eve.id, from: wetlab))
        #expect(try groups.all().isEmpty)
    }

    @Test func `is called exactly so`() throws {
        _ = try groups.add(ada.id, to: wetlab)
        _ = try groups.add(eve.id, to: GroupName("Wetlab")!)
        #expect(try groups.all().map(\.name.text) == ["Wetlab", "wetlab"])
        #expect(try groups.members(of: wetlab).map(\.user) == [ada])
    }

    @Test func `forgets an account that is deleted, and keeps one that is closed`() throws {
        _ = try groups.add(ada.id, to: wetlab)
        _ = try groups.add(eve.id, to: wetlab)
        try people.users.close(eve.id, at: noon)
        #expect(try groups.members(of: wetlab).map(\.closedAt) == [nil, noon])
        // As the admin's program may.
        let database = try Storage.open(people.scratch.databasePath, as: .admin)
        try database.write { try database.run("DELETE FROM users WHERE id = \(ada.id)") }
        #expect(try groups.members(of: wetlab).map(\.user) == [eve])
        #expect(try people.database.first("SELECT count(*) FROM group_members") { $0.int(0) } == 1)
    }

    @Test func `takes nobody who has no account`() {
        #expect(throws: SQLiteError.self) { try groups.add(UserID(99), to: wetlab) }
    }

    @Test func `is found by an index`() throws {
        let plan = try people.database.all("EXPLAIN QUERY PLAN \(GroupStore.groupsQuery(of: ada.id))") { $0.text(3) }
        #expect(plan.contains { $0.contains("COVERING INDEX group_members_by_user") }, "\(plan)")
    }
}
