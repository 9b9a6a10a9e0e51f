import JobQueue
import Linux
import Notices
import SQLite
import Storage

extension Worker {
    /// A limit shorter than this is over before anybody has read a mail about it.
    static let shortestWarned = Instant.Span.minutes(10)
    /// A warning comes when a tenth of the time is left, and at most so long before the end.
    static let earliestWarning = Instant.Span.days(1)

    /// No warning is due.
    private static let never = Instant(milliseconds: .max)

    /// How long before its time limit strikes a job's requester is warned; `nil`: not at all.
    static func warning(before limit: Instant.Span) -> Instant.Span? {
        limit < shortestWarned ? nil : min(.milliseconds(limit.milliseconds / 10), earliestWarning)
    }

    /// Queues a warning for each job whose time is nearly over, and notes when the next one is due.
    func warn() throws {
        if let nextWarning, now() < nextWarning { return }
        nextWarning = Self.never
        for timed in try jobs.unwarned() {
            guard let before = Self.warning(before: timed.limit) else { continue }
            let end = timed.startedAt + timed.limit
            guard now() >= end - before else {
                nextWarning = min(nextWarning ?? Self.never, end - before)
                continue
            }
            let job = timed.job
            try database.write {
                guard try jobs.warned(job.id, attempt: job.attempt, at: now()) else { return }
                try notices.timeIsNearlyOver(for: job, limit: timed.limit, end: end, now: now())
            }
        }
    }
}
