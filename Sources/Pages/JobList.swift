import Accounts
import JobQueue
import Linux
import Settings
import Storage
import Web

/// The table of jobs, the newest first, fifty a page.
struct JobList {
    let site: Site
    let visitor: Visitor

    static let pageSize = 50

    func page(_ query: Form) throws -> Response {
        // As addresses are kept, however it was written.
        let email = query["requester"].map { EmailAddress($0)?.text ?? $0 }
        let onlyOwn = site.settings.jobVisibility == .own
        // An address that nobody has, has no jobs.
        let requester = onlyOwn ? visitor.user.id : try email.map { try site.jobs.requester($0) ?? UserID(0) }
        let (jobs, slice, hasMore) = try jobs(slice(query), of: requester)
        let now = site.now()
        var rows = HTML()
        var isLive = false
        for job in jobs {
            if let sweep = try job.sweep.flatMap(site.jobs.sweep) {
                rows += row(sweep, endingWith: job, try site.jobs.standing(of: sweep.id))
                isLive = isLive || sweep.endedAt == nil
            } else {
                rows += row(job, try site.jobs.parameters(of: job.id), now)
                isLive = isLive || !job.state.isOver
            }
        }
        let empty: HTML? =
            jobs.isEmpty
            ? #"<p class="empty">There are no jobs here. <a href="\#(site.path("submit"))">Submit one.</a></p>"# : nil
        return site.page(
            "Jobs",
            """
            <div class="heading"><h1>Jobs</h1> <a class="button" href="\(site.path("submit"))">Submit a job</a></div>
            \(onlyOwn ? nil : filter(email))
            \(empty)\(jobs.isEmpty ? nil : table(rows))
            \(pager(jobs, slice, hasMore, email))
            """, for: visitor, at: .jobs, isLive: isLive && slice == .newest)
    }

    private func slice(_ query: Form) -> JobStore.Slice {
        if let id = query["before"].flatMap({ JobID(text: $0) }) { return .before(id) }
        if let id = query["after"].flatMap({ JobID(text: $0) }) { return .after(id) }
        return .newest
    }

    /// The jobs of a page, which slice that is, and whether there are more in its direction: one more than fits is asked
    /// for. Where no more newer jobs are left than fit, it is the first page.
    private func jobs(
        _ slice: JobStore.Slice, of requester: UserID?
    ) throws -> (jobs: [Job], slice: JobStore.Slice, hasMore: Bool) {
        var jobs = try site.jobs.list(slice, of: requester, limit: Self.pageSize + 1, foldingSweeps: true)
        let hasMore = jobs.count > Self.pageSize
        if case .after = slice {
            guard hasMore else { return try self.jobs(.newest, of: requester) }
            jobs.removeFirst()
        } else if hasMore {
            jobs.removeLast()
        }
        return (jobs, slice, hasMore)
    }

    private func filter(_ email: String?) -> HTML {
        let all = site.path("jobs")
        let mine = all.query("requester", visitor.user.email)
        func mark(_ isCurrent: Bool) -> HTML { isCurrent ? #" aria-current="true""# : "" }
        let other: HTML? =
            email != nil && email != visitor.user.email ? "<span class=\"tab\">of \(email ?? "")</span>" : nil
        return """
            <p class="tabs"><a class="tab" href="\(all)"\(mark(email == nil))>All jobs</a>
            <a class="tab" href="\(mine)"\(mark(email == visitor.user.email))>My jobs</a>\(other)</p>
            """
    }

    private func table(_ rows: HTML) -> HTML {
        """
        <table class="jobs"><thead><tr><th scope="col">Job</th><th scope="col">Script</th><th scope="col">Parameters</th>
        <th scope="col">Requester</th><th scope="col">Status</th><th scope="col">Requested</th><th scope="col">Started</th>
        <th scope="col">Completed</th><th scope="col">Duration</th></tr></thead><tbody>
        \(rows)</tbody></table>
        """
    }

    private func row(_ job: Job, _ parameters: [JobParameter], _ now: Instant) -> HTML {
        var values = HTML()
        for parameter in parameters {
            let value = parameter.kind == .secret ? "…" : shortened(parameter.value)
            values += "<span class=\"value\">\(parameter.name)=\(value)</span> "
        }
        return """
            <tr id="job-\(job.id.number)"><th scope="row"><a href="\(site.path("jobs", "\(job.id)"))">#\(job.id.number)</a></th>\
            <td data-label="Script">\(job.script)</td><td data-label="Parameters" class="values">\(values)</td>\
            <td data-label="Requester">\(job.requesterEmail)</td><td data-label="Status">\(badge(job.state))</td>\
            <td data-label="Requested">\(time(job.queuedAt))</td><td data-label="Started">\(time(job.startedAt))</td>\
            <td data-label="Completed">\(time(job.endedAt))</td><td data-label="Duration" class="ticks">\(duration(of: job, now))</td></tr>

            """
    }

    /// The last job of a sweep stands for all of it.
    private func row(_ sweep: Sweep, endingWith last: Job, _ counts: [JobState: Int]) -> HTML {
        let first = last.id.number - Int64(sweep.size) + 1
        let took = sweep.endedAt.map { ($0 - sweep.createdAt).readable } ?? "–"
        return """
            <tr id="job-\(last.id.number)"><th scope="row"><a href="\(site.path("jobs", "sweeps", "\(sweep.id)"))">\
            #\(first)–\(last.id.number)</a></th>\
            <td data-label="Script">\(sweep.script)</td><td data-label="Parameters" class="values">\
            Sweep #\(sweep.id.number): \(sweep.size) jobs</td>\
            <td data-label="Requester">\(sweep.requesterEmail)</td><td data-label="Status">\(badges(counts))</td>\
            <td data-label="Requested">\(time(sweep.createdAt))</td><td data-label="Started">–</td>\
            <td data-label="Completed">\(time(sweep.endedAt))</td><td data-label="Duration">\(took)</td></tr>

            """
    }

    /// Older and newer pages by the keys at the ends of this one.
    private func pager(_ jobs: [Job], _ slice: JobStore.Slice, _ hasMore: Bool, _ email: String?) -> HTML? {
        guard let first = jobs.first, let last = jobs.last else { return nil }
        var base = site.path("jobs")
        if let email { base = base.query("requester", email) }
        let newer: HTML? =
            slice == .newest ? nil : #"<a rel="prev" href="\#(base.query("after", "\(first.id)"))">Newer</a> "#
        // Who came from an older page can go back there.
        let hasOlder = if case .after = slice { true } else { hasMore }
        let older: HTML? =
            hasOlder ? #"<a rel="next" href="\#(base.query("before", "\(last.id)"))">Older</a>"# : nil
        guard newer != nil || older != nil else { return nil }
        return #"<nav class="pager" aria-label="Pages">\#(newer)\#(older)</nav>"#
    }
}

/// A state, told by word and, besides, by colour.
func badge(_ state: JobState) -> HTML {
    #"<span class="state \#(state.rawValue)">\#(state.words)</span>"#
}

/// How long the script ran, or has been running.
func duration(of job: Job, _ now: Instant) -> String {
    guard let start = job.startedAt else { return "–" }
    return ((job.endedAt ?? now) - start).readable
}
