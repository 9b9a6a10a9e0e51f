import Accounts
import Testing

@testable import Scripts

/// Whom a script with these lines is for; lines begin without their `##~~ ` here.
private func access(_ lines: String..., syntax: String = "##~~ @syntax 2\n") throws -> Access? {
    let text = "#!/bin/sh\n" + syntax + lines.map { "##~~ \($0)\n" }.joined()
    return try Annotations(
        of: Array(text.utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere")
    ).access
}

private func names(_ access: Access?) -> [String]? {
    access.map { $0.groups.map { "group:\($0)" } + $0.users.map { "user:\($0)" } }
}

@Suite struct `Whom a script is for` {
    @Test func `is everybody, if it says nothing or says so`() throws {
        #expect(try access() == nil)
        #expect(try access("@access all") == nil)
        #expect(try access("@access all all", "@access all") == nil)
    }

    @Test func `is all that its lines name, with blanks or commas between`() throws {
        #expect(try names(access("@access group:wetlab")) == ["group:wetlab"])
        #expect(
            try names(
                access(
                    "@access group:b, group:a,user:Ada@Example.org\tgroup:A_1.x-y", "k [int]", "@access group:b group:c"
                ))
                == ["group:b", "group:a", "group:A_1.x-y", "group:c", "user:ada@example.org"])
        let longest = String(repeating: "g", count: 64)
        #expect(try names(access("@access group:\(longest)")) == ["group:\(longest)"])
    }

    @Test(arguments: [
        ("@access", 13, "@access names nobody, as in: @access group:wetlab user:ada@example.org, or all"),
        ("@access ,", 15, "@access names nobody, as in: @access group:wetlab user:ada@example.org, or all"),
        ("@access wetlab", 14, "wetlab is not understood; write group:wetlab, or all for everybody"),
        (
            "@access group:a ada@example.org", 22,
            "ada@example.org is not understood; write user:ada@example.org, or all for everybody"
        ),
        ("@access groups:a", 14, "groups:a is not understood; write group:a, or all for everybody"),
        (
            "@access Users:a@b", 14, "Users:a@b is not understood; write user:a@b, or all for everybody"
        ),
        (
            "@access group:wet/lab", 14,
            "wet/lab is no name of a group: write up to 64 letters from a to z, digits, _, - and ., as in: group:wetlab"
        ),
        (
            "@access group:", 14,
            "group: is no name of a group: write up to 64 letters from a to z, digits, _, - and ., as in: group:wetlab"
        ),
        (
            "@access group:labör", 14,
            "labör is no name of a group: write up to 64 letters from a to z, digits, _, - and ., as in: group:wetlab"
        ),
        ("@access g(x)", 14, "g(x) is not understood; write group:NAME, user:ADDRESS, or all for everybody"),
        ("@access user:,", 14, "user: is no e-mail address, as in: user:ada@example.org"),
        ("@access user:ada", 14, "ada is no e-mail address, as in: user:ada@example.org"),
        ("@access all group:a", 18, "all stands alone: take it away, or the groups and users"),
        ("@access group:a all", 22, "all stands alone: take it away, or the groups and users"),
    ])
    func `is told with its column and what to write, if it is not understood`(
        _ line: String, _ column: Int, _ reason: String
    ) {
        #expect(throws: AnnotationProblem(line: 3, column: column, reason: reason)) { try access(line) }
    }

    @Test func `is never both all and some, in whichever lines, and never a crowd of names`() {
        let contradiction = "all stands alone: take it away, or the groups and users"
        for lines in [("@access all", "@access user:a@b"), ("@access user:a@b", "@access all")] {
            #expect(throws: AnnotationProblem(line: 4, column: 14, reason: contradiction)) {
                try access(lines.0, lines.1)
            }
        }
        let many = (1...100).map { "group:g\($0)" }.joined(separator: " ")
        #expect(throws: Never.self) { try access("@access \(many)", "@access group:g1") }
        #expect(throws: AnnotationProblem(line: 4, column: 14, reason: "more than 100 names; make a group of them")) {
            try access("@access \(many)", "@access user:a@b")
        }
    }

    @Test func `keeps a script of the original form from being offered to everybody`() {
        #expect(
            throws: AnnotationProblem(line: 2, column: 6, reason: "@access wants @syntax 2 in the first of these lines")
        ) { try access("@access group:wetlab", syntax: "") }
        // Other words were never understood there, and mean something else.
        #expect(throws: Never.self) { try access("@accessible", syntax: "") }
    }

    @Test func `keeps a script from being offered to everybody, too, where its line comes too late to be read`() {
        let late = "@title a\nset -e\n##~~ "
        #expect(
            throws: AnnotationProblem(
                line: 5, column: 6, reason: "@access stands in the comments at the top, as all lines do")
        ) { try access(late + "@access group:wetlab") }
        #expect(throws: Never.self) { try access(late + "@title b") }
    }

    @Test func `decides who may use it`() throws {
        let some = try #require(try access("@access group:wetlab group:guests user:ada@example.org"))
        let groups = { (names: String...) in { Set(names.compactMap { GroupName($0) }) } }
        #expect(some.admits("eve@example.org", in: groups("x", "guests")))
        #expect(some.admits("ada@example.org", in: groups()))
        #expect(!some.admits("eve@example.org", in: groups()))
        #expect(!some.admits("eve@example.org", in: groups("Wetlab", "wetlab2", "wet")))
        // Whoever is named need not be in a group, and where no group is named none is asked for.
        let one = try #require(try access("@access user:ada@example.org"))
        for address in ["ada@example.org", "eve@example.org"] {
            let isAdmitted = one.admits(address) {
                Issue.record("asked for groups")
                return []
            }
            #expect(isAdmitted == (address == "ada@example.org"))
        }
    }
}
