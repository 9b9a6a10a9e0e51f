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
    private let jobs: [Row]
    /// The parameters that are not the same in all jobs, and those that are.
    private let varied: [String]
    private let common: [(name: String, value: String)]
    private var isOwn: Bool { sweep.requester == visitor.user.id }

    private struct Row {
        let job: Job
        /// By parameter; several files are one value.
        let values: [String: String]
        let outputs: [OutputFile]
    }

    init(site: Site, visitor: Visitor, sweep: Sweep) throws {
        self.site = site
        self.visitor = visitor
        self.sweep = sweep
        let isOwn = sweep.requester == visitor.user.id
        var names: [String] = []
        jobs = try site.jobs.jobs(of: sweep.id).map { job in
            var values: [String: String] = [:]
            for parameter in try site.jobs.parameters(of: job.id) {
                if values[parameter.name] == nil, !names.contains(parameter.name) { names.append(parameter.name) }
                let value = parameter.kind == .secret ? "(not shown)" : parameter.words
                values[parameter.name] = values[parameter.name].map { "\($0)\n\(value)" } ?? value
            }
            let outputs = isOwn && job.startedAt != nil ? try site.outbox.outputs(of: job.uid).files : []
            return Row(job: job, values: values, outputs: outputs)
        }
        var (varied, common): ([String], [(String, String)]) = ([], [])
        for name in names {
            let values = Set(jobs.map { $0.values[name] })
            if values.count == 1, let value = values.first ?? nil {
                common.append((name, value))
            } else {
                varied.append(name)
            }
        }
        (self.varied, self.common) = (varied, common)
    }

    func page(note: String?) throws -> Response {
        let done: String? =
            switch note {
            case "submitted" where sweep.endedAt == nil:
                "Your \(sweep.size) jobs are submitted. You get one mail when all of them are over."
            case "stopping" where sweep.endedAt == nil: "The jobs are being stopped."
            default: nil
            }
        let same: [HTML] = common.map { name, value in
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
        let counts = try site.jobs.standing(of: sweep.id)
        let over = counts.reduce(0) { $0 + ($1.key.isOver ? $1.value : 0) }
        let cancel: HTML? =
            isOwn && sweep.endedAt == nil
            ? """
            <form method="post" action="\(site.path("jobs", "sweeps", "\(sweep.id)", "cancel"))">\(visitor.tokenField)
            <p><button class="danger">Cancel all that are not over</button></p></form>
            """ : nil
        let end: HTML? = sweep.endedAt.map { "<div><dt>Completed</dt><dd>\(time($0))</dd></div>" }
        let expiry: HTML? = jobs.first?.job.expiresAt.map { "<div><dt>Expires</dt><dd>\(time($0))</dd></div>" }
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
        guard !jobs.contains(where: { $0.job.state.isLive }), let first = jobs.first(where: { $0.job.state == .queued })
        else { return nil }
        let wait = try site.jobs.wait(of: first.job, limits: Limits(site.settings), at: site.now())
        return wait.map { "Job #\(first.job.id): \($0.sentence)" }
    }

    /// The form for the same jobs, once they are over.
    private func again() throws -> HTML? {
        guard isOwn, sweep.endedAt != nil, site.settings.maxSweep > 1,
            try site.scripts.script(named: sweep.script, for: visitor) != nil
        else { return nil }
        let form = site.path("submit", sweep.script).query("sweep", "\(sweep.id)")
        return #"<p><a class="button quiet" href="\#(form)">Submit these jobs again</a></p>"#
    }

    /// A job of it, for what all have in common.
    var firstJob: Job? { jobs.first?.job }

    /// What differs, as a table for the form of the script.
    func table(for script: Script) -> String {
        let names = varied.filter { name in script.parameters.contains { $0.name == name && $0.canStandInATable } }
        return Self.table([names] + jobs.map { row in names.map { row.values[$0] ?? "" } })
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

    /// The names of the outputs, if they make columns.
    private var outputNames: [String]? {
        var names: [String] = []
        for row in jobs {
            for output in row.outputs where !names.contains(output.displayName) { names.append(output.displayName) }
        }
        return names.count <= Self.mostColumns ? names : nil
    }

    private func list() -> HTML {
        let names = outputNames
        let outputs = names ?? (jobs.contains { !$0.outputs.isEmpty } ? ["Output files"] : [])
        let heads: [HTML] = (["Job"] + varied + ["Status", "Duration"] + outputs).map {
            #"<th scope="col">\#($0)</th>"#
        }
        let now = site.now()
        let rows: [HTML] = jobs.map { row in
            let number = row.job.id.number
            let values: [HTML] = varied.map { name in
                #"<td data-label="\#(name)"><span class="value">\#(shortened(row.values[name] ?? ""))</span></td>"#
            }
            let cells: [HTML]
            if let names {
                cells = names.map { name in
                    let output = row.outputs.first { $0.displayName == name }
                    return
                        #"<td data-label="\#(name)">\#(output.map { link(to: $0, of: row.job, shows: true) } ?? "–" as HTML)</td>"#
                }
            } else {
                let links: [HTML] = row.outputs.map { "<li>\(link(to: $0, of: row.job, shows: false))</li>" }
                cells = [#"<td data-label="Output files"><ul class="plain">\#(links)</ul></td>"#]
            }
            return """
                <tr id="job-\(number)"><th scope="row"><a href="\(site.path("jobs", "\(number)"))">#\(number)</a></th>\(values)\
                <td data-label="Status">\(badge(row.job.state))</td>\
                <td data-label="Duration" class="ticks">\(duration(of: row.job, now))</td>\(cells)</tr>

                """
        }
        return "<table class=\"sweep\"><thead><tr>\(heads)</tr></thead><tbody>\(rows)</tbody></table>"
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

    /// All parameters, how each job ended, and short outputs (RFC 4180).
    func table() throws -> Response {
        guard isOwn else { throw RequestProblem.notFound }
        let names = varied + common.map(\.name)
        let outputs = outputNames ?? []
        let rows = jobs.map { row in
            let job = row.job
            let seconds = job.startedAt.flatMap { start in
                job.endedAt.map { String(($0 - start).milliseconds / 1000) }
            }
            return
                ["\(job.id)"] + names.map { row.values[$0] ?? "" }
                + [job.state.words, job.exitCode.map(String.init) ?? "", seconds ?? ""]
                + outputs.map { name in
                    row.outputs.first { $0.displayName == name }.flatMap { content(of: $0, job) } ?? ""
                }
        }
        let heads = ["job"] + names + ["status", "exit status", "seconds"] + outputs
        return .download(Array(Self.table([heads] + rows).utf8), named: "sweep-\(sweep.id).csv")
    }

    private static func table(_ rows: [[String]]) -> String {
        rows.map { $0.map(cell).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func cell(_ text: String) -> String {
        let special = Set("\",;\t\r\n".utf8)
        guard text.utf8.contains(where: special.contains) else { return text }
        let doubled = text.utf8.flatMap { $0 == UInt8(ascii: "\"") ? [$0, $0] : [$0] }
        return "\"" + String(decoding: doubled, as: UTF8.self) + "\""
    }
}

/// How many jobs of a sweep are in each state.
func badges(_ counts: [JobState: Int]) -> HTML {
    let badges: [HTML] = JobState.allCases.compactMap { state in
        counts[state].map { #"<span class="state \#(state.rawValue)">\#($0) \#(state.words)</span> "# }
    }
    return "\(badges)"
}
