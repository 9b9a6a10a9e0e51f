import JobQueue
import Linux
import Storage

/// The jobs as the admin's command lists them.
struct JobTable {
    let jobs: JobStore
    let limits: Limits
    let now: Instant

    /// More waiting jobs than this are counted, not listed: nobody reads on, and why each waits has to be found out.
    private static let mostWaiting = 500

    func text(all: Bool) throws -> String {
        var (listed, more) = ([Job](), 0)
        if all {
            var slice = JobStore.Slice.newest
            while case let page = try jobs.list(slice, of: nil, limit: 1000), let last = page.last {
                listed += page
                slice = .before(last.id)
            }
            listed.reverse()
        } else {
            listed = try jobs.live() + jobs.waiting(limit: Self.mostWaiting + 1)
            if listed.last?.state == .queued, listed.count(where: { $0.state == .queued }) > Self.mostWaiting {
                listed.removeLast()
                more = 1
            }
        }
        var asked = 0
        let rows = try listed.map { job in
            asked += job.state == .queued ? 1 : 0
            return try row(job, explaining: asked <= Self.mostWaiting)
        }
        return try standing() + table(rows, or: all ? "no jobs\n" : "no job runs or waits\n")
            + (more > 0
                ? "more than \(Self.mostWaiting) jobs wait; `scriptrunner jobs --all` lists the others too\n" : "")
    }

    /// What holds the whole queue up.
    private func standing() throws -> String {
        let standing = try jobs.queueStanding()
        var text = ""
        if let since = standing.drainedAt {
            text += "drained since \(since.readable) by user \(standing.drainedBy ?? "?"): no job starts\n"
        }
        if let reason = standing.stalledReason, let since = standing.stalledAt {
            text += "stalled since \(since.readable): \(reason)\n"
        }
        return text
    }

    private func row(_ job: Job, explaining: Bool) throws -> [String] {
        let state = job.isHeld && job.state == .queued ? "held" : job.state.words
        let since = job.endedAt ?? job.startedAt ?? job.queuedAt
        return [
            "\(job.id)", state, job.requesterEmail, job.script, since.readable,
            try explaining ? why(job) : "",
        ]
    }

    private func why(_ job: Job) throws -> String {
        if let sentence = try jobs.wait(of: job, limits: limits, at: now)?.sentence { return sentence }
        if job.state.isLive, job.stopRequestedAt != nil { return "It has been asked to stop." }
        return job.state.isOver ? job.reason ?? "" : ""
    }

    /// Columns as wide as what stands in them.
    private func table(_ rows: [[String]], or nothing: String) -> String {
        guard !rows.isEmpty else { return nothing }
        let rows = [["JOB", "STATE", "REQUESTER", "SCRIPT", "SINCE", "WHY"]] + rows
        let widths = rows[0].indices.map { column in rows.map { $0[column].unicodeScalars.count }.max() ?? 0 }
        var text = ""
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                guard row[(column + 1)...].contains(where: { !$0.isEmpty }) else { break }
                line += String(repeating: " ", count: widths[column] - cell.unicodeScalars.count + 2)
            }
            text += line + "\n"
        }
        return text
    }
}
