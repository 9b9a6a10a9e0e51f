import Accounts
import FileStore
import JobQueue
import Linux
import Mail
import Scripts
import Settings
internal import Storage
import Web

/// One job: everything about it for its requester, the outline for others.
///
/// First what the visitor came for: how the job stands, and what it has left; then what it was given and how it went.
struct JobView {
    let site: Site
    let visitor: Visitor
    let job: Job
    private let now: Instant
    var isOwn: Bool { job.requester == visitor.user.id }

    /// The end of the log that the page shows. The whole is a download. Bytes.
    static let logTail = 16_384

    init(site: Site, visitor: Visitor, job: Job) {
        self.site = site
        self.visitor = visitor
        self.job = job
        now = site.now()
    }

    func page(note: String?) throws -> Response {
        let done: String? =
            switch note {
            case "submitted" where job.isAwaiting:
                "Your job is submitted and follows others. You get a mail when it starts and when it ends."
            case "submitted" where job.state == .queued:
                "Your job is submitted and waits for its turn. You get a mail when it starts and when it ends."
            case "submitted" where !job.state.isOver:
                "Your job is submitted and has begun already. You get a mail when it ends."
            case "submitted" where job.state == .succeeded: "Your job was submitted and is done already."
            case "stopping" where !job.state.isOver: "The job is being stopped.\(try fateOfFollowers())"
            case "stopping" where job.state == .cancelled: "The job is cancelled.\(try fateOfFollowers())"
            case "over": "The job was over already."
            default: nil
            }
        let outputs = isOwn ? try outputs() : nil
        let log = isOwn ? try log() : nil
        // Who looks at a job that did not end well wants to know why; otherwise, what came of it.
        let isLogFirst = job.state != .succeeded
        return site.page(
            "Job #\(job.id), \(job.state.words)",
            """
            <h1>Job #\(job.id.number) \(badge(job.state))</h1>
            <p class="lead"><code>\(job.script)</code></p>
            <p class="unseen" role="status">Status: \(job.state.words).</p>
            \(done.map { #"<p class="done" role="status">\#($0)</p>"# as HTML })
            \(try standing())
            <div class="split"><div>
            \(isLogFirst ? log : outputs)\(isLogFirst ? outputs : log)\(try parameters())
            </div><div>
            \(facts)\(try following())\(try attempts())\(isOwn ? try mails() : nil)\(try history())
            </div></div>
            """, for: visitor, at: .jobs, isLive: !job.state.isOver)
    }

