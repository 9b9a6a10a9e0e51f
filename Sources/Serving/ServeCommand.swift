internal import EventLog
internal import Linux
internal import Settings

/// The command `scriptrunner serve`: a whole site, with a web server of its own or without, in the foreground.
///
/// Started as root it becomes an ordinary user before anything is served. All that it starts goes when it goes, running
/// jobs aside: those belong to their supervisors, and the next worker finds them again.
public struct ServeCommand: Sendable {
    var port = 8080
    var state = "var"
    var webServer = WebServer.nginx
    var runAs = "nobody"
    /// Where the pages' sockets are when the web server is not ours.
    var sockets: String?

    public static let usage = """
        usage: scriptrunner serve [--port N] [--state FOLDER] [--run-as USER] [--httpd nginx|apache]
               scriptrunner serve --httpd none --sockets FOLDER

        The first form serves a whole site on http://localhost:N (8080) with everything it keeps in FOLDER (var),
        behind a web server of its own; started as root it becomes USER (nobody).
        The second form runs the page programs, listening on sockets in FOLDER, and the worker, with the installed
        settings, for a web server that is there anyway; --sockets none runs the worker alone.
        """

    /// Understands the words after `serve`.
    public init(_ words: [String]) throws(Advice) {
        var rest = words[...]
        while let word = rest.popFirst() {
            guard let value = rest.popFirst() else {
                throw Advice("serve: \(word) wants a value\n\(Self.usage)", status: EX_USAGE)
            }
            switch word {
            case "--port":
                guard let number = Int(value), (1...65_535).contains(number) else {
                    throw Advice("serve: \(value) is no port; choose one from 1024 to 65535", status: EX_USAGE)
                }
                port = number
            case "--state": state = value
            case "--run-as": runAs = value
            case "--sockets": sockets = value
            case "--httpd":
                guard let server = WebServer(rawValue: value) else {
                    throw Advice("serve: --httpd is nginx, apache or none, not \(value)", status: EX_USAGE)
                }
                webServer = server
            default: throw Advice("serve: \(word) is unknown\n\(Self.usage)", status: EX_USAGE)
            }
        }
    }

    /// Serves until a signal says stop. Returns the exit status.
    ///
    /// - Throws: ``Advice``, `SettingsProblem`, `SystemError`.
    public func run() throws -> CInt {
        webServer == .none ? try serveInstalled() : try serveLocally()
    }

    // MARK: A whole site

    private func serveLocally() throws -> CInt {
        let layout = Layout.current
        let state = try StateFolder(state)
        try state.claim()
        var user = "yourself"
        if getuid() == 0 {
            let (number, group) = try Identity.find(runAs)
            try state.give(to: number, group)
            try Identity.become(number, group)
            user = runAs
        }
        umask(0o027)
        try makeSureOfReach(layout, state, user)
        let lock = try takeLock(state)
        defer { withExtendedLifetime(lock) {} }
        if let problem = Sockets.problem(withPort: port) {
            throw Advice("port \(port): \(problem); choose another by PORT=, such as make run PORT=\(port + 1)")
        }
        try state.prepare(layout, port: port)
        let settings = try Settings.load(file: state.settingsFile)
        let log = try openLog(state)
        let children = try local(layout, state, settings, log.number)
        guard chdir(state.path) == 0 else { throw SystemError("chdir", state.path) }
        var family = try Family(children, log: EventLog(program: "scriptrunner", output: log.number, now: Instant.now))
        say("Starting …")
        let refusing = try family.keep {
            guard Sockets.answers(port: port, path: settings.baseURL.prefix + "/") else { return false }
            welcome(state, settings, user)
            return true
        }
        if refusing == nil { say("\nStopping …") }
        family.dismiss()
        if let refusing {
            throw Advice("\(refusing) does not start:\n\(tail(of: state.logFile))")
        }
        say("Stopped. Jobs that are running go on; the next start finds them.")
        return 0
    }

    /// The web server, the pages unless the web server starts them itself, the worker and the cleaner.
    private func local(
        _ layout: Layout, _ state: StateFolder, _ settings: Settings, _ output: CInt
    ) throws -> [Child] {
        let environment = [
            "SCRIPTRUNNER_CONF=\(settings.file)", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
        ]
        let configuration = WebServerConfiguration(layout, settings)
        let frame = state.httpd + "/server.conf"
        try write(configuration.frame(for: webServer, state: state), to: frame)
        var children = [
            Child("worker", layout.programs + "/worker", environment: environment, output: output),
            server(frame, state, environment, output),
        ]
        let listen: String
        if webServer == .nginx {
            listen =
                "listen 127.0.0.1:\(port);" + (Sockets.hasIPv6 ? "\n    listen [::1]:\(port);" : "")
            let folder = try Descriptor.directory(state.run)
            children += try pages(layout, folder, environment, output, mode: 0o600)
        } else {
            listen = "Listen 127.0.0.1:\(port)" + (Sockets.hasIPv6 ? "\nListen [::1]:\(port)" : "")
        }
        // nginx is started in the state folder, so that a long path to it is no obstacle to a socket's address.
        let values = WebServerConfiguration.Values(
            listen: listen, port: String(port), serverName: "localhost", sockets: "run")
        try write(configuration.site(for: webServer, values), to: state.httpd + "/site.conf")
        var cleaner = Child("cleaner", layout.programs + "/cleaner", environment: environment, output: output)
        cleaner.isTask = true
        // Not in the first moments, when the worker makes the database.
        cleaner.startAt = monotonicNow() + 30_000
        return children + [cleaner]
    }

