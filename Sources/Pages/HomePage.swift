internal import Accounts
internal import JobQueue
internal import Linux
internal import Settings
internal import Storage
public import Web

/// What this is and how it is used; the queue at a glance for whoever is signed in.
public struct HomePage: Page {
    let site: Site
    public init(_ site: Site) { self.site = site }

    public mutating func respond(to request: borrowing Request) throws -> Response {
        guard request.segments.isEmpty else { throw RequestProblem.notFound }
        guard request.method != .post else {
            throw RequestProblem(status: 405, sentence: "There is nothing to send here.")
        }
        let visitor = try site.visitor(request)
        let latest =
            try visitor.map { try site.jobs.list(.newest, of: $0.user.id, limit: Self.mostLatest, foldingSweeps: true) }
            ?? []
        return site.page(
            "Run a script on your data", try body(visitor, latest), for: visitor, at: .home,
            isLive: latest.contains { !$0.state.isOver })
    }

    /// How many of a user's own jobs are shown; the list has the others.
    private static let mostLatest = 5

    private func body(_ visitor: Visitor?, _ latest: [Job]) throws -> HTML {
        let path = site.path
        let days = site.settings.retention.milliseconds / 86_400_000
        let action: HTML =
            visitor == nil
            ? #"<p class="actions"><a class="button" href="\#(path("login"))">Sign in or sign up</a></p>"#
            : """
            <p class="actions"><a class="button" href="\(path("submit"))">Submit a job</a>
            <a class="button quiet" href="\(path("jobs"))">View jobs</a></p>
            """
        return """
            <div class="home\(latest.isEmpty ? nil : " split" as HTML)"><div>
            <h1>Run a script on your data</h1>
            <p class="lead">Long computations on a big machine, without a shell: choose a script, give it your files and
            parameters, and be told by e-mail when the result is ready.</p>
            \(action)
            \(visitor == nil ? nil : try glance())\(latest.isEmpty ? nil : own(latest))
            </div><section class="panel" aria-labelledby="how"><h2 id="how">How it works</h2>
            <ol class="steps">
            <li><strong>Choose a script.</strong> Each tells what it does and what it needs.</li>
            <li><strong>Give it files and parameters.</strong> Upload files with the form, or use those that you have here.</li>
            <li><strong>Submit.</strong> The job waits for its turn; a mail tells when it starts and when it ends.</li>
            <li><strong>Fetch the result.</strong> Everything that the script wrote is on the job's page, with its log.</li>
            </ol>
            <p class="quiet">Files and finished jobs are kept for \(days) days, then they are removed. Each shows its day of
            expiry.</p></section></div>
            """
    }

    func glance() throws -> HTML {
        let (queued, live) = try site.jobs.glance()
        let standing = try site.jobs.queueStanding()
        let obstacle: HTML? =
            if let since = standing.drainedAt {
                "<p class=\"glance\">The administrator has let no job start since \(time(since)).</p>"
            } else { standing.stalledReason.map { "<p class=\"glance\">No job starts at present: \($0)</p>" } }
        let many: HTML = queued >= 1000 ? "at least " : ""
        return """
            <p class="glance">\(live == 0 ? "Nothing is running" : live == 1 ? "1 job is running" : "\(live) jobs are running"),
            \(many)\(queued == 0 ? "none" : String(queued)) waiting.</p>\(obstacle)
            """
    }

    private func own(_ jobs: [Job]) -> HTML {
        let rows: [HTML] = jobs.map { job in
            let (address, name): (Path, HTML) =
                if let sweep = job.sweep {
                    (site.path("jobs", "sweeps", "\(sweep)"), "Sweep #\(sweep.number) \(job.script)")
                } else { (site.path("jobs", "\(job.id)"), "#\(job.id.number) \(job.script)") }
            return """
                <li id="job-\(job.id.number)">\(badge(job.state))
                <a href="\(address)">\(name)</a>
                \(time(job.endedAt ?? job.startedAt ?? job.queuedAt))</li>
                """
        }
        return #"<h2>Your latest jobs</h2><ul class="latest">\#(rows)</ul>"#
    }
}
