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

    func page(status: Int = 200) throws -> Response {
        let own = try site.inbox.files(of: visitor.user.id)
        let shared = try site.inbox.sharedFiles()
        let about: [HTML] = script.about.map { "<p>\($0)</p>" }
        let machine = try site.jobs.queueStanding().machine
        let excess = machine.flatMap(script.terms.needs.excess)
        let fields: [HTML] = script.parameters.enumerated().map { index, parameter in
            let value = index < values.count ? values[index] : FieldValue()
            return parameter.kind == .input
                ? input(parameter, value, index, own, shared) : text(parameter, value, index)
        }
        let hint: HTML? = site.settings.scpUser.map { user in
            """
            <p class="quiet">Large files can also be copied into the shared inbox, which everybody sees:
            <code>scp FILE \(user)@\(hostName):\(site.settings.inboxDir)/shared/</code></p>
            """
        }
        let nothing: HTML? = script.parameters.isEmpty ? "<p>This script wants no parameters.</p>" : nil
        // Who submits should know who looks on.
        let others: HTML? =
            site.settings.jobVisibility == .all && !script.parameters.isEmpty
            ? """
            <p class="quiet">Everybody who is signed in sees that you submitted this job, its values and the names of its \
            files; the files themselves, the log and the outputs are yours alone.</p>
            """ : nil
        return site.page(
            "Submit \(script.name)",
            """
            <h1>Submit \(script.name)</h1>
            \(about)\(TermsNote(site: site, terms: script.terms, machine: machine).paragraph)
            \(excess.flatMap(refusal) ?? (status == 200 ? nil : summary))
            <form class="panel" method="post" action="\(site.path("submit", script.name))" enctype="multipart/form-data">
            \(visitor.tokenField)<input type="hidden" name="nonce" value="\((nonce ?? SubmissionNonce()).field)">
            <input type="hidden" name="scriptname" value="\(script.name)">
            \(nothing)\(fields)\(others)
            <p class="actions">\(excess == nil ? "<button>Submit job</button>" : nil as HTML?)
            <a class="button quiet" href="\(site.path("submit"))">Choose another script</a></p>
            </form>\(hint)
            """, for: visitor, at: .submit, status: status)
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
        if links.bytes.isEmpty {
            return alert("Nothing was submitted yet: the form did not arrive whole. Please send it again.")
        }
        return #"<p class="problem" role="alert">Nothing was submitted yet. Please look at:\#(links).</p>"#
    }

    private func text(_ parameter: Parameter, _ value: FieldValue, _ index: Int) -> HTML {
        let name = "param_\(parameter.name)"
        let attributes: HTML = #"id="p\#(index)" name="\#(name)"\#(described(parameter, value, index))"#
        let control: HTML =
            // A one-line field would lose line breaks.
            if value.text.utf8.contains(UInt8(ascii: "\n")) {
                // The parser drops one line break after the tag.
                "<textarea \(attributes) rows=\"4\">\n\(value.text)</textarea>"
            } else if parameter.kind == .output {
                #"<input \#(attributes) value="\#(value.text)" maxlength="200" required>"#
            } else {
                #"<input \#(attributes) value="\#(value.text)">"#
            }
        let hint: HTML? = parameter.kind == .output ? " <small>name of the output file</small>" : nil
        return """
            <div class="field"><label for="p\(index)">\(parameter.name)\(hint)</label>
            \(description(parameter, index))\(control)\(problem(value, index))</div>
            """
    }

    private func input(
        _ parameter: Parameter, _ value: FieldValue, _ index: Int, _ own: [InboxFile], _ shared: [SharedFile]
    ) -> HTML {
        func option(_ choice: InputChoice, _ label: String, _ size: Int64) -> HTML {
            let mark: HTML = choice.field == value.text ? " selected" : ""
            return #"<option value="\#(choice.field)"\#(mark)>\#(label) (\#(readableSize(size)))</option>"#
        }
        let mine: [HTML] = own.map { option(.own($0), "\($0.name), \($0.createdAt.readable)", $0.size) }
        let ours: [HTML] = shared.map { option(.shared($0.name), $0.name, $0.size) }
        let groups: HTML = """
            \(mine.isEmpty ? nil : #"<optgroup label="Your files">\#(mine)</optgroup>"# as HTML)\
            \(ours.isEmpty ? nil : #"<optgroup label="Shared files">\#(ours)</optgroup>"# as HTML)
            """
        let choice: HTML? =
            own.isEmpty && shared.isEmpty
            ? nil
            : """
            <label for="p\(index)">Choose a file</label>
            <select id="p\(index)" name="param_\(parameter.name)"><option value="">– choose –</option>\(groups)</select>
            """
        // The first control of a parameter is where a link to it leads.
        let upload: HTML = choice == nil ? "p\(index)" : "u\(index)"
        let kept: HTML? = value.uploaded.map { "<p class=\"quiet\">\($0) has arrived and is in your files.</p>" }
        return """
            <fieldset class="field"\(described(parameter, value, index))><legend>\(parameter.name)</legend>
            \(description(parameter, index))\(kept)
            \(choice)<label for="\(upload)">\(choice == nil ? "Upload one" : "or upload one")</label>
            <input id="\(upload)" type="file" name="upload_\(parameter.name)">\(problem(value, index))</fieldset>
            """
    }

    private func description(_ parameter: Parameter, _ index: Int) -> HTML {
        parameter.description.isEmpty ? "" : #"<p class="help" id="d\#(index)">\#(parameter.description)</p>"#
    }

    private func problem(_ value: FieldValue, _ index: Int) -> HTML? {
        value.problem.map { #"<p class="problem" id="e\#(index)">\#($0)</p>"# }
    }

    /// Ties the control to what is said about it.
    private func described(_ parameter: Parameter, _ value: FieldValue, _ index: Int) -> HTML {
        switch (value.problem != nil, !parameter.description.isEmpty) {
        case (false, false): ""
        case (false, true): #" aria-describedby="d\#(index)""#
        case (true, false): #" aria-describedby="e\#(index)" aria-invalid="true""#
        case (true, true): #" aria-describedby="e\#(index) d\#(index)" aria-invalid="true""#
        }
    }

    /// The machine's name as users reach it.
    private var hostName: String {
        let host = site.settings.baseURL.host
        // An IPv6 address has colons of its own; in its brackets scp takes it too.
        if let bracket = host.lastIndex(of: "]") { return String(host[...bracket]) }
        return String(host.prefix { $0 != ":" })
    }
}
