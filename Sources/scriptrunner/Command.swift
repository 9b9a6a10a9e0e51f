import Linux
import Serving
import Settings
import Storage

/// What came of a wish about one job or one account.
struct Outcome {
    let line: String
    let isDone: Bool
}

/// What the admin can ask for on the machine itself.
enum Command {
    static let usage = """
        usage: scriptrunner COMMAND

          serve        serve a site; `scriptrunner serve --help` tells how
          migrate      make the database, or bring it to this release
          check        tell what is wrong with the settings and the scripts; `scriptrunner check --help` tells more
          run          SCRIPT [NAME=VALUE...]: run a script here and now, as a job would be run
          settings     print a settings file that explains every key
          httpd-conf   nginx | apache: print the web server's configuration, filled in from the settings
        \(QueueCommand.usage)
        \(AccountCommand.usage)
        \(GroupCommand.usage)
          version      print the version of the database that this release works with

        """

    static func run(_ words: [String]) -> Never {
        do {
            exit(try perform(words))
        } catch let problem as SettingsProblem {
            Settings.fail(problem)
        } catch let advice as Advice {
            complain("scriptrunner: \(advice)", advice.status)
        } catch {
            complain("scriptrunner: \(error)", EX_OSERR)
        }
    }

    private static func perform(_ words: [String]) throws -> CInt {
        switch (words.first, words.count) {
        case ("serve", 2) where words[1] == "--help": say(ServeCommand.usage + "\n")
        case ("serve", _): return try ServeCommand(Array(words.dropFirst())).run()
        case ("migrate", 1): try migrate()
        case ("check", 2) where words[1] == "--help": say(CheckCommand.usage)
        case ("check", _): return try CheckCommand(words.dropFirst()) { say($0, to: $1) }.run()
        case ("run", 2) where words[1] == "--help": say(RunCommand.usage)
        case ("run", _): return try RunCommand(words.dropFirst()) { say($0, to: $1) }.run()
        case ("settings", 1): say(Settings.installedTemplate)
        case ("httpd-conf", 2): try say(configuration(for: words[1]))
        case ("drain", 1): say(try queue().drain())
        case ("resume", 1): say(try queue().resume())
        case ("jobs", 1): say(try queue().list(all: false))
        case ("jobs", 2) where words[1] == "--all": say(try queue().list(all: true))
        case ("cancel", 2...): return try report(queue().cancel(words.dropFirst()))
        case ("hold", 2...): return try report(queue().hold(words.dropFirst()))
        case ("release", 2...): return try report(queue().release(words.dropFirst()))
        case ("priority", 3): return try report(queue().setPriority(of: words[1], to: words[2]))
        case ("accounts", 1): say(try accounts().list())
        case ("password", 2): say(try accounts().setPassword(of: words[1]))
        case ("close", 2): say(try accounts().close(words[1]))
        case ("reopen", 2): say(try accounts().reopen(words[1]))
        case ("group", 4...) where words[1] == "add":
            return try report(groups().add(words.dropFirst(3), to: words[2]))
        case ("group", 4...) where words[1] == "remove":
            return try report(groups().remove(words.dropFirst(3), from: words[2]))
        case ("group", 2) where words[1] == "list": say(try groups().list())
        case ("group", 3) where words[1] == "list": say(try groups().list(words[2]))
        case ("version", 1): say("database version \(Storage.version)\n")
        case ("help", _), ("--help", _): say(usage)
        default:
            throw Advice(
                "\(words.first.map { "\($0): not understood" } ?? "say what to do")\n\(usage)", status: EX_USAGE)
        }
        return 0
    }

    private static func migrate() throws {
        let settings = try Settings.load()
        try settings.check([(.databaseFolder, .write)])
        try refuseRoot(settings)
        do { try Storage.migrate(settings.pathToDb) } catch let problem as Storage.Problem {
            throw settings.problem(with: "path_to_db", "\(problem)")
        }
        say("\(settings.pathToDb): version \(Storage.version)\n")
    }

    private static func accounts() throws -> AccountCommand {
        let settings = try Settings.load()
        try refuseRoot(settings)
        try settings.check([(.databaseFolder, .write), (.stateDir, .write)])
        return try AccountCommand(settings)
    }

    private static func groups() throws -> GroupCommand {
        let settings = try Settings.load()
        try refuseRoot(settings)
        try settings.check([(.databaseFolder, .write), (.stateDir, .write), (.scriptDir, .read)])
        return try GroupCommand(settings)
    }

    private static func queue() throws -> QueueCommand {
        let settings = try Settings.load()
        try refuseRoot(settings)
        try settings.check([(.databaseFolder, .write), (.stateDir, .write)])
        return try QueueCommand(settings)
    }

    /// What was done goes to standard output, what could not be done to standard error.
    private static func report(_ outcomes: [Outcome]) -> CInt {
        for outcome in outcomes { say(outcome.line + "\n", to: outcome.isDone ? 1 : 2) }
        return outcomes.allSatisfy(\.isDone) ? 0 : EX_DATAERR
    }

    /// A database that root made would be in the way of ScriptRunner's own user for ever.
    private static func refuseRoot(_ settings: Settings) throws {
        var status = stat()
        guard geteuid() == 0, stat(parent(of: settings.pathToDb), &status) == 0, status.st_uid != 0 else { return }
        throw settings.problem(
            with: "path_to_db",
            "\(parent(of: settings.pathToDb)) belongs to user \(status.st_uid); run this as that user")
    }

    private static func configuration(for name: String) throws -> String {
        guard let server = WebServer(rawValue: name), server != .none else {
            throw Advice("httpd-conf: nginx or apache, not \(name)", status: EX_USAGE)
        }
        let settings = try Settings.load()
        let host = settings.baseURL.host
        // An IPv6 address has colons of its own, in brackets.
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        let rest = host.dropFirst(name.count)
        let port = rest.count > 1 ? String(rest.dropFirst()) : settings.baseURL.scheme == "https" ? "443" : "80"
        let listen =
            server == .nginx
            ? "listen \(port)\(settings.baseURL.scheme == "https" ? " ssl" : "");" : "# Listen \(port)"
        return try WebServerConfiguration(.current, settings).site(
            for: server,
            WebServerConfiguration.Values(
                listen: listen, port: port, serverName: String(name), sockets: "/run/scriptrunner"))
    }

    /// All of it, also into a pipe that takes a part at a time.
    private static func say(_ text: String, to descriptor: CInt = 1) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = retryingOnInterrupt { rest.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) } }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func complain(_ text: String, _ status: CInt) -> Never {
        let line = text + "\n"
        _ = write(2, line, line.utf8.count)
        exit(status)
    }
}
