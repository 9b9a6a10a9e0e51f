import Linux
import TestSupport
import Testing

@testable import Settings

@Suite struct `The folders of the settings` {
    let scratch = ScratchDirectory()
    let file: String

    init() throws {
        for folder in ["etc", "in", "out", "scripts", "state", "mail", "db"] {
            mkdir(scratch(folder), 0o755)
            giveAway(scratch(folder))
        }
        chmod(scratch.path, 0o755)
        file = scratch("etc/ScriptRunner.conf")
    }

    /// What is said of the folders, asked as an ordinary user: root can write anything.
    private func problem(
        with lines: [String] = [], _ places: [(Settings.Place, Settings.Use)]
    ) throws -> String? {
        let standard = [
            "inbox_dir=in", "outbox_dir=out", "script_dir=scripts", "state_dir=state", "mail_dir=mail",
            "path_to_db=db/jobs.sqlite",
        ].filter { line in !lines.contains { $0.hasPrefix(line.prefix { $0 != "=" }) } }
        let settings = try Settings.parse((lines + standard).joined(separator: "\n"), file: file)
        return asOrdinaryUser {
            do throws(SettingsProblem) {
                try settings.check(places)
                return nil
            } catch { return error.description }
        }
    }

    static let all: [(Settings.Place, name: String, folder: String)] = [
        (.inboxDir, "inbox_dir", "in"), (.outboxDir, "outbox_dir", "out"), (.scriptDir, "script_dir", "scripts"),
        (.stateDir, "state_dir", "state"), (.mailDir, "mail_dir", "mail"), (.databaseFolder, "path_to_db", "db"),
    ]

    @Test func `are fine when they are there and can be used`() throws {
        #expect(try problem(Self.all.map { ($0.0, .write) }) == nil)
        #expect(try problem([]) == nil)
    }

    @Test(arguments: all.indices)
    func `are told with the line of their key when one is missing`(index: Int) throws {
        let (place, name, folder) = Self.all[index]
        let path = scratch(folder)
        rmdir(path)
        let line = "\(name)=\(folder)\(place == .databaseFolder ? "/jobs.sqlite" : "")"

        #expect(
            try problem(with: ["# comment", line], [(place, .read)])
                == "\(file):2: \(name): \(path): No such file or directory; make the folder or correct the path")
        // Nobody asked for the others.
        #expect(try problem(Self.all.filter { $0.0 != place }.map { ($0.0, .write) }) == nil)
    }

    @Test func `are told when it is the standard value that is missing`() throws {
        let settings = try Settings.parse("", file: file)

        #expect(
            throws: SettingsProblem(
                "\(file) (standard value): inbox_dir: \(scratch("inbox")): No such file or "
                    + "directory; make the folder or correct the path")
        ) { try settings.check([(.inboxDir, .write)]) }
    }

    @Test func `are told when one is a file`() throws {
        rmdir(scratch("in"))
        _ = try Descriptor.open(scratch("in"), O_WRONLY | O_CREAT)

        #expect(
            try problem(with: ["inbox_dir=in"], [(.inboxDir, .read)])
                == "\(file):1: inbox_dir: \(scratch("in")) is no folder")
    }

    @Test func `are told when one cannot be written to, by the one who has to`() throws {
        let user = asOrdinaryUser { getuid() }
        chmod(scratch("out"), 0o555)

        #expect(try problem([(.outboxDir, .read)]) == nil)
        #expect(
            try problem(with: ["outbox_dir=out"], [(.outboxDir, .write)])
                == "\(file):1: outbox_dir: \(scratch("out")): user \(user) cannot write to it; "
                + "change its owner or mode")
    }

    @Test(arguments: [0o333, 0o444, 0o000] as [mode_t])
    func `are told when one cannot be read or entered`(mode: mode_t) throws {
        let user = asOrdinaryUser { getuid() }
        chmod(scratch("scripts"), mode)

        #expect(
            try problem(with: ["script_dir=scripts"], [(.scriptDir, .read)])
                == "\(file):1: script_dir: \(scratch("scripts")): user \(user) cannot read it; change its owner or mode"
        )
    }

    @Test func `are told when the way to one is barred`() throws {
        let path = scratch("out/deep")
        mkdir(path, 0o755)
        chmod(scratch("out"), 0)

        #expect(
            try problem(with: ["outbox_dir=out/deep"], [(.outboxDir, .read)])
                == "\(file):1: outbox_dir: \(path): Permission denied; make the folder or correct the path"
        )
    }
}
