import Linux
import TestSupport
import Testing

@testable import Settings

@Suite struct `The text of the settings` {
    @Test(arguments: [
        "", "\n", "# nothing but a comment", "\r\n#\r\n", "   \t \n", " # indented", "#=", "####",
    ])
    func `may say nothing`(text: String) {
        #expect(problem(with: text) == nil)
    }

    @Test(arguments: ["\n", "\r\n"])
    func `is read line by line, whatever the editor puts at their ends`(end: String) throws {
        let lines = [
            "# my settings", "poll_interval=3", "\tinbox_dir\t=\t/data/in \t", "", "  script_dir = my scripts  ",
            "smtp_user=a=b",
        ]
        for start in ["", "\u{FEFF}"] {
            let settings = try Settings.parse(start + lines.joined(separator: end), file: place)

            #expect(settings.pollInterval == 3)
            #expect(settings.inboxDir == "/data/in")
            #expect(settings.scriptDir == "/srv/sr/my scripts")
            #expect(settings.smtpUser == "a=b")
            #expect(settings.file == place)
        }
    }

    @Test func `keeps every character of a value`() throws {
        // Marks that join what stands before them, and a text that is another one backwards.
        for value in ["\u{301}a", "a\u{301}", "🇩🇪🇫🇷", "e\u{301}\u{323}", "x # no comment", "\u{A0}"] {
            let settings = try Settings.parse("script_doc_prefix= \(value) \n", file: place)

            #expect(Array(settings.scriptDocPrefix.utf8) == Array(value.utf8))
        }
    }

    @Test(arguments: [
        ("poll_interval", "1: poll_interval: expected key=value, or # before a comment"),
        ("\n\r\n just words \n", "3: just words: expected key=value, or # before a comment"),
        ("\r\n\r\nwords\r\n", "3: words: expected key=value, or # before a comment"),
        ("pol_interval=3", "1: pol_interval: unknown key; etc/ScriptRunner.conf lists all"),
        ("Poll_Interval=3", "1: Poll_Interval: unknown key; etc/ScriptRunner.conf lists all"),
        ("=3", "1: : unknown key; etc/ScriptRunner.conf lists all"),
        ("//poll_interval=3", "1: //poll_interval: unknown key; etc/ScriptRunner.conf lists all"),
        (
            "poll_interval=3\n# again\npoll_interval=3",
            "3: poll_interval: set already in line 1; remove one of them"
        ),
        ("scp_user=\nscp_user=", "2: scp_user: set already in line 1; remove one of them"),
        ("script_dir=/a\0b", "1: holds control characters; remove them"),
        ("\nscript_dir=/a\u{1B}[2Jb", "2: holds control characters; remove them"),
        ("script_dir=/a\rb", "1: holds control characters; remove them"),
    ])
    func `is refused with file, line and what is wrong`(text: String, words: String) {
        #expect(problem(with: text) == "\(place):\(words)")
    }

    @Test(arguments: [
        ("web_port=8080", "set base_url to the address that browsers use"),
        ("web_port=", "the web server listens, not ScriptRunner"),
        ("scp_pass=secret", "a password does not belong on a page"),
    ])
    func `is refused with advice where it holds a key of the original that is gone`(line: String, advice: String) throws
    {
        let told = try #require(problem(with: "scp_user=me\n\(line)"))
        let name = line.prefix { $0 != "=" }

        #expect(told.hasPrefix("\(place):2: \(name): no longer a setting: "))
        #expect(told.contains(advice))
        #expect(!told.contains("secret"))
    }

    @Test func `remembers which line a later problem is about`() throws {
        let settings = try Settings.parse("# comment\ninbox_dir=/data/in", file: place)

        #expect(settings.problem(with: "inbox_dir", "is full").description == "\(place):2: inbox_dir: is full")
        #expect(
            settings.problem(with: "outbox_dir", "is full").description
                == "\(place) (standard value): outbox_dir: is full")
    }
}

@Suite struct `The file of the settings` {
    let scratch = ScratchDirectory()

    private func write(_ bytes: some Sequence<UInt8>, to name: String = "etc/ScriptRunner.conf") throws -> String {
        mkdir(scratch("etc"), 0o755)
        try Descriptor.open(scratch(name), O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644).write(bytes)
        return scratch(name)
    }

