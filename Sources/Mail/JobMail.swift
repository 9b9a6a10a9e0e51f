public import Linux
public import Settings
public import Storage

/// What a mail about a job says: subject and body, written when the thing happened.
public struct JobMail: Sendable, Equatable {
    /// Which of a job's mails this is. Each attempt has at most one of each.
    public enum Kind: String, Sendable { case started, warning, ended }

    /// How a job ended, as far as the subject tells.
    public enum Outcome: String, Sendable {
        case complete = "Complete"
        case failed = "Failed"
        case cancelled = "Cancelled"
        case lost = "Lost"
    }

    public let kind: Kind
    public let subject: String
    public let body: String

    /// More of a log is better read on the job's page. Bytes.
    public static let longestLogTail = 4000

    /// The job's page, as a mail leads to it.
    public static func link(to job: JobID, at site: BaseURL) -> String { "\(site.text)/jobs/\(job)" }

    /// A sweep's page.
    public static func link(to sweep: SweepID, at site: BaseURL) -> String { "\(site.text)/jobs/sweeps/\(sweep)" }

    /// The mail that a job's script runs now.
    ///
    /// - Parameter link: the job's page.
    public static func started(job: JobID, script: String, link: String, at now: Instant) -> JobMail {
        JobMail(
            kind: .started, subject: "Job #\(job) [\(script)] Started",
            body: """
                Your job #\(job) (\(script)) started on \(now.readable).

                Watch it here:
                \(link)

                Another mail comes when it ends.

                """)
    }

    /// The mail that a job's time is nearly over.
    ///
    /// - Parameters:
    ///   - limit: how long it may run.
    ///   - end: when it will be stopped if it has not ended by then.
    public static func timeWarning(
        job: JobID, script: String, limit: Instant.Span, end: Instant, link: String, at now: Instant
    ) -> JobMail {
        JobMail(
            kind: .warning, subject: "Job #\(job) [\(script)] Time Nearly Over",
            body: """
                Your job #\(job) (\(script)) may run for \(limit.readableLimit), and has \((end - now).readable) left. If it \
                has not ended by \(end.readable), it will be stopped. What it has written by then stays.

                Watch it here:
                \(link)

                """)
    }

    /// The mail that a job is over.
    ///
    /// - Parameters:
    ///   - sentence: what happened, in plain words.
    ///   - logTail: the end of the log, for a job that did not end well; may be empty.
    ///   - attempts: how many times the script was started.
    ///   - expiresAt: when outputs and log go.
    public static func ended(
        job: JobID, script: String, outcome: Outcome, sentence: String, link: String, logTail: String,
        attempts: Int = 1, expiresAt: Instant, at now: Instant
    ) -> JobMail {
        var body = """
            Your job #\(job) (\(script)) ended on \(now.readable).

            \(sentence)\(attempts > 1 ? " It had been tried \(attempts) times." : "")

            Outputs and log are here until \(expiresAt.day); then they are removed:
            \(link)

            """
        if !logTail.isEmpty {
            body += "\nThe log ends so:\n\n"
            for line in logTail.split(separator: "\n", omittingEmptySubsequences: false) { body += "  \(line)\n" }
        }
        return JobMail(kind: .ended, subject: "Job #\(job) [\(script)] \(outcome.rawValue)", body: body)
    }

    /// The mail that all jobs of a sweep are over.
    ///
    /// - Parameters:
    ///   - counts: how many ended in each way, in words.
    ///   - others: some that did not succeed, and why.
    ///   - expiresAt: when outputs and logs go.
    public static func sweepEnded(
        sweep: SweepID, script: String, counts: [(words: String, count: Int)], succeeded: Int,
        others: [(job: JobID, why: String)], link: String, expiresAt: Instant, at now: Instant
    ) -> JobMail {
        let all = counts.reduce(0) { $0 + $1.count }
        let outcome = succeeded == all ? "Complete" : "\(all - succeeded) of \(all) Not Complete"
        var body = """
            All \(all) jobs of your sweep #\(sweep) (\(script)) are over since \(now.readable):
            \(counts.map { "\($0.count) \($0.words)" }.joined(separator: ", ")).

            Outputs and logs are here until \(expiresAt.day); then they are removed:
            \(link)

            """
        for (job, why) in others { body += "\n#\(job): \(why)" }
        if !others.isEmpty { body += "\n" }
        if all - succeeded > others.count { body += "The page shows them all.\n" }
        return JobMail(kind: .ended, subject: "Sweep #\(sweep) [\(script)] \(outcome)", body: body)
    }
}