    /// What to know at a glance: since when, how long, why, and what can be done.
    private func standing() throws -> HTML {
        let (began, lasted): (HTML, HTML) =
            switch job.state {
            case .queued: (job.isHeld ? "Held by the administrator since" : "Waiting since", "Waiting for")
            case .starting: ("Requested", "Waiting for")
            case .running: ("Running since", "Running for")
            case .stopping: ("Running since", "Running for")
            case .succeeded: ("Completed", "It took")
            case .lost: ("Lost", "It ran at most")
            default: ("Ended", "It ran")
            }
        let moment = job.endedAt ?? job.startedAt ?? job.queuedAt
        let span: HTML? =
            if job.startedAt != nil {
                "\(duration(of: job, now))"
            } else { job.state.isOver ? nil : "\((now - job.queuedAt).readable)" }
        let status: HTML? =
            if let code = job.exitCode, code != 0 {
                "<div><dt>Exit status</dt><dd>\(code)</dd></div>"
            } else { job.signal.map { "<div><dt>Signal</dt><dd>\($0)</dd></div>" } }
        let length: HTML? = span.map { #"<div><dt>\#(lasted)</dt><dd class="ticks">\#($0)</dd></div>"# }
        return """
            <section id="standing" class="standing \(job.state.rawValue)" aria-label="Standing">
            <dl><div><dt>\(began)</dt><dd>\(time(moment))</dd></div>\(length)\(status)\(try place())\(lastMoment)</dl>
            \(try sentence().map { "<p class=\"reason\">\($0)</p>" as HTML })\(try action())\(try progress())
            </section>
            """
    }

    /// Why it is as it is. A status other than 0 is the script's own way to say that something is wrong.
    private func sentence() throws -> HTML? {
        if let why = try whyItWaits() { return why }
        if let reason = job.reason { return "\(reason)" }
        guard job.state == .failed, let code = job.exitCode else { return nil }
        return "The script ended with an error (exit status \(code)). What it wrote last is at the end of its log."
    }

    /// How far its script says that it is. The log is its requester's alone.
    private func progress() throws -> HTML? {
        guard isOwn, job.state.isLive,
            let log = LogFile(attemptsDirectory: site.settings.attemptsDir, jobUID: job.uid, attempt: job.attempt),
            let progress = Progress(in: try log.tail(limit: Self.logTail).text, style: AnnotationStyle(site.settings))
        else { return nil }
        guard let percent = progress.percent else { return "<p class=\"progress\">\(progress.words)</p>" }
        return """
            <div class="progress"><label for="progress">\(percent) % \(progress.words)</label>
            <progress id="progress" max="100" value="\(percent)"></progress></div>
            """
    }

    private func action() throws -> HTML? {
        guard isOwn else { return nil }
        if job.state.isOver {
            guard let script = try site.scripts.script(named: job.script, for: visitor) else { return nil }
            // The form comes filled in as it was.
            var again = site.path("submit", job.script).query("from", "\(job.id)")
            let words: HTML
            if let memory = moreMemory(for: script) {
                words = "Submit it again with \(readableMemory(memory)) of memory"
                again = again.query("need_mem", "\(memory)")
            } else {
                words = "Submit this script again"
            }
            return #"<p><a class="button quiet" href="\#(again)">\#(words)</a></p>"#
        }
        guard job.stopRequestedAt == nil else { return "<p>It has been asked to stop.</p>" }
        return """
            <form method="post" action="\(site.path("jobs", "\(job.id)", "cancel"))">\(visitor.tokenField)
            <p><button class="danger">Cancel this job</button></p></form>\(try warning())
            """
    }

    /// Twice as much as was too little, where the script lets its users choose.
    private func moreMemory(for script: Script) -> Int64? {
        guard job.state == .outOfMemory, let former = job.needs.memory, let range = script.terms.leeway.memory,
            range.contains(former), former < range.upperBound
        else { return nil }
        return min(former * 2, range.upperBound)
    }

    private var facts: HTML {
        """
        <h2>Details</h2><dl class="facts">
        \(job.sweep.map { fact("Sweep", #"<a href="\#(site.path("jobs", "sweeps", "\($0)"))">#\#($0.number)</a>"#) })
        \(fact("Script", "\(job.script)"))\(fact("Requester", "\(job.requesterEmail)"))
        \(fact("Requested", time(job.queuedAt)))\(fact("Started", time(job.startedAt)))
        \(fact("Completed", time(job.endedAt)))\(fact("Duration", ran))
        \(exitStatus)\(job.needs.cpus.map { fact("CPUs", "\($0)") })
        \(job.needs.memory.map { fact("Memory", "\(readableMemory($0))") })\(job.timeLimit.map { fact("Time limit", "\($0.readableLimit)") })
        \(attemptsLeft.map { fact("More attempts", "\($0)") })
        \(job.priority == 0 ? nil : fact("Priority", "\(job.priority), by the administrator"))
        \(job.expiresAt.map { fact("Expires", time($0)) })
        </dl>
        """
    }

    /// Marked as what changes without anything having happened.
    private var ran: HTML { #"<span class="ticks">\#(duration(of: job, now))</span>"# }

    private func fact(_ name: String, _ value: HTML) -> HTML { "<div><dt>\(name)</dt><dd>\(value)</dd></div>" }

    private var exitStatus: HTML? {
        if let code = job.exitCode { return fact("Exit status", "\(code)") }
        if let signal = job.signal { return fact("Ended by signal", "\(signal) (\(signalName(signal)))") }
        return job.state.isOver && job.startedAt != nil ? fact("Exit status", "unknown") : nil
    }

    private func parameters() throws -> HTML {
        let parameters = try site.jobs.parameters(of: job.id)
        guard !parameters.isEmpty else { return "" }
        let rows: [HTML] = try parameters.map { parameter in
            let value: HTML =
                switch parameter.kind {
                case .input where isOwn && parameter.file != nil:
                    #"<a href="\#(site.path("files", "inbox", "\(parameter.file!)"))" download>\#(parameter.value)</a>"#
                case .input where parameter.file == nil: "\(parameter.value) <small>(removed since)</small>"
                case .shared: "\(parameter.value) <small>(shared file)</small>"
                case .result: try result(parameter)
                case .secret: "<small>(not shown)</small>"
                case .text where parameter.value.isEmpty: "<small>(empty)</small>"
                default: "<span class=\"value\">\(parameter.value)</span>"
                }
            return "<tr><th scope=\"row\">\(parameter.name)</th><td>\(value)</td></tr>"
        }
        return """
            <h2>Parameters</h2><table class="pairs"><thead class="unseen"><tr><th scope="col">Name</th>
            <th scope="col">Value</th></tr></thead><tbody>\(rows)</tbody></table>
            """
    }

    private func outputs() throws -> HTML? {
        let (files, isPartial) = try site.outbox.outputs(of: job.uid)
        guard !files.isEmpty else {
            return job.state.isOver && job.startedAt != nil ? "<h2>Output files</h2><p>The script left none.</p>" : nil
        }
        // As it describes itself now; it may have changed since the job was submitted.
        let script = try site.scripts.script(named: job.script, for: visitor)
        let rows: [HTML] = files.map { file in
            let note: HTML? = script?.description(ofOutput: file.displayName).map { "<small>\($0)</small>" }
            let segments = [Array("files".utf8), Array("jobs".utf8), Array("\(job.id)".utf8)] + file.segments
            return """
                <li><a href="\(site.path(bytes: segments))" download>\(file.displayName)</a> \(note)
                <span>\(readableSize(file.size))</span></li>
                """
        }
        let sofar: HTML? = job.state.isOver ? nil : " so far"
        let more: HTML? = isPartial ? "<p>There are more files than can be listed here.</p>" : nil
        return #"<h2>Output files\#(sofar)</h2><ul class="downloads">\#(rows)</ul>\#(more)"#
    }

    private func log() throws -> HTML? {
        guard job.attempt > 0,
            let log = LogFile(attemptsDirectory: site.settings.attemptsDir, jobUID: job.uid, attempt: job.attempt)
        else { return nil }
        let size = log.size
        let (text, isCut) = try log.tail(limit: Self.logTail)
        let cut: HTML? = isCut ? "; here is its end" : nil
        if text.isEmpty {
            let yet: HTML = job.state.isOver ? "" : " yet"
            return #"<h2>Log</h2><p class="quiet">Nothing was written\#(yet).</p>"#
        }
        return """
            <div class="heading"><h2>Log</h2>
            <p class="quiet"><a href="\(site.path("jobs", "\(job.id)", "log"))" download>Download the log</a>
            (\(readableSize(size)))\(cut)</p></div>
            <pre class="log" id="log" tabindex="0" role="region" aria-label="Log"><code>\(text)</code></pre>
            """
    }

    private func mails() throws -> HTML? {
        let mails = try site.mails.mails(about: job.id)
        guard !mails.isEmpty else { return nil }
        let rows: [HTML] = mails.map { mail in
            let fate: HTML =
                if let sent = mail.sentAt {
                    "sent \(time(sent))"
                } else if mail.isGivenUp {
                    "given up: \(mail.lastError ?? "")"
                } else if let error = mail.lastError { "will be tried again: \(error)" } else { "on its way" }
            return "<li>\(mail.subject) – \(fate)</li>"
        }
        return "<h2>Mails to \(job.requesterEmail)</h2><ul class=\"plain\">\(rows)</ul>"
    }

    private func history() throws -> HTML {
        let rows: [HTML] = try site.jobs.events(of: job.id).map { event in
            let detail: HTML = event.detail.isEmpty ? "" : " – \(event.detail)"
            return "<li>\(time(event.at)) \(event.to.words)\(detail)</li>"
        }
        return "<details><summary>History</summary><ol class=\"plain\">\(rows)</ol></details>"
    }
}
