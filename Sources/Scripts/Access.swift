public import Accounts

/// Whom a script is for, where it is not for everybody who is signed in.
public struct Access: Sendable, Equatable {
    public internal(set) var groups: [GroupName] = []
    public internal(set) var users: [EmailAddress] = []

    /// Whether it is for who has this address and is in these groups, which are asked for only where it matters.
    public func admits(_ address: String, in theirs: () throws -> Set<GroupName>) rethrows -> Bool {
        if users.contains(where: { $0.text == address }) { return true }
        guard !groups.isEmpty else { return false }
        let theirs = try theirs()
        return groups.contains(where: theirs.contains)
    }
}

/// Gathers whom a script is for from its annotation lines:
///
///     ##~~ @access group:wetlab, group:guests user:ada@example.org
///     ##~~ @access all
///
/// Several lines add up.
struct AccessLines {
    /// `nil`: everybody.
    private(set) var access: Access?
    private var isForAll = false

    static let keyword = "@access"
    /// Of more people a group is made.
    static let mostNames = 100

    /// Reads a line from behind its keyword.
    mutating func take(_ scanner: inout LineScanner) throws(AnnotationProblem) {
        func isSeparator(_ byte: UInt8) -> Bool { LineScanner.isBlank(byte) || byte == UInt8(ascii: ",") }
        _ = scanner.take(while: isSeparator)
        guard !scanner.isAtEnd else {
            throw scanner.problem("@access names nobody, as in: @access group:wetlab user:ada@example.org, or all")
        }
        while !scanner.isAtEnd {
            let place = scanner.position
            let word = scanner.take { !isSeparator($0) }
            if let reason = take(word) { throw scanner.problem(reason, at: place) }
            _ = scanner.take(while: isSeparator)
        }
    }

    /// What is wrong with the word; `nil`: nothing.
    private mutating func take(_ word: String) -> String? {
        if word == "all" {
            isForAll = true
            return access == nil ? nil : Self.contradiction
        }
        let parts = word.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let (kind, name) = (parts[0].text, parts.count == 2 ? parts[1].text : nil)
        var access = self.access ?? Access()
        switch (kind, name) {
        case ("group", let name?):
            guard let group = GroupName(name) else {
                return
                    "\(name.isEmpty ? word : name) is no name of a group: write up to \(GroupName.longest) letters from a "
                    + "to z, digits, _, - and ., as in: group:wetlab"
            }
            if !access.groups.contains(group) { access.groups.append(group) }
        case ("user", let name?):
            guard let address = EmailAddress(name) else {
                return "\(name.isEmpty ? word : name) is no e-mail address, as in: user:ada@example.org"
            }
            if !access.users.contains(address) { access.users.append(address) }
        default:
            let name = name ?? kind
            let meant = EmailAddress(name).map { "user:\($0)" } ?? GroupName(name).map { "group:\($0)" }
            return "\(word) is not understood; write \(meant ?? "group:NAME, user:ADDRESS"), or all for everybody"
        }
        guard !isForAll else { return Self.contradiction }
        guard access.groups.count + access.users.count <= Self.mostNames else {
            return "more than \(Self.mostNames) names; make a group of them"
        }
        self.access = access
        return nil
    }

    private static let contradiction = "all stands alone: take it away, or the groups and users"
}
