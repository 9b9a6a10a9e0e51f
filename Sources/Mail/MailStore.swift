public import Linux
public import SQLite
public import Storage

/// The mail queue. A mail comes in the transaction of what it tells about, and stays until a mail server took it.
public struct MailStore {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// A mail that waits to be sent.
    public struct Queued: Sendable {
        public let id: Int64
        public let job: JobID
        public let attempt: Int
        public let kind: JobMail.Kind
        public let recipient: String
        public let subject: String
        public let body: String
        public let createdAt: Instant
        /// How many were begun before.
        public let tries: Int

        /// What the mail is called wherever it goes; fit for a file's name.
        public var name: String { "job-\(job)-\(attempt)-\(kind.rawValue)-\(id)" }
    }

    /// A mail as the job's page shows it.
    public struct Sent: Sendable {
        public let kind: JobMail.Kind
        public let recipient: String
        public let subject: String
        public let createdAt: Instant
        public let sentAt: Instant?
        public let isGivenUp: Bool
        public let tries: Int
        public let lastError: String?
    }

    /// A mail that no server took for so long is given up.
    static let patience = Instant.Span.days(3)
    /// The first pause after a failed try; each further one is twice as long, up to the longest.
    static let firstPause = Instant.Span.minutes(1)
    static let longestPause = Instant.Span.hours(1)

    /// Queues a mail; joins the caller's transaction. The same mail of the same attempt is queued once.
    public func enqueue(_ mail: JobMail, about job: JobID, attempt: Int, to recipient: String, at now: Instant) throws {
        try database.write {
            try database.run(
                """
                INSERT INTO mails (job_id, attempt, kind, recipient, subject, body, created_at, due_at)
                VALUES (\(job), \(attempt), \(mail.kind.rawValue), \(recipient), \(mail.subject), \(mail.body), \(now),
                    \(now)) ON CONFLICT (job_id, attempt, kind) DO NOTHING
                """)
        }
    }

    /// When the next mail is due; `nil` when none waits.
    public func nextDue() throws -> Instant? {
        try database.first("SELECT due_at FROM mails WHERE state = 'queued' ORDER BY due_at LIMIT 1") { $0.instant(0) }
    }

    /// A mail that is due.
    public func due(at now: Instant) throws -> Queued? {
        try database.first(
            """
            SELECT id, job_id, attempt, kind, recipient, subject, body, created_at, tries FROM mails
             WHERE state = 'queued' AND due_at <= \(now) ORDER BY due_at, id LIMIT 1
            """
        ) {
            Queued(
                id: $0.int64(0), job: JobID($0.int64(1)), attempt: $0.int(2),
                kind: JobMail.Kind(rawValue: $0.text(3)) ?? .ended, recipient: $0.text(4), subject: $0.text(5),
                body: $0.text(6), createdAt: $0.instant(7), tries: $0.int(8))
        }
    }

    /// Counts a try that is made now and puts the mail off until after the pause; says whether it still waits.
    ///
    /// So a sender that dies over a mail, or cannot write down how it went, does not send the same mail again and again.
    public func begin(_ mail: Queued, at now: Instant) throws -> Bool {
        try database.write {
            try database.run(
                """
                UPDATE mails SET tries = tries + 1, due_at = \(now + Self.pause(after: mail.tries))
                 WHERE id = \(mail.id) AND state = 'queued'
                """) == 1
        }
    }

    /// A server took it.
    public func sent(_ mail: Queued, at now: Instant) throws {
        try database.write {
            try database.run(
                """
                UPDATE mails SET state = 'sent', sent_at = \(now), last_error = NULL
                 WHERE id = \(mail.id) AND state = 'queued'
                """)
        }
    }

    /// No server took it: another try after a pause, or none if the mail is old or can never be sent. Says whether it is
    /// given up.
    @discardableResult
    public func failed(_ mail: Queued, because reason: String, forGood: Bool, at now: Instant) throws -> Bool {
        let isOver = forGood || now - mail.createdAt >= Self.patience
        try database.write {
            try database.run(
                """
                UPDATE mails SET last_error = \(reason), due_at = \(now + Self.pause(after: mail.tries)),
                       state = \(isOver ? "given_up" : "queued")
                 WHERE id = \(mail.id) AND state = 'queued'
                """)
        }
        return isOver
    }

    private static func pause(after tries: Int) -> Instant.Span {
        var pause = firstPause
        for _ in 0..<min(tries, 10) { pause = min(.milliseconds(pause.milliseconds * 2), longestPause) }
        return pause
    }

    /// A job's mails, in the order in which they came.
    public func mails(about job: JobID) throws -> [Sent] {
        try database.all(
            """
            SELECT kind, recipient, subject, created_at, sent_at, state, tries, last_error FROM mails
             WHERE job_id = \(job) ORDER BY id
            """
        ) {
            Sent(
                kind: JobMail.Kind(rawValue: $0.text(0)) ?? .ended, recipient: $0.text(1), subject: $0.text(2),
                createdAt: $0.instant(3), sentAt: $0.optionalInstant(4), isGivenUp: $0.text(5) == "given_up",
                tries: $0.int(6), lastError: $0.optionalText(7))
        }
    }
}
