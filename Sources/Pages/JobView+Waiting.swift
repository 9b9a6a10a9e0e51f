import JobQueue
import Linux
import Settings
import Web

extension JobView {
    /// Which place a waiting job has, for the outline of how it stands.
    func place() throws -> HTML? {
        guard job.state == .queued, !job.isHeld, !job.isAwaiting, job.notBefore <= site.now() else { return nil }
        let place: HTML =
            if let before = try site.jobs.place(of: job, at: site.now()) {
                "\(before + 1)"
            } else { "beyond \(JobStore.mostCounted)" }
        return "<div><dt>Place in the queue</dt><dd>\(place)</dd></div>"
    }

    /// Why it does not run yet, in a sentence; `nil` when it does not wait.
    func whyItWaits() throws -> HTML? {
        guard let wait = try site.jobs.wait(of: job, limits: Limits(site.settings), at: site.now()) else { return nil }
        // Times that follow the visitor's clock.
        return switch wait {
        case .drained(let since): "The administrator has let no job start since \(time(since))."
        case .pausing(let until, let attempt, let ended):
            "Attempt \(attempt) \(Wait.words(ended)), so it pauses until \(time(until))."
        default: "\(wait.sentence)"
        }
    }

    /// When the time of a running job is over.
    var lastMoment: HTML? {
        guard let limit = job.timeLimit, let start = job.startedAt, job.state == .running else { return nil }
        return "<div><dt>Stopped at the latest</dt><dd>\(time(start + limit))</dd></div>"
    }
}
