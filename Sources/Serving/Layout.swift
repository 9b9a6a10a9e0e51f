internal import Linux
internal import Settings

/// Where the parts of ScriptRunner lie, told from where this program lies: a checkout and an installation look alike.
public struct Layout: Sendable {
    /// The folder above bin/.
    public let root: String

    public init(root: String) { self.root = root }

    /// Of the running program.
    public static let current = Layout(root: parent(of: executableFolder))

    public var programs: String { root + "/bin" }
    public var cgiBin: String { root + "/cgi-bin" }
    public var httpdConf: String { root + "/httpd-conf" }
    public var htdocs: String { root + "/htdocs" }
    public var examples: String { root + "/examples" }
    /// The programs' copy of the Swift runtime.
    public var runtime: String { root + "/lib/scriptrunner" }

    /// The page programs, by the names of their files and of their sockets.
    public static let pages = ["home", "login", "signup", "account", "submit", "jobs", "files"]
}

/// Something that the person who started a program has to mend, in one line that says how.
public struct Advice: Error, CustomStringConvertible, Sendable {
    public let description: String
    /// The program's exit status (sysexits.h).
    public let status: CInt

    public init(_ description: String, status: CInt = 78) {
        self.description = description
        self.status = status
    }
}
