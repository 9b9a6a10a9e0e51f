internal import Accounts
import FileStore
import JobQueue
import Linux
import Scripts
import Settings
import Storage
import Web

/// A sweep: how its jobs stand, side by side with what they were given and what they have left.
struct SweepView {
    let site: Site
    let visitor: Visitor
    let sweep: Sweep
    private let values: SweepValues
    /// Of each job; none for who may not fetch them.
    private let outputs: [[OutputFile]]
    private var jobs: [Job] { values.jobs }
    private var isOwn: Bool { sweep.requester == visitor.user.id }

    init(site: Site, visitor: Visitor, sweep: Sweep) throws {
        self.site = site
        self.visitor = visitor
        self.sweep = sweep
        values = try SweepValues(of: sweep.id, site.jobs)
        let isOwn = sweep.requester == visitor.user.id
        outputs = try values.jobs.map { job in
            isOwn && job.startedAt != nil ? try site.outbox.outputs(of: job.uid).files : []
        }
    }

    func page(note: String?) throws -> Response {
        let done: String? =
            switch note {
            case "submitted" where sweep.endedAt == nil:
                "Your \(sweep.size) jobs are submitted. You get one mail when all of them are over."
            case "stopping" where sweep.endedAt == nil: "The jobs are being stopped."
            default: nil
            }
        let same: [HTML] = values.common.map { name, value in
            let shown: HTML = value.isEmpty ? "<small>(empty)</small>" : "<span class=\"value\">\(value)</span>"
            return "<div><dt>\(name)</dt><dd>\(shown)</dd></div>"
        }
        let details: HTML? = same.isEmpty ? nil : #"<h2>The same in all jobs</h2><dl class="facts">\#(same)</dl>"#
        let title = "Sweep #\(sweep.id)"
        return site.page(
            title,
            """
            <h1>\(title)</h1><p class="lead"><code>\(sweep.script)</code></p>
            \(done.map { #"<p class="done" role="status">\#($0)</p>"# as HTML })
            \(try standing())
            <div class="heading"><h2>Jobs</h2>\(download)</div>
            <div class="wide" role="region" aria-label="Jobs" tabindex="0">\(list())</div>
            \(details)
            """, for: visitor, at: .jobs, isLive: sweep.endedAt == nil)
    }

    private var download: HTML? {
        guard isOwn else { return nil }
        let address = site.path("jobs", "sweeps", "\(sweep.id)", "table.csv")
        return #"<p class="quiet"><a href="\#(address)" download>Download the table</a> (CSV)</p>"#
    }

    private func standing() throws -> HTML {
        let counts = Dictionary(jobs.map { ($0.state, 1) }, uniquingKeysWith: +)
        let over = counts.reduce(0) { $0 + ($1.key.isOver ? $1.value : 0) }
        let cancel: HTML? =
            isOwn && sweep.endedAt == nil
            ? """
            <form method="post" action="\(site.path("jobs", "sweeps", "\(sweep.id)", "cancel"))">\(visitor.tokenField)
            <p><button class="danger">Cancel all that are not over</button></p></form>
            """ : nil
        let end: HTML? = sweep.endedAt.map { "<div><dt>Completed</dt><dd>\(time($0))</dd></div>" }
        let expiry: HTML? = jobs.first?.expiresAt.map { "<div><dt>Expires</dt><dd>\(time($0))</dd></div>" }
        return """
            <section id="standing" class="standing \(tone(counts))" aria-label="Standing">
            <dl><div><dt>Over</dt><dd>\(over) of \(jobs.count)</dd></div>
            <div><dt>Submitted</dt><dd>\(time(sweep.createdAt))</dd></div>\(end)\(expiry)</dl>
            <p class="reason">\(badges(counts)) \(try whyTheyWait() ?? "")</p>\(cancel)\(try again())
            </section>
            """
    }

    /// Why none of them runs yet, as far as it is the same for all: as it is for the first that waits.
    private func whyTheyWait() throws -> String? {
        guard !jobs.contains(where: \.state.isLive), let first = jobs.first(where: { $0.state == .queued })
        else { return nil }
        let wait = try site.jobs.wait(of: first, limits: Limits(site.settings), at: site.now())
        return wait.map { "Job #\(first.id): \($0.sentence)" }
    }

    /// The form for the same jobs, once they are over.
    private func again() throws -> HTML? {
        guard isOwn, sweep.endedAt != nil, site.settings.maxSweep > 1,
            try site.scripts.script(named: sweep.script, for: visitor) != nil
        else { return nil }
        let form = site.path("submit", sweep.script).query("sweep", "\(sweep.id)")
        return #"<p><a class="button quiet" href="\#(form)">Submit these jobs again</a></p>"#
    }

