import Accounts
public import EventLog
import FileStore
import JobQueue
public import Linux
import Mail
import Notices
import SQLite
public import Scripts
public import Settings
public import Storage
public import Web

/// All that a page needs to answer: the stores, the settings, the clock. Each thread has its own; the catalogue alone is
/// shared.
public final class Site {
    let settings: Settings
    let log: EventLog
    let now: Clock
    let path: Paths
    let database: Database
    let users: UserStore
    let sessions: SessionStore
    let groups: GroupStore
    let jobs: JobStore
    let inbox: Inbox
    let outbox: Outbox
    let secrets: Secrets
    let mails: MailStore
    let notices: Notices
    let scripts: Offer
    let doorbell: Doorbell

    /// - Throws: `Storage.Problem` when the database is not ready, `SQLiteError`, `SystemError`.
    public init(_ role: Role, settings: Settings, scripts: Catalogue, log: EventLog, now: @escaping Clock) throws {
        self.settings = settings
        self.log = log
        self.now = now
        path = Paths(prefix: settings.baseURL.prefix)
        database = try Storage.open(settings.pathToDb, as: role)
        users = UserStore(database, hasher: PasswordHasher(slotsIn: settings.stateDir))
        sessions = SessionStore(database)
        groups = GroupStore(database)
        jobs = JobStore(database, actor: "\(role)")
        inbox = Inbox(root: settings.inboxDir, database: database)
        outbox = Outbox(root: settings.outboxDir)
        secrets = Secrets(stateDirectory: settings.stateDir)
        mails = MailStore(database)
        notices = Notices(database, about: jobs, settings)
        self.scripts = Offer(scripts, groups)
        doorbell = Doorbell(stateDirectory: settings.stateDir)
    }
}

/// One page program's answers.
public protocol Page: SendableMetatype {
    init(_ site: Site)

    /// Answers a request to one of the program's addresses.
    mutating func respond(to request: borrowing Request) throws -> Response
}
