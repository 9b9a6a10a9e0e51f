public import Linux

/// All that an admin can set, read once at the start of a program from etc/ScriptRunner.conf.
///
/// What each key means stands in `SettingsKey.all`, which also makes the parser and is compared with the file by a test.
public struct Settings: Sendable {
    /// The file that these came from.
    public internal(set) var file = ""
    /// The line of each key that the file sets.
    var lines: [String: Int] = [:]

    public internal(set) var pathToDb = ""
    public internal(set) var inboxDir = ""
    public internal(set) var outboxDir = ""
    public internal(set) var scriptDir = ""
    public internal(set) var stateDir = ""

    public internal(set) var scriptDocPrefix = ""
    public internal(set) var inputParamPrefix = ""
    public internal(set) var outputParamPrefix = ""
    public internal(set) var onScriptChange = ScriptChange.fail

    public internal(set) var baseURL = BaseURL(scheme: "http", host: "localhost", prefix: "")
    public internal(set) var minPasswordLength = 0
    public internal(set) var sessionLifetime = Instant.Span.days(0)
    public internal(set) var signUp = SignUp.open
    public internal(set) var jobVisibility = JobVisibility.all
    /// `nil`: nobody may.
    public internal(set) var scpUser: String?

    /// Bytes.
    public internal(set) var maxUploadBytes: Int64 = 0
    /// Bytes.
    public internal(set) var minFreeBytes: Int64 = 0
    public internal(set) var retention = Instant.Span.days(0)
    /// No time at all: shared files stay.
    public internal(set) var sharedRetention = Instant.Span.days(0)

    public internal(set) var maxRunningJobs = 0
    /// Seconds.
    public internal(set) var pollInterval = 0
    public internal(set) var killGrace = Instant.Span.seconds(0)
    /// Bytes.
    public internal(set) var maxLogBytes: Int64 = 0

    public internal(set) var emailAddress = ""
    public internal(set) var mailTransport = MailTransport.file
    public internal(set) var mailDir = ""
    public internal(set) var smtpHost = ""
    public internal(set) var smtpPort = 0
    public internal(set) var smtpSecurity = SMTPSecurity.none
    public internal(set) var smtpUser: String?
    public internal(set) var smtpPasswordFile: String?
    public internal(set) var smtpCaFile: String?
    public internal(set) var sendmailPath = ""

    /// What happens to a queued job whose script was edited after submission.
    public enum ScriptChange: String, Sendable, CaseIterable { case fail, run }
    /// Who may make an account.
    public enum SignUp: String, Sendable, CaseIterable { case open, closed }
    /// Whose jobs the list shows.
    public enum JobVisibility: String, Sendable, CaseIterable { case all, own }
    /// How mail leaves.
    public enum MailTransport: String, Sendable, CaseIterable { case smtp, sendmail, file }
    /// How the connection to the mail server is protected.
    public enum SMTPSecurity: String, Sendable, CaseIterable { case none, starttls, tls }

    /// Where attempts are kept: a folder for each try at running a job.
    public var attemptsDir: String { stateDir + "/attempts" }
}

/// The address that browsers reach the site by.
public struct BaseURL: Sendable, Equatable {
    /// `http` or `https`.
    public let scheme: String
    /// Host and, where it is not the scheme's own, port.
    public let host: String
    /// The path below which everything lives: empty, or beginning with a slash and not ending with one.
    public let prefix: String

    /// As browsers say it in the `Origin` header.
    public var origin: String { "\(scheme)://\(host)" }
    /// The whole, without a slash at the end.
    public var text: String { origin + prefix }

    init(scheme: String, host: String, prefix: String) {
        self.scheme = scheme
        self.host = host
        self.prefix = prefix
    }

    /// `nil` unless it is `http://HOST[:PORT][/PATH]` or the same with https, of plain characters.
    init?(_ text: String) {
        let scheme: String
        if text.hasPrefix("https://") {
            scheme = "https"
        } else if text.hasPrefix("http://") {
            scheme = "http"
        } else {
            return nil
        }
        let rest = text.dropFirst(scheme.count + 3)
        let host = rest.prefix { $0 != "/" }
        var prefix = rest.dropFirst(host.count)
        while prefix.last == "/" { prefix = prefix.dropLast() }
        func isPlain(_ byte: UInt8, _ more: StaticString) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || more.description.utf8.contains(byte)
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ isPlain($0, ".-:[]") }),
            prefix.utf8.allSatisfy({ isPlain($0, "/-_.~") })
        else { return nil }
        self.init(scheme: scheme, host: String(host), prefix: String(prefix))
    }
}
