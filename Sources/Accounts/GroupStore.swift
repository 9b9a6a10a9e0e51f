public import SQLite
public import Storage

/// The name of a group of people: up to 64 ASCII letters, digits, `_`, `-` and `.`, compared exactly.
public struct GroupName: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// More is no name but a sentence. Characters.
    public static let longest = 64

    /// `nil` when it is no such name.
    public init?(_ text: String) {
        guard (1...GroupName.longest).contains(text.utf8.count), text.utf8.allSatisfy(GroupName.isAllowed) else {
            return nil
        }
        self.text = text
    }

    public var description: String { text }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// Who is in which group. A group is there as long as somebody is in it.
public struct GroupStore {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The groups that somebody is in.
    public func groups(of user: UserID) throws -> Set<GroupName> {
        try Set(database.all(Self.groupsQuery(of: user)) { GroupName($0.text(0)) }.compactMap(\.self))
    }

    /// Steps through the index `group_members_by_user`.
    static func groupsQuery(of user: UserID) -> SQL { "SELECT group_name FROM group_members WHERE user_id = \(user)" }

    /// All groups with the number of people in each, in the order of their names.
    public func all() throws -> [(name: GroupName, people: Int)] {
        try database.all("SELECT group_name, count(*) FROM group_members GROUP BY group_name ORDER BY group_name") {
            row in
            GroupName(row.text(0)).map { ($0, row.int(1)) }
        }.compactMap(\.self)
    }

    /// The accounts of a group, open or closed, in the order of their addresses.
    public func members(of group: GroupName) throws -> [Account] {
        try database.all(
            """
            SELECT \(UserStore.accountColumns) FROM group_members JOIN users ON users.id = user_id
             WHERE group_name = \(group.text) ORDER BY email
            """, UserStore.account)
    }

    /// Lets somebody in; says whether they were out.
    public func add(_ user: UserID, to group: GroupName) throws -> Bool {
        try database.write {
            try database.run(
                """
                INSERT INTO group_members (group_name, user_id) VALUES (\(group.text), \(user))
                ON CONFLICT DO NOTHING
                """) == 1
        }
    }

    /// Lets somebody out; says whether they were in.
    public func remove(_ user: UserID, from group: GroupName) throws -> Bool {
        try database.write {
            try database.run(
                "DELETE FROM group_members WHERE group_name = \(group.text) AND user_id = \(user)") == 1
        }
    }
}
