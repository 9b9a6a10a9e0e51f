internal import Accounts
public import EventLog
public import FileStore
internal import JobQueue
public import Linux
internal import Mail
public import SQLite
internal import Sodium
internal import Storage

/// One run of the cleaner: removes what has expired, and what crashes have left behind.
///
/// Rows decide: when a job ended or a file came, its row was told when it expires. What a job uses that waits or runs is
/// never touched, whatever its age.
///
/// A run may be killed at any point, and the next one finishes what it began: folders are moved into their root's trash,
/// then the rows are deleted, both in one short transaction, and then the folders. What lies in the trash without a row
/// has no use any more. A failure with one thing is logged and keeps no other from going.
public struct Cleaning {
    /// Folders without a row and unfinished uploads are left alone for so long: a row may be on its way.
    static let orphanAge = Instant.Span.days(1)
    /// A secret comes a moment before its job.
    static let secretAge = Instant.Span.hours(1)
    /// A transaction deletes about so many rows at most, so that pages never wait long for the write lock.
    static let mostRows = 100
    /// So many things are looked up at once.
    static let page = 20

    let database: Database
    let sessions: SessionStore
    let jobs: JobStore
    let mails: MailStore
    let inbox: Inbox
    let outbox: Outbox
    let attempts: Attempts
    let secrets: Secrets
    let sharedRetention: Instant.Span
    let now: Instant
    let report: Report
    private let log = WriteAheadLog()

    /// - Parameters:
    ///   - sharedRetention: how long shared files stay after their last change; no time at all: for ever.
    ///   - isDryRun: change nothing, and say what would be removed.
    ///   - say: takes each line for the admin.
    public init(
        _ database: Database, inbox: Inbox, outbox: Outbox, attempts: Attempts, secrets: Secrets,
        sharedRetention: Instant.Span,
        isDryRun: Bool, at now: Instant, log: EventLog, say: @escaping (String) -> Void
    ) {
        self.database = database
        sessions = SessionStore(database)
        jobs = JobStore(database, actor: "cleaner")
        mails = MailStore(database)
        self.inbox = inbox
        self.outbox = outbox
        self.attempts = attempts
        self.secrets = secrets
        self.sharedRetention = sharedRetention
        self.now = now
        report = Report(isDryRun: isDryRun, log: log, say: say)
    }

    /// Cleans. Says whether everything went well.
    public func run() -> Bool {
        settleTrash()
        report.about("sessions", sizes: false) { try removeSessions($0) }
        var leaving: Set<JobID> = []
        report.about("jobs") { tally in
            try removeExpired(ExpiringJobs(self), tally) { if report.isDryRun { leaving.insert($0.id) } }
        }
        report.about("script copies", sizes: false) { try removeScriptCopies($0, leaving: leaving) }
        report.about("files") { try removeExpired(ExpiringFiles(self), $0) }
        report.about("shared files") { try removeSharedFiles($0) }
        removeOrphans()
        if !report.isDryRun {
            report.about("tidying of the database") { _ in
                try database.tidy()
                try database.checkpoint()
            }
        }
        return !report.hasFailed
    }

    /// Makes a small transaction of `body`.
    func write<Result>(_ body: () throws -> Result) throws -> Result {
        let result = try database.write(body)
        try log.grew(by: database)
        return result
    }

    private func removeSessions(_ tally: Tally) throws {
        if report.isDryRun {
            var last: ExpiredSession?
            while true {
                let page = try sessions.expired(after: last, limit: Self.mostRows, at: now)
                guard let end = page.last else { return }
                last = end
                for session in page {
                    tally.add("session \(session.id) of user \(session.user), expired \(session.expiresAt.readable)")
                }
            }
        }
        while true {
            let count = try write { try sessions.deleteExpired(limit: Self.mostRows, at: now) }
            tally.add(count: count)
            guard count == Self.mostRows else { return }
        }
    }

    /// - Parameter leaving: jobs that a dry run takes for removed.
    private func removeScriptCopies(_ tally: Tally, leaving: Set<JobID>) throws {
        var last: [UInt8] = []
        while true {
            let page = try jobs.scriptCopies(after: last, limit: Self.mostRows)
            guard let end = page.last else { return }
            last = end
            let unused = try page.filter { try !jobs.isUsed($0, apartFrom: leaving) }
            guard !unused.isEmpty else { continue }
            let gone =
                report.isDryRun
                ? unused
                : try write {
                    // Again under the lock: a job may have come that was submitted with the same script.
                    try unused.filter { try !jobs.isUsed($0) }.map {
                        try jobs.forget(scriptCopy: $0)
                        return $0
                    }
                }
            for hash in gone { tally.add("script copy \(hash.hex)") }
        }
    }

    private func removeSharedFiles(_ tally: Tally) throws {
        guard sharedRetention > .days(0) else { return }
        let limit = now - sharedRetention
        let inUse = try jobs.sharedFilesInUse()
        for (name, size) in try inbox.sharedFiles(unchangedSince: limit) where !inUse.contains(name) {
            let thing = "shared file \(EventLog.inQuotes(name))"
            if report.isDryRun {
                tally.add(thing, freed: size)
                continue
            }
            do {
                guard let file = try inbox.openShared(name, unchangedSince: limit) else { continue }
                // Looked up and unlinked under the lock, so that no job can be queued in between that reads it.
                let isGone = try write {
                    guard try !jobs.sharedFilesInUse().contains(name) else { return false }
                    return try inbox.unlinkShared(name, which: file)
                }
                if isGone { tally.add(thing, freed: size) }
            } catch let error as SystemError {
                tally.failed(thing, error)
            }
        }
    }
}

/// Moves the database's log into the database now and then, so that a thorough cleaning does not let it grow by gigabytes.
private final class WriteAheadLog {
    /// Some 200 kB of log each.
    private static let mostTransactions = 50
    private var transactions = 0

    func grew(by database: Database) throws {
        transactions += 1
        if transactions.isMultiple(of: Self.mostTransactions) { try database.checkpoint() }
    }
}
