import Accounts
import Linux
import Scripts
import Serving
import Settings
import Storage

/// The admin's part of groups, by which scripts say whom they are for.
struct GroupCommand {
    private let settings: Settings
    private let users: UserStore
    private let groups: GroupStore

    static let usage = """
          group        add NAME ADDRESS...: let people into a group, which there is from the first one on
                       remove NAME ADDRESS...: let them out
                       list [NAME]: list the groups and the scripts that name them, or who is in one
        """

    init(_ settings: Settings) throws {
        self.settings = settings
        do {
            let database = try Storage.open(settings.pathToDb, as: .admin)
            users = UserStore(database, hasher: PasswordHasher(slotsIn: settings.stateDir))
            groups = GroupStore(database)
        } catch let problem as Storage.Problem {
            throw settings.problem(with: "path_to_db", "\(problem)")
        }
    }

    func add(_ addresses: ArraySlice<String>, to name: String) throws -> [Outcome] {
        let group = try group(name)
        let isNew = try groups.members(of: group).isEmpty
        let outcomes = try addresses.map(users.account(named:)).map { account in
            let wasOut = try groups.add(account.user.id, to: group)
            return Outcome(line: "\(account.user.email): is in \(group)\(wasOut ? "" : ", as before")", isDone: true)
        }
        return (isNew ? [Outcome(line: "\(group): is a new group", isDone: true)] : []) + outcomes
    }

    func remove(_ addresses: ArraySlice<String>, from name: String) throws -> [Outcome] {
        let group = try group(name)
        _ = try members(of: group)
        let outcomes = try addresses.map(users.account(named:)).map { account in
            try groups.remove(account.user.id, from: group)
                ? Outcome(line: "\(account.user.email): is not in \(group) any more", isDone: true)
                : Outcome(line: "\(account.user.email): was not in \(group)", isDone: false)
        }
        let isEmpty = try groups.members(of: group).isEmpty
        return outcomes + (isEmpty ? [Outcome(line: "\(group): nobody is left in it", isDone: true)] : [])
    }

    /// One line a group: those with people in them, and those that scripts name.
    func list() throws -> String {
        var people: [GroupName: Int] = [:]
        for (group, count) in try groups.all() { people[group] = count }
        var scripts: [GroupName: [String]] = [:]
        for script in try Catalogue(settings).scripts() {
            for group in script.access?.groups ?? [] { scripts[group, default: []].append(script.name) }
        }
        let names = Set(people.keys).union(scripts.keys).sorted { $0.text < $1.text }
        guard !names.isEmpty else { return "no groups; `scriptrunner group add NAME ADDRESS...` makes one\n" }
        return names.map { group in
            let count = people[group] ?? 0
            let crowd = count == 0 ? "nobody" : count == 1 ? "1 person" : "\(count) people"
            return
                "\(group)  \(crowd), \(scripts[group].map { "for " + $0.joined(separator: ", ") } ?? "for no script")\n"
        }.joined()
    }

    /// One line an account.
    func list(_ name: String) throws -> String {
        try members(of: group(name)).map { account in
            "\(account.user.email)\(account.closedAt.map { ", closed since \($0.day)" } ?? "")\n"
        }.joined()
    }

    private func group(_ name: String) throws -> GroupName {
        guard let group = GroupName(name) else {
            throw Advice(
                "\(name): no name of a group: up to \(GroupName.longest) letters from a to z, digits, _, - and .",
                status: EX_USAGE)
        }
        return group
    }

    private func members(of group: GroupName) throws -> [Account] {
        let members = try groups.members(of: group)
        guard !members.isEmpty else {
            throw Advice(
                "\(group): nobody is in a group of this name; `scriptrunner group list` lists all", status: EX_DATAERR)
        }
        return members
    }
}
