import Accounts
import FileStore
import JobQueue
import Linux
import Scripts
import Settings
import Web

/// The form that a script's comments make.
struct SubmitForm {
    let site: Site
    let visitor: Visitor
    let script: Script
    /// What was filled in before, for each parameter; empty in a new form.
    var values: [FieldValue] = []
    var nonce: SubmissionNonce?
    /// Fields that came though the script does not ask for them.
    var undeclared: [String] = []

    func page(status: Int = 200) throws -> Response {
        let own = try site.inbox.files(of: visitor.user.id)
        let shared = try site.inbox.sharedFiles()
        let about: [HTML] = script.about.map { "<p>\($0)</p>" }
        let machine = try site.jobs.queueStanding().machine
        let excess = machine.flatMap(script.terms.needs.excess)
        let today = Day(of: site.now())
        let fields: [HTML] = script.parameters.enumerated().compactMap { index, parameter in
            FormField(
                script: script, parameter: parameter,
                value: index < values.count
                    ? values[index] : FieldValue(text: parameter.standard?.text(on: today) ?? ""),
                index: index, own: own, shared: shared, today: today, isMarked: script.syntax >= 2
            ).html
        }
        let hint: HTML? = site.settings.scpUser.map { user in
            """
            <p class="quiet">Large files can also be copied into the shared inbox, which everybody sees:
            <code>scp FILE \(user)@\(hostName):\(site.settings.inboxDir)/shared/</code></p>
            """
        }
        let nothing: HTML? = fields.isEmpty ? "<p>This script wants no parameters.</p>" : nil
        let isAnyOptional = script.syntax >= 2 && script.parameters.contains { $0.isOptional && $0.type != .flag }
        let rule: HTML? =
            isAnyOptional ? "<p class=\"quiet\">Everything is wanted but what is marked as optional.</p>" : nil
        // Who submits should know who looks on.
        let others: HTML? =
            site.settings.jobVisibility == .all && !fields.isEmpty
            ? """
            <p class="quiet">Everybody who is signed in sees that you submitted this job, its values and the names of its \
            files; the files themselves, the log and the outputs are yours alone.</p>
            """ : nil
        return site.page(
            "Submit \(script.title ?? script.name)",
            """
            <h1>Submit \(script.title ?? script.name)</h1>
            \(about)\(TermsNote(site: site, terms: script.terms, machine: machine).paragraph)
            \(offer)\(excess.flatMap(refusal) ?? (status == 200 ? nil : summary))
            <form class="panel" method="post" action="\(site.path("submit", script.name))" enctype="multipart/form-data">
            \(visitor.tokenField)<input type="hidden" name="nonce" value="\((nonce ?? SubmissionNonce()).field)">
            <input type="hidden" name="scriptname" value="\(script.name)">
            \(nothing)\(rule)\(fields)\(others)
            <p class="actions">\(excess == nil ? "<button>Submit job</button>" : nil as HTML?)
            <a class="button quiet" href="\(site.path("submit"))">Choose another script</a></p>
            </form>\(hint)
            """, for: visitor, at: .submit, status: status)
    }

    /// The first success needs no data of one's own.
    private var offer: HTML? {
        // Whoever has filled something in keeps it.
        guard script.example != nil, values.isEmpty else { return nil }
        let link = site.path("submit", script.name).query("example", "1")
        return #"<p><a class="button quiet" href="\#(link)">Try it with example data</a></p>"#
    }

    private func refusal(_ excess: String) -> HTML? {
        alert("\(excess) So it cannot be submitted here; please tell the admin.")
    }

    /// Why nothing was submitted, and what to look at before sending the form again.
    private var summary: HTML? {
        var links = HTML()
        for (index, value) in values.enumerated() where value.problem != nil {
            links += links.bytes.isEmpty ? " " : ", "
            links += "<a href=\"#p\(index)\">\(script.parameters[index].name)</a>"
        }
        if links.bytes.isEmpty, let field = undeclared.first {
            return alert(
                "Nothing was submitted yet: the form had a field \(field) that this script does not ask for. It may have "
                    + "been changed meanwhile; please look through the form and send it again.")
        }
        if links.bytes.isEmpty {
            return alert("Nothing was submitted yet: the form did not arrive whole. Please send it again.")
        }
        return #"<p class="problem" role="alert">Nothing was submitted yet. Please look at:\#(links).</p>"#
    }

    /// The machine's name as users reach it.
    private var hostName: String {
        let host = site.settings.baseURL.host
        // An IPv6 address has colons of its own; in its brackets scp takes it too.
        if let bracket = host.lastIndex(of: "]") { return String(host[...bracket]) }
        return String(host.prefix { $0 != ":" })
    }
}