    /// The colour of a state that tells how the whole stands.
    private func tone(_ counts: [JobState: Int]) -> HTML {
        guard sweep.endedAt != nil else { return counts.keys.contains(where: \.isLive) ? "running" : "queued" }
        return counts.keys.allSatisfy { $0 == .succeeded } ? "succeeded" : "failed"
    }

    // MARK: The jobs

    /// Larger outputs are not read for a table. Bytes.
    private static let mostShown = 64
    /// Of more outputs, each job has a list of its own.
    private static let mostColumns = 4
    /// Longer lists are better read on the job's own page.
    private static let mostListed = 20

    /// The names of the outputs, if they make columns.
    private var outputNames: [String]? {
        var names: [String] = []
        for name in outputs.joined().lazy.map(\.displayName) where !names.contains(name) {
            guard names.count < Self.mostColumns else { return nil }
            names.append(name)
        }
        return names
    }

    private func list() -> HTML {
        let names = outputNames
        let heads: [HTML] = (["Job"] + values.varied + ["Status", "Duration"] + (names ?? ["Output files"])).map {
            #"<th scope="col">\#($0)</th>"#
        }
        let now = site.now()
        let rows: [HTML] = jobs.indices.map { index in
            let job = jobs[index]
            let number = job.id.number
            let values: [HTML] = self.values.varied.map { name in
                let value = shortened(self.values.values[index][name] ?? "")
                return #"<td data-label="\#(name)"><span class="value">\#(value)</span></td>"#
            }
            let cells = names.map { $0.map { cell(of: $0, index) } } ?? [list(of: index)]
            return """
                <tr id="job-\(number)"><th scope="row"><a href="\(site.path("jobs", "\(number)"))">#\(number)</a></th>\(values)\
                <td data-label="Status">\(badge(job.state))</td>\
                <td data-label="Duration" class="ticks">\(duration(of: job, now))</td>\(cells)</tr>

                """
        }
        return "<table class=\"sweep\"><thead><tr>\(heads)</tr></thead><tbody>\(rows)</tbody></table>"
    }

    /// The output of this name.
    private func cell(of name: String, _ index: Int) -> HTML {
        let output = outputs[index].first { $0.displayName == name }
        let shown: HTML = output.map { link(to: $0, of: jobs[index], shows: true) } ?? "–"
        return #"<td data-label="\#(name)">\#(shown)</td>"#
    }

    /// All outputs of a job, or the first of them.
    private func list(of index: Int) -> HTML {
        let shown = outputs[index].prefix(Self.mostListed)
        let links: [HTML] = shown.map { "<li>\(link(to: $0, of: jobs[index], shows: false))</li>" }
        let rest: HTML? = outputs[index].count > shown.count ? "<li>and more, on its page</li>" : nil
        return #"<td data-label="Output files"><ul class="plain">\#(links)\#(rest)</ul></td>"#
    }

    private func link(to output: OutputFile, of job: Job, shows: Bool) -> HTML {
        let segments = [Array("files".utf8), Array("jobs".utf8), Array("\(job.id)".utf8)] + output.segments
        let text = shows ? content(of: output, job) ?? readableSize(output.size) : output.displayName
        return #"<a href="\#(site.path(bytes: segments))" download>\#(text)</a>"#
    }

    /// What a very short output says, in one line: so results can be compared at a glance.
    private func content(of output: OutputFile, _ job: Job) -> String? {
        guard (1...Int64(Self.mostShown)).contains(output.size),
            let bytes = site.outbox.open(job.uid, output.segments)?.read(limit: Self.mostShown)
        else { return nil }
        let line = bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...]
        guard !line.isEmpty, line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return String(validating: line, as: UTF8.self)
    }

    // MARK: For other programs

    /// All parameters, how each job ended, and short outputs.
    func table() throws -> Response {
        guard isOwn else { throw RequestProblem.notFound }
        let names = values.varied + values.common.map(\.name)
        let files = outputNames ?? []
        let rows = jobs.indices.map { index in
            let job = jobs[index]
            let seconds = job.startedAt.flatMap { start in
                job.endedAt.map { String(($0 - start).milliseconds / 1000) }
            }
            return
                ["\(job.id)"] + names.map { values.values[index][$0] ?? "" }
                + [job.state.words, job.exitCode.map(String.init) ?? "", seconds ?? ""]
                + files.map { name in
                    outputs[index].first { $0.displayName == name }.flatMap { content(of: $0, job) } ?? ""
                }
        }
        let heads = ["job"] + names + ["status", "exit status", "seconds"] + files
        return .download(Array(Table.text([heads] + rows).utf8), named: "sweep-\(sweep.id).csv")
    }
}

/// How many jobs of a sweep are in each state.
func badges(_ counts: [JobState: Int]) -> HTML {
    let badges: [HTML] = JobState.allCases.compactMap { state in
        counts[state].map { #"<span class="state \#(state.rawValue)">\#($0) \#(state.words)</span> "# }
    }
    return "\(badges)"
}
