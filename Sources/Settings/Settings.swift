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
    public internal(set) var minFreeInodes = 0
    public internal(set) var retention = Instant.Span.days(0)
    /// No time at all: shared files stay.
    public internal(set) var sharedRetention = Instant.Span.days(0)

    /// What jobs may have all together; `nil`: what is found, see ``machine``.
    public internal(set) var machineCPUs: Int?
    /// Bytes.
    public internal(set) var machineMemory: Int64?
    /// What a script gets that declares no needs; both `nil`: all of the machine.
    public internal(set) var defaultCPUs: Int?
    /// Bytes.
    public internal(set) var defaultMemory: Int64?
    /// `nil`: as many as fit.
    public internal(set) var maxRunningJobs: Int?
    /// `nil`: as many as fit.
    public internal(set) var maxRunningPerUser: Int?
    // `nil` in these: no limit of ours.
    public internal(set) var defaultTimeLimit: Instant.Span?
    /// Bytes.
    public internal(set) var maxFileBytes: Int64?
    public internal(set) var maxCPUTime: Instant.Span?
    /// Bytes.
    public internal(set) var maxAddressSpace: Int64?
    public internal(set) var maxOpenFiles: Int?
    public internal(set) var maxProcesses: Int?
    public internal(set) var cgroup = CGroup.auto
    /// How many jobs may be submitted together; 0: one at a time.
    public internal(set) var maxSweep = 0
    /// Before the second attempt; doubled for each further one, up to an hour.
    public internal(set) var retryPause = Instant.Span.seconds(0)
    /// Seconds.
    public internal(set) var pollInterval = 0
    public internal(set) var killGrace = Instant.Span.seconds(0)
    /// Bytes of a log that are kept, its beginning and its end.
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

    /// Whether jobs live in control groups of their own.
    public enum CGroup: Sendable, Equatable {
        /// Where the system lets us.
        case auto
        case off
        /// Below this one.
        case at(path: String)

        /// As the file says it.
        public var text: String {
            switch self {
            case .auto: "auto"
            case .off: "off"
            case .at(let path): path
            }
        }
    }

    /// What there is for jobs: what the file says, and where it says nothing, what this machine has.
    public var machine: Machine {
        let found = Machine.detected()
        return Machine(cpus: machineCPUs ?? found.cpus, memory: machineMemory ?? found.memory)
    }

    /// Where attempts are kept: a folder for each try at running a job.
    public var attemptsDir: String { stateDir + "/attempts" }
}
