import FileStore
import JobQueue
import Linux
import Settings
import Storage
import Web

extension JobView {
    /// What became of each attempt, where there was more than one or another follows.
    func attempts() throws -> HTML? {
        guard job.attempt > 1 || job.attempt == 1 && job.state == .queued else { return nil }
        let rows: [HTML] = try site.jobs.attempts(of: job.id).map { attempt in
            let log: HTML? = isOwn && hasLog(attempt) ? " – \(logLink(attempt))" : nil
            let cause: HTML? = attempt.cause.map { "<br>\($0)" }
            return "<li>Attempt \(attempt.number) \(outcome(of: attempt))\(log)\(cause)</li>"
        }
        return "<h2>Attempts</h2><ol class=\"plain\">\(rows)</ol>"
    }

    private func outcome(of attempt: AttemptReport) -> HTML {
        guard let end = attempt.endedAt else {
            return attempt.startedAt.map { "runs since \(time($0))" } ?? "is about to begin"
        }
        guard let start = attempt.startedAt, let state = attempt.end else {
            return "\(attempt.end?.words ?? "could not begin"), \(time(end))"
        }
        let status: HTML? =
            if let code = attempt.exitCode { " (exit status \(code))" } else {
                attempt.signal.map { " (signal \($0))" }
            }
        return "\(state.words)\(status) after \((end - start).readable), \(time(end))"
    }

    private func hasLog(_ attempt: AttemptReport) -> Bool {
        // The latest has a place of its own.
        guard attempt.number < job.attempt, attempt.startedAt != nil else { return false }
        return LogFile(
            attemptsDirectory: site.settings.attemptsDir, jobUID: job.uid, attempt: attempt.number) != nil
    }

    private func logLink(_ attempt: AttemptReport) -> HTML {
        let path = site.path("jobs", "\(job.id)", "log").query("attempt", "\(attempt.number)")
        return #"<a href="\#(path)" download>its log</a>"#
    }

    /// What may still follow.
    var attemptsLeft: String? {
        guard !job.state.isOver, job.stopRequestedAt == nil else { return nil }
        let words = [
            job.retriesLeft > 0 ? "up to \(job.retriesLeft) if it fails" : nil,
            job.rerunsLeft > 0 ? "up to \(job.rerunsLeft) if nobody knows how it ended" : nil,
        ].compactMap(\.self)
        return words.isEmpty ? nil : words.joined(separator: ", ")
    }
}
