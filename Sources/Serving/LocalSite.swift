internal import EventLog
internal import Linux
internal import Settings

/// A whole site with a web server of its own: what `make run` serves.
///
/// Started as root it becomes an ordinary user before a file's content is looked at or anything is started.
struct LocalSite {
    let port: Int
    let webServer: WebServer
    let runAs: String

    private static let nginx = "/usr/sbin/nginx"
    private static let apache = "/usr/sbin/apache2"
    /// What a serve that was killed has left may need a moment to give the port back. Milliseconds.
    private static let portPatience: Int64 = 2000
    /// A site that does not answer for so long will hardly come by itself. Milliseconds.
    private static let hintAfter: Int64 = 10_000

    private var serverProgram: String { webServer == .apache ? Self.apache : Self.nginx }

    /// Serves until a signal says stop. Returns the exit status.
    ///
    /// - Throws: ``Advice``, `SettingsProblem`, `SystemError`.
    func serve(from given: String) throws -> CInt {
        let layout = Layout.current
        let state = try StateFolder(given)
        let user = getuid() == 0 ? try Identity.find(runAs) : nil
        let folder = try state.claim()
        let lock = try state.lock(folder, for: user)
        if let user {
            try state.give(folder, to: user.number, user.group)
            try Identity.become(user.number, user.group)
        }
        umask(0o027)
        try makeSureOfReach(layout, state, user == nil ? "you" : "user \(runAs)")
        try makeSureOfPort()
        try state.prepare(layout, port: port)
        let settings = try Settings.load(file: state.settingsFile)
        try settings.check([
            (.stateDir, .write), (.databaseFolder, .write), (.inboxDir, .write), (.outboxDir, .write),
            (.scriptDir, .read),
        ])
        let logs = try Logs(state)
        let children = try programs(layout, state, settings, output: logs.output.number)
        guard chdir(state.path) == 0 else { throw SystemError("chdir", state.path) }
        let log = EventLog(program: "scriptrunner", output: logs.output.number, now: Instant.now)
        var family = try Family(children, log: log)
        say("Starting …")
        var hintAt = monotonicNow() + Self.hintAfter
        let outcome = family.keep {
            guard Sockets.answers(port: port, path: settings.baseURL.prefix + "/") else {
                if monotonicNow() > hintAt {
                    say("It does not answer yet. The logs may tell why: \(state.log)")
                    hintAt = .max
                }
                return false
            }
            welcome(state, settings, user == nil ? "yourself" : runAs)
            return true
        }
        let complaint = logs.complaint()
        if outcome == .toldToStop { say("\nStopping …") }
        family.dismiss()
        withExtendedLifetime(lock) {}
        switch outcome {
        case .toldToStop:
            say("Stopped. Jobs that are running go on; the next start finds them.")
            return 0
        case .refused(let name): throw Advice("\(name) does not start:\n\(complaint)")
        case .failed(let name): throw Advice("\(name) does not start:\n\(complaint)", status: EX_UNAVAILABLE)
        }
    }

    // MARK: What is started

    /// The worker, the web server, the pages unless the web server starts them itself, and the cleaner.
    private func programs(
        _ layout: Layout, _ state: StateFolder, _ settings: Settings, output: CInt
    ) throws -> [Child] {
        let environment = programEnvironment(settings: settings.file)
        let frame = try configure(layout, state, settings)
        var children = [
            Child("worker", layout.programs + "/worker", environment: environment, output: output),
            server(frame, state, environment, output),
        ]
        if webServer == .nginx {
            let folder = try Descriptor.directory(state.run)
            children += try pageChildren(layout, listeningIn: folder, mode: 0o600, environment, output: output)
        }
        var cleaner = Child("cleaner", layout.programs + "/cleaner", environment: environment, output: output)
        cleaner.isTask = true
        // Not in the first moments, when the worker makes the database.
        cleaner.rest(until: monotonicNow() + 30_000)
        return children + [cleaner]
    }

    /// Writes the web server's configuration; returns the path of its outermost file.
    private func configure(_ layout: Layout, _ state: StateFolder, _ settings: Settings) throws -> String {
        let configuration = WebServerConfiguration(layout, settings)
        let frame = state.httpd + "/server.conf"
        try write(configuration.frame(for: webServer, state: state), to: frame)
        let addresses = ["127.0.0.1:\(port)"] + (Sockets.hasIPv6 ? ["[::1]:\(port)"] : [])
        let listen =
            webServer == .apache
            ? addresses.map { "Listen \($0)" }.joined(separator: "\n")
            : addresses.map { "listen \($0);" }.joined(separator: "\n    ")
        // The web server is started in the state folder: a long path to it is no obstacle to a socket's address.
        let values = WebServerConfiguration.Values(
            listen: listen, port: String(port), serverName: "localhost", sockets: "run")
        try write(configuration.site(for: webServer, values), to: state.httpd + "/site.conf")
        return frame
    }

    private func server(_ frame: String, _ state: StateFolder, _ environment: [String], _ output: CInt) -> Child {
        var child =
            webServer == .apache
            ? Child(
                "apache", Self.apache, arguments: ["-D", "FOREGROUND", "-f", frame, "-E", state.serverLog],
                environment: environment, output: output)
            : Child(
                "nginx", Self.nginx, arguments: ["-p", state.httpd, "-c", frame, "-e", state.serverLog],
                environment: environment, output: output, farewell: SIGQUIT)
        child.isWebServer = true
        return child
    }

    // MARK: Before anything is started

    /// A checkout in root's own home is out of reach for an ordinary user; said here, it is understood.
    private func makeSureOfReach(_ layout: Layout, _ state: StateFolder, _ user: String) throws(Advice) {
        let executables =
            ["worker", "supervisor", "mailer", "cleaner"].map { layout.programs + "/" + $0 }
            + Layout.pages.map { layout.cgiBin + "/" + $0 }
        for (path, mode) in executables.map({ ($0, R_OK | X_OK) }) + [
            (layout.runtime, R_OK | X_OK), (layout.htdocs, R_OK | X_OK), (layout.httpdConf, R_OK | X_OK),
            (state.path, R_OK | W_OK | X_OK),
        ] where access(path, mode) != 0 && !(path == layout.runtime && errno == ENOENT) {
            throw Advice(
                "\(path): \(user) cannot reach it: \(String(cString: strerror(errno))). Put it where that user can "
                    + "(all folders above it need the x right), or choose another user by RUN_AS= or folder by STATE=.")
        }
        let needed = [serverProgram] + (webServer == .apache ? [WebServerConfiguration.fcgid] : [])
        for path in needed where access(path, R_OK) != 0 {
            throw Advice("\(path): \(String(cString: strerror(errno))); install Debian's package for it (see README)")
        }
    }

    private func makeSureOfPort() throws(Advice) {
        var waited: Int64 = 0
        while let problem = Sockets.problem(withPort: port) {
            guard problem == EADDRINUSE, waited < Self.portPatience else {
                let other = port < 65_535 ? port + 1 : 8080
                throw Advice(
                    "port \(port): \(String(cString: strerror(problem))); choose another by PORT=, such as "
                        + "make run PORT=\(other)")
            }
            usleep(50_000)
            waited += 50
        }
    }

    // MARK: Helpers

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

    private func write(_ text: String, to path: String) throws {
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.write(Array(text.utf8))
    }
}
