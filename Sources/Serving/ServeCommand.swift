internal import Linux

/// The command `scriptrunner serve`: a whole site, with a web server of its own or without, in the foreground.
///
/// All that it starts goes when it goes, running jobs aside: those belong to their supervisors, and the next worker
/// finds them again.
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
        guard (sockets != nil) == (webServer == .none) else {
            throw Advice("serve: --httpd none and --sockets go together\n\(Self.usage)", status: EX_USAGE)
        }
    }

    /// Serves until a signal says stop. Returns the exit status.
    ///
    /// - Throws: ``Advice``, `SettingsProblem`, `SystemError`.
    public func run() throws -> CInt {
        if let sockets { return try InstalledSite(sockets: sockets).serve() }
        return try LocalSite(port: port, webServer: webServer, runAs: runAs).serve(from: state)
    }
}

/// What every program of a site finds in its environment.
func programEnvironment(settings file: String) -> [String] {
    ["SCRIPTRUNNER_CONF=\(file)", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"]
}