    private func problem(with file: String) -> String? {
        do throws(SettingsProblem) {
            _ = try Settings.load(file: file)
            return nil
        } catch { return error.description }
    }

    @Test func `makes relative paths count from the folder above its own`() throws {
        let settings = try Settings.load(file: write("inbox_dir=in".utf8))

        #expect(settings.inboxDir == scratch("in"))
        #expect(settings.pathToDb == scratch("db/scriptrunner.sqlite"))
    }

    @Test func `is refused with its name when it cannot be read`() throws {
        #expect(
            problem(with: scratch("missing")) == scratch("missing") + ": cannot be read: No such file or directory")
        #expect(problem(with: scratch.path) == scratch.path + ": cannot be read: Is a directory")

        let endless = try write([UInt8](repeating: 10, count: 1 << 20) + [10])
        #expect(problem(with: endless) == endless + ": cannot be read: File too large")
    }

    @Test func `is refused with the line that is no UTF-8`() throws {
        // "Übung" as an editor of another age writes it.
        let file = try write(Array("# fine\nscript_dir=/\n".utf8) + [0xDC] + Array("bung\n".utf8))

        #expect(problem(with: file) == file + ":3: is no UTF-8; save the file in that encoding")
    }

    @Test func `is the one that SCRIPTRUNNER_CONF names, relative to where the program was started`() async throws {
        let file = try write("poll_interval=77".utf8)
        for name in [file, "etc/ScriptRunner.conf"] {
            await #expect(processExitsWith: .exitCode(77)) { [folder = scratch.path as String, name = name as String] in
                chdir(folder)
                setenv("SCRIPTRUNNER_CONF", name, 1)
                let settings = Settings.loadOrExit()
                guard settings.file.hasSuffix("etc/ScriptRunner.conf"), settings.inboxDir == folder + "/inbox"
                else { exit(1) }
                exit(CInt(settings.pollInterval))
            }
        }
    }

    @Test func `that is wrong ends the program with its problem in one line`() async throws {
        let file = try write("poll_interval=never".utf8)
        let result = await #expect(
            processExitsWith: .exitCode(EX_CONFIG), observing: [\.standardErrorContent]
        ) { [file = file as String] in
            setenv("SCRIPTRUNNER_CONF", file, 1)
            _ = Settings.loadOrExit()
        }

        let told = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(told == file + ":1: poll_interval: \"never\" is no whole number from 1 to 3600\n")
    }
}

@Suite struct `The template of the settings` {
    @Test func `says what is the case anyway`() throws {
        let written = try Settings.parse(Settings.template(), file: place)
        let standard = try Settings.parse("", file: place)

        #expect("\(written)" == "\(standard)")
        #expect(written.lines.isEmpty)
    }

    @Test func `holds every key with its standard value, ready for its # to be removed`() throws {
        let lines = Settings.template().split(separator: "\n").map { line in
            SettingsKey.all.contains { line.hasPrefix("#\($0.name)=") } ? line.dropFirst() : line
        }
        var settings = try Settings.parse(lines.joined(separator: "\n"), file: place)

        #expect(Set(settings.lines.keys) == Set(SettingsKey.all.map(\.name)))
        settings.lines = [:]
        #expect("\(settings)" == "\(try Settings.parse("", file: place))")
    }

    @Test func `explains each key above it, in lines that fit`() throws {
        let lines = Settings.template().split(separator: "\n", omittingEmptySubsequences: false)
        for key in SettingsKey.all {
            let line = try #require(lines.firstIndex { $0.hasPrefix("#\(key.name)=") })
            let comment = lines[..<line].reversed().prefix { $0.hasPrefix("# ") }.reversed()
            #expect(comment.map { $0.dropFirst(2) }.joined(separator: " ") == key.meaning)
        }
        #expect(lines.allSatisfy { $0.count <= 120 })
    }

    @Test func `sets what is given`() throws {
        let text = Settings.template(setting: ["inbox_dir": "/data/in", "base_url": "https://example.org/sr"])
        let settings = try Settings.parse(text, file: place)

        #expect(settings.inboxDir == "/data/in")
        #expect(settings.baseURL.text == "https://example.org/sr")
        #expect(Set(settings.lines.keys) == ["inbox_dir", "base_url"])
    }
}
