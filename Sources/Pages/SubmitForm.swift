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
    /// What is chosen of the resources; `nil`: what the script says.
    var resources: ResourceChoice?
    /// Each field may have several values, which make several jobs.
    var isSeveral = false
    /// What was typed or uploaded as a table of values, and what is wrong with it.
    var table: (text: String, problem: String?) = ("", nil)
    /// What is wrong with all values together.
    var problem: String?
    /// What would come of it.
    var preview: HTML?
    var following = FollowingField()

    func page(status: Int = 200) throws -> Response {
        let own = try site.inbox.files(of: visitor.user.id)
        let shared = try site.inbox.sharedFiles()
        let results = try results()
        let about: [HTML] = script.about.map { "<p>\($0)</p>" }
        let machine = try site.jobs.queueStanding().machine
        let resources = resources ?? ResourceChoice(script.terms, on: machine)
        let excess = machine.flatMap(resources.terms.needs.excess)
        let today = Day(of: site.now())
        let fields: [HTML] = script.parameters.enumerated().compactMap { index, parameter in
            FormField(
                script: script, parameter: parameter,
                value: index < values.count
                    ? values[index] : FieldValue(text: parameter.standard?.text(on: today) ?? ""),
                index: index, own: own, shared: shared, results: results, today: today, isMarked: script.syntax >= 2,
                isSeveral: isSeveral && parameter.canVary
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
        let several: HTML? = isSeveral ? #"<input type="hidden" name="several" value="1">\#(severalNote)"# : nil
        let title = script.title ?? script.name
        return site.page(
            isSeveral ? "Submit several jobs of \(title)" : "Submit \(title)",
            """
            <h1>Submit \(title)</h1>
            \(about)\(TermsNote(site: site, terms: script.terms, machine: machine).paragraph)
            \(offer)\(excess.flatMap(refusal) ?? (status == 200 ? nil : summary(resources)))
            <form class="panel" method="post" action="\(site.path("submit", script.name))" enctype="multipart/form-data">
            \(visitor.tokenField)<input type="hidden" name="nonce" value="\((nonce ?? SubmissionNonce()).field)">
            <input type="hidden" name="scriptname" value="\(script.name)">
            \(preview)\(several)\(nothing)\(rule)\(fields)\(resources.html)\(isSeveral ? tableField : nil)
            \(try followingControl())\(others)
            \(excess == nil ? buttons(hasFields: !fields.isEmpty) : nil)
            <p><a href="\(site.path("submit"))">Choose another script</a></p>
            </form>\(hint)
            """, for: visitor, at: .submit, status: status)
    }

    /// The same for several jobs, or for one alone. Nothing is wrong with it yet.
    func turned(toSeveral isSeveral: Bool) -> SubmitForm {
        var form = self
        form.isSeveral = isSeveral
        form.values = zip(script.parameters, values).map { parameter, value in
            var value = value.unjudged
            if !isSeveral, parameter.canVary { value.keepFirst() }
            return value
        }
        return form
    }

    // MARK: What can be done

    /// The first is what a press of Enter does.
    private func buttons(hasFields: Bool) -> HTML {
        let label: HTML = preview == nil ? "Preview" : "Preview again"
        if isSeveral {
            return """
                <p class="actions"><button\(preview == nil ? nil : " class=\"quiet\"" as HTML?) name="to" value="preview">\(label)</button>
                <button class="quiet" name="to" value="single" formnovalidate>One job only</button></p>
                """
        }
        let several: HTML? =
            hasFields && site.settings.maxSweep > 1
            ? #"<button class="quiet" name="to" value="several" formnovalidate>Several values …</button>"# : nil
        return """
            <p class="actions"><button>Submit job</button>
            <button class="quiet" name="to" value="preview">\(label)</button>\(several)</p>
            """
    }

    private var severalNote: HTML {
        """
        <p>Fields may have several values here. Each combination makes a job, \(site.settings.maxSweep) at most; they have one
        page and one mail.</p>
        """
    }

    private var tableField: HTML {
        let problem: HTML? = table.problem.map { #"<p class="problem" id="table-e">\#($0)</p>"# }
        let described: HTML =
            problem == nil
            ? #" aria-describedby="table-d""# : #" aria-invalid="true" aria-describedby="table-e table-d""#
        let names = script.parameters.filter(\.canStandInATable).map(\.name).joined(separator: ",")
        return """
            <details\(table.text.isEmpty && table.problem == nil ? nil : " open" as HTML?)><summary>A job for each row of a table</summary>
            <div class="field"><label for="table">Table</label>
            <p class="help" id="table-d">As spreadsheets save it (CSV). The first line has the names of those parameters whose
            values the others tell, a job in each line. Files are called by their names. <small>\(names)</small></p>
            <textarea id="table" name="table" rows="4"\(described)>\n\(table.text)</textarea>
            <label for="table-file">or upload it</label>
            <input id="table-file" type="file" name="table_file" accept=".csv,.tsv,.txt">\(problem)</div></details>
            """
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
    private func summary(_ resources: ResourceChoice) -> HTML? {
        var links = HTML()
        for (index, value) in values.enumerated() where value.problem != nil {
            links += links.bytes.isEmpty ? " " : ", "
            links += "<a href=\"#p\(index)\">\(script.parameters[index].name)</a>"
        }
        if let resource = resources.wrong {
            links += "\(links.bytes.isEmpty ? " " : ", " as HTML)<a href=\"#\(resource.id)\">\(resource.label)</a>"
        }
        if table.problem != nil {
            links += "\(links.bytes.isEmpty ? " " : ", " as HTML)<a href=\"#table\">Table</a>"
        }
        if following.problem != nil {
            links += "\(links.bytes.isEmpty ? " " : ", " as HTML)<a href=\"#after\">Start after</a>"
        }
        if let problem { return alert("Nothing was submitted yet. \(problem)") }
        if links.bytes.isEmpty, let field = undeclared.first {
            return alert(
                "Nothing was submitted yet: the form had a field \(field) that this script does not ask for. It may have "
                    + "been changed meanwhile; please look through the form and send it again.")
        }
        if links.bytes.isEmpty {
            return alert("Nothing was submitted yet: the form did not arrive whole. Please send it again.")
        }
        return
            #"<p class="problem" role="alert" tabindex="-1" autofocus>Nothing was submitted yet. Please look at:\#(links).</p>"#
    }

    /// The machine's name as users reach it.
    private var hostName: String {
        let host = site.settings.baseURL.host
        // An IPv6 address has colons of its own; in its brackets scp takes it too.
        if let bracket = host.lastIndex(of: "]") { return String(host[...bracket]) }
        return String(host.prefix { $0 != ":" })
    }
}

extension Parameter {
    /// Secrets do not belong in tables, and nobody gives what is used of the machine.
    var canStandInATable: Bool {
        switch type {
        case .secret, .use: false
        default: true
        }
    }
}
