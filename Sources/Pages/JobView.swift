import Accounts
import FileStore
import JobQueue
import Linux
import Mail
import Settings
internal import Storage
import Web

/// One job: everything about it for its requester, the outline for others.
struct JobView {
    let site: Site
    let visitor: Visitor
    let job: Job
    private var isOwn: Bool { job.requester == visitor.user.id }

    /// The end of the log that the page shows. The whole is a download. Bytes.
    static let logTail = 16_384

    init(site: Site, visitor: Visitor, job: Job) {
        self.site = site
        self.visitor = visitor
        self.job = job
    }

    func page(note: String?) throws -> Response {
        let now = site.now()
        let done: String? =
            switch note {
            case "submitted": "Your job is in the queue. You get a mail when it starts and when it ends."
            case "stopping" where !job.state.isOver: "The job is being stopped."
            case "over": "The job was over already."
            default: nil
            }
        return site.page(
            "Job #\(job.id)",
            """
            <h1>Job #\(job.id.number) \(badge(job.state))</h1>
            \(done.map { #"<p class="done" role="status">\#($0)</p>"# as HTML })
            \(job.reason.map { "<p class=\"reason\">\($0)</p>" as HTML })
            \(cancelForm)
            <dl class="facts">
            \(fact("Script", "\(job.script)"))\(fact("Requester", "\(job.requesterEmail)"))
            \(fact("Requested", time(job.queuedAt)))\(fact("Started", time(job.startedAt)))
            \(fact("Completed", time(job.endedAt)))\(fact("Duration", "\(duration(of: job, now))"))
            \(exitStatus)\(job.expiresAt.map { fact("Expires", time($0)) })
            </dl>
            \(try parameters())
            \(isOwn ? try outputs() : nil)\(isOwn ? try log() : nil)\(isOwn ? try mails() : nil)
            \(try history())
            """, for: visitor, at: .jobs, isLive: !job.state.isOver)
    }

    private func fact(_ name: String, _ value: HTML) -> HTML { "<div><dt>\(name)</dt><dd>\(value)</dd></div>" }

    private var exitStatus: HTML? {
        if let code = job.exitCode { return fact("Exit status", "\(code)") }
        if let signal = job.signal { return fact("Ended by signal", "\(signal) (\(signalName(signal)))") }
        return job.state.isOver && job.startedAt != nil ? fact("Exit status", "unknown") : nil
    }

    private var cancelForm: HTML? {
        guard isOwn, !job.state.isOver else { return nil }
        guard job.stopRequestedAt == nil else { return "<p>It has been asked to stop.</p>" }
        return """
            <form method="post" action="\(site.path("jobs", "\(job.id)", "cancel"))">\(visitor.tokenField)
            <p><button class="danger">Cancel this job</button></p></form>
            """
    }

    private func parameters() throws -> HTML {
        let parameters = try site.jobs.parameters(of: job.id)
        guard !parameters.isEmpty else { return "" }
        let rows: [HTML] = parameters.map { parameter in
            let value: HTML =
                switch parameter.kind {
                case .input where isOwn && parameter.file != nil:
                    #"<a href="\#(site.path("files", "inbox", "\(parameter.file!)"))">\#(parameter.value)</a>"#
                case .input where parameter.file == nil: "\(parameter.value) <small>(removed since)</small>"
                case .shared: "\(parameter.value) <small>(shared file)</small>"
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
        let rows: [HTML] = files.map { file in
            let segments = [Array("files".utf8), Array("jobs".utf8), Array("\(job.id)".utf8)] + file.segments
            return """
                <tr><th scope="row"><a href="\(site.path(bytes: segments))" download>\(file.displayName)</a></th>
                <td>\(readableSize(file.size))</td></tr>
                """
        }
        let more: HTML? = isPartial ? "<p>There are more files than can be listed here.</p>" : nil
        return """
            <h2>Output files</h2><table class="pairs"><thead><tr><th scope="col">File</th><th scope="col">Size</th></tr></thead>
            <tbody>\(rows)</tbody></table>\(more)
            """
    }

    private func log() throws -> HTML? {
        guard job.attempt > 0,
            let log = LogFile(attemptsDirectory: site.settings.attemptsDir, jobUID: job.uid, attempt: job.attempt)
        else { return nil }
        let size = log.size
        let (text, isCut) = try log.tail(limit: Self.logTail)
        let cut: HTML? = isCut ? "<p class=\"quiet\">Only the end is shown.</p>" : nil
        return """
            <h2>Log</h2>
            <p><a href="\(site.path("jobs", "\(job.id)", "log"))" download>Download the log</a> (\(readableSize(size)))</p>\(cut)
            <pre class="log" tabindex="0" role="region" aria-label="Log">\(text.isEmpty ? "Nothing was written yet." : text)</pre>
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
        return "<h2>Mails to \(job.requesterEmail)</h2><ul>\(rows)</ul>"
    }

    private func history() throws -> HTML {
        let rows: [HTML] = try site.jobs.events(of: job.id).map { event in
            let detail: HTML = event.detail.isEmpty ? "" : " – \(event.detail)"
            return "<li>\(time(event.at)) \(event.to.words)\(detail)</li>"
        }
        return "<details><summary>History</summary><ol class=\"history\">\(rows)</ol></details>"
    }
}