    private func server(
        _ frame: String, _ state: StateFolder, _ environment: [String], _ output: CInt
    ) -> Child {
        switch webServer {
        case .apache:
            Child(
                "apache", Self.apache,
                arguments: ["-D", "FOREGROUND", "-f", frame, "-E", state.log + "/httpd-error.log"],
                environment: environment, output: output)
        default:
            Child(
                "nginx", Self.nginx,
                arguments: ["-p", state.httpd, "-c", frame, "-e", state.log + "/httpd-error.log"],
                environment: environment, output: output, farewell: SIGQUIT)
        }
    }

    private static let nginx = "/usr/sbin/nginx"
    private static let apache = "/usr/sbin/apache2"

    private func pages(
        _ layout: Layout, _ folder: borrowing Descriptor, _ environment: [String], _ output: CInt, mode: mode_t
    ) throws -> [Child] {
        var children: [Child] = []
        for page in Layout.pages {
            let listener = try Sockets.listen("\(page).sock", in: folder, mode: mode)
            children.append(
                Child(
                    page, "\(layout.cgiBin)/\(page)", environment: environment, input: listener.release(),
                    output: output))
        }
        return children
    }

    // MARK: Behind a web server that is there anyway

    private func serveInstalled() throws -> CInt {
        guard let sockets else { throw Advice("serve: --httpd none wants --sockets\n\(Self.usage)", status: EX_USAGE) }
        guard getuid() != 0 else {
            throw Advice("serve: nothing of ScriptRunner runs as root; start it as its own user")
        }
        let layout = Layout.current
        let settings = try Settings.load()
        let environment = [
            "SCRIPTRUNNER_CONF=\(settings.file)", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
        ]
        var children = [Child("worker", layout.programs + "/worker", environment: environment, output: 2)]
        if sockets != "none" {
            let folder = try Descriptor.directory(sockets)
            // The web server's user is in our group.
            children += try pages(layout, folder, environment, 2, mode: 0o660)
        }
        var family = try Family(children, log: EventLog(program: "scriptrunner", now: Instant.now))
        let refusing = try family.keep { true }
        family.dismiss()
        if let refusing { throw Advice("\(refusing) does not start; see above") }
        return 0
    }

    // MARK: Helpers

    /// A checkout in root's own home is out of reach for an ordinary user; said here, it is understood.
    private func makeSureOfReach(_ layout: Layout, _ state: StateFolder, _ user: String) throws(Advice) {
        let executables =
            ["worker", "supervisor", "mailer", "cleaner"].map { layout.programs + "/" + $0 }
            + Layout.pages.map { layout.cgiBin + "/" + $0 }
        for (path, mode) in executables.map({ ($0, X_OK) }) + [
            (layout.htdocs, R_OK | X_OK), (layout.httpdConf, R_OK | X_OK), (state.path, R_OK | W_OK | X_OK),
        ] where access(path, mode) != 0 {
            throw Advice(
                "\(path): user \(user) cannot reach it: \(String(cString: strerror(errno))). Put it where that user can "
                    + "(all folders above it need the x right), or choose another user by RUN_AS= or folder by STATE=.")
        }
        let server = webServer == .apache ? Self.apache : Self.nginx
        guard access(server, X_OK) == 0 else {
            throw Advice("\(server): \(String(cString: strerror(errno))); install Debian's package for it (see README)")
        }
    }

    /// One site in a folder at a time.
    private func takeLock(_ state: StateFolder) throws -> CInt {
        let lock = try Descriptor.open(state.path + "/serve.lock", O_RDWR | O_CREAT)
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else {
            throw Advice("\(state.path): a site is being served from here already; stop it, or choose another STATE=")
        }
        return lock.release()
    }

    /// Everything that is told by our programs comes here; what was there before is kept once.
    private func openLog(_ state: StateFolder) throws -> Descriptor {
        var status = stat()
        if stat(state.logFile, &status) == 0, status.st_size > Self.longestLog {
            _ = rename(state.logFile, state.logFile + ".1")
        }
        let log = try Descriptor.open(state.logFile, O_WRONLY | O_CREAT | O_APPEND, mode: 0o640)
        return log
    }

    /// A longer log is put aside at the next start. Bytes.
    private static let longestLog = 16 << 20

    private func welcome(_ state: StateFolder, _ settings: Settings, _ user: String) {
        say(
            """

            ScriptRunner is at  \(settings.baseURL.text)/

              scripts   \(settings.scriptDir)   every executable file in there is offered
              mails     \(settings.mailDir)   .eml files
              logs      \(state.log)
              data      \(state.path)   database, inbox, outbox
              settings  \(settings.file)

            It runs as \(user). Ctrl-C stops it; running jobs go on and are found again at the next start.

            """)
    }

    private func say(_ text: String) {
        let line = text + "\n"
        _ = Linux.write(1, line, line.utf8.count)
    }

    private func tail(of path: String) -> String {
        guard let bytes = try? Descriptor.open(path, O_RDONLY).readAll(limit: 64 << 20) else { return "" }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(3).joined(separator: "\n")
    }

    private func write(_ text: String, to path: String) throws {
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.write(Array(text.utf8))
    }
}
