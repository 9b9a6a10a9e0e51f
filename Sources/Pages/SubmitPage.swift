internal import Accounts
internal import EventLog
import FileStore
import JobQueue
internal import Linux
internal import SQLite
import Scripts
internal import Settings
import Storage
public import Web

/// Where a signed-in user picks a script, fills in its form, and queues the job.
///
/// The form carries a nonce that the database holds unique, so a form sent twice queues one job. Files arrive with the
/// form and go straight into the inbox; if something else in the form is wrong, they are kept there and stay chosen.
public struct SubmitPage: Page {
    let site: Site
    public init(_ site: Site) { self.site = site }

    public mutating func respond(to request: borrowing Request) throws -> Response {
        guard let visitor = try site.visitor(request) else { return site.signIn(from: request) }
        guard request.segments.first == "submit", request.segments.count <= 2 else { throw RequestProblem.notFound }
        if request.method == .post { return try submit(request, visitor) }
        if request.segments.count == 2 {
            guard let script = try site.scripts.script(named: request.segments[1], for: visitor) else {
                throw RequestProblem.notFound
            }
            if request.query["example"] != nil, let example = script.example {
                let values = values(of: example, for: script)
                return try SubmitForm(site: site, visitor: visitor, script: script, values: values).page()
            }
            if let again = try request.query["sweep"].flatMap({ try self.again($0, script, visitor) }) { return again }
            guard let former = try request.query["from"].flatMap({ try former($0, of: script, visitor) }) else {
                return try SubmitForm(site: site, visitor: visitor, script: script).page()
            }
            var resources = ResourceChoice(script.terms, on: try site.jobs.queueStanding().machine)
            resources.take(former)
            // Whoever comes from a job that had too little.
            if let memory = request.query["need_mem"] { resources.take([.mem: memory]) }
            return try SubmitForm(
                site: site, visitor: visitor, script: script, values: try values(of: former, for: script),
                resources: resources
            ).page()
        }
        if let name = request.query["scriptname"], try site.scripts.script(named: name, for: visitor) != nil {
            return .seeOther(site.path("submit", name))
        }
        return try choice(visitor, lookingFor: request.query["q"] ?? "")
    }

    /// What the form is filled in with to try the script: the example's values, and its own where the example says nothing.
    private func values(of example: [Script.Example], for script: Script) -> [FieldValue] {
        let today = Day(of: site.now())
        return script.parameters.map { parameter in
            guard let values = example.first(where: { $0.parameter == parameter.name })?.values else {
                return FieldValue(text: parameter.standard?.text(on: today) ?? "")
            }
            switch parameter.type {
            case .file, .files: return FieldValue(text: values.map(InputChoice.exampleField).joined(separator: "\n"))
            case .flag: return FieldValue(text: values == [ValueType.yes] ? ValueType.yes : "")
            case .date where values == ["today"]: return FieldValue(text: "\(today)")
            default: return FieldValue(text: values.joined(separator: "\n"))
            }
        }
    }

    /// The form for all jobs of a sweep of the visitor's: what differs stands in the table. `nil` when there is none.
    private func again(_ id: String, _ script: Script, _ visitor: Visitor) throws -> Response? {
        guard let sweep = try SweepID(text: id).flatMap(site.jobs.sweep), sweep.requester == visitor.user.id,
            sweep.script == script.name, site.settings.maxSweep > 1
        else { return nil }
        let former = try SweepValues(of: sweep.id, site.jobs)
        guard let first = former.jobs.first else { return nil }
        var resources = ResourceChoice(script.terms, on: try site.jobs.queueStanding().machine)
        resources.take(first)
        var form = SubmitForm(site: site, visitor: visitor, script: script, values: try values(of: first, for: script))
        form.resources = resources
        form.isSeveral = true
        form.table = (former.table(for: script), nil)
        return try form.page()
    }

    /// A job of the visitor's that is to be submitted once more. `nil` when there is no such job, or it is another's or of
    /// another script.
    private func former(_ id: String, of script: Script, _ visitor: Visitor) throws -> Job? {
        guard let id = JobID(text: id), let job = try site.jobs.job(id), job.requester == visitor.user.id,
            job.script == script.name
        else { return nil }
        return job
    }

    /// What the form is filled in with to submit it: its values, and its files as far as they are still there.
    private func values(of job: Job, for script: Script) throws -> [FieldValue] {
        let former = try site.jobs.parameters(of: job.id)
        return script.parameters.map { parameter in
            let texts: [String] = former.filter { $0.name == parameter.name }.compactMap { value in
                switch value.kind {
                case .text: parameter.type.isFile ? nil : value.value
                case .output: if case .output = parameter.type { value.value } else { nil }
                case .input: parameter.type.isFile ? value.file.map { "file:\($0)" } : nil
                case .shared: parameter.type.isFile ? "shared:\(value.value)" : nil
                case .result: parameter.type.isFile ? ResultFile.field(value) : nil
                case .secret: nil
                }
            }
            return FieldValue(text: texts.joined(separator: "\n"))
        }
    }

    /// Of more scripts than these, some are looked for.
    private static let mostCards = 50

    private func choice(_ visitor: Visitor, lookingFor words: String) throws -> Response {
        let scripts = try site.scripts.scripts(for: visitor)
        let found = words.isEmpty ? scripts : scripts.found(by: words)
        let shown = found.prefix(Self.mostCards)
        let cards: [HTML] = shown.map { script in
            let about: [HTML] = script.about.map { "<p>\($0)</p>" }
            let names = script.parameters.filter(\.isGiven).map(\.name).joined(separator: ", ")
            let wants: HTML = names.isEmpty ? "" : "<p class=\"quiet\">Needs: \(names)</p>"
            let tags: HTML? =
                script.tags.isEmpty ? nil : "<p class=\"quiet\">\(script.tags.joined(separator: " · "))</p>"
            return """
                <li><h2><a href="\(site.path("submit", script.name))">\(script.title ?? script.name)</a></h2>\
                \(about)\(wants)\(tags)</li>
                """
        }
        let search: HTML? =
            scripts.count > Self.fewCards || !words.isEmpty
            ? """
            <form class="filter" method="get" action="\(site.path("submit"))" role="search">
            <p class="field"><label for="q">Look for</label>
            <input id="q" name="q" type="search" value="\(words)"></p><button>Find</button></form>
            """ : nil
        let list: HTML
        if scripts.isEmpty {
            list = #"<p class="empty">There are no scripts yet. The administrator puts them into script_dir.</p>"#
        } else if found.isEmpty {
            list = #"<p class="empty">No script is called so, or is about that.</p>"#
        } else {
            list = "<ul class=\"cards\">\(cards)</ul>"
        }
        let rest: HTML? =
            found.count > shown.count
            ? "<p class=\"quiet\">\(shown.count) of \(found.count) scripts are shown. Look for the one that you want.</p>"
            : nil
        return site.page(
            "Submit a job", "<h1>Choose a script</h1>\(search)\(list)\(rest)", for: visitor, at: .submit)
    }

    /// So few are seen at a glance.
    private static let fewCards = 12

    private func submit(_ request: borrowing Request, _ visitor: Visitor) throws -> Response {
        var submission = try Submission(
            site: site, visitor: visitor, name: request.segments.count == 2 ? request.segments[1] : nil)
        let most = Int(site.settings.maxUploadBytes) + Submission.slack
        do {
            try request.multipart(mostBytes: most) { try submission.take($0) }
        } catch let known as Submission.AlreadyQueued {
            return .seeOther(try page(of: known.job))
        }
        guard submission.isTrusted else { throw RequestProblem.staleForm }
        guard let script = submission.script else {
            throw RequestProblem(
                status: 404, sentence: "This script is not offered any more. Choose another from the list.")
        }
        do {
            return try queue(submission, script, request, visitor)
        } catch let error as SQLiteError where error.isForeignKeyViolation {
            // A chosen file was deleted between the look at the form and the commit: now the form says so.
            return try queue(submission, script, request, visitor)
        } catch is CannotFollow {
            // The same of a job to follow: it has ended or gone in between.
            return try queue(submission, script, request, visitor)
        }
    }

    /// Queues the job, or jobs, if everything in the form will do; else, and for a preview, shows it again.
    private func queue(
        _ submission: Submission, _ script: Script, _ request: borrowing Request, _ visitor: Visitor
    ) throws -> Response {
        let (settings, today) = (site.settings, Day(of: site.now()))
        // A long upload may have come since the script was read.
        guard let script = try site.scripts.script(named: script.name, for: visitor),
            let (content, hash) = site.scripts.snapshot(of: script)
        else {
            throw RequestProblem(status: 422, sentence: "This script cannot be read any more. Please tell the admin.")
        }
        let machine = try site.jobs.queueStanding().machine
        var resources = ResourceChoice(script.terms, on: machine)
        resources.take(submission.needs)
        var form = SubmitForm(site: site, visitor: visitor, script: script, nonce: submission.nonce)
        form.resources = resources
        form.isSeveral = submission.isSeveral
        form.undeclared = submission.undeclared

        let jobs: [[FieldValue]]
        var seal: String?
        var isRight = submission.nonce != nil && submission.undeclared.isEmpty && resources.isRight
        if submission.isSeveral {
            let variations = try Variations(submission, of: script, upTo: settings.maxSweep, on: today)
            form.values = variations.fields
            form.table = (
                String(decoding: submission.table.prefix(Table.longest), as: UTF8.self), variations.tableProblem
            )
            form.problem = variations.problem
            jobs = variations.jobs
            form.following = try submission.following(besides: jobs)
            seal = variations.seal(resources.terms, after: form.following.jobs)
            isRight = isRight && variations.isRight
        } else {
            form.values = try submission.values(of: script, on: today)
            jobs = [form.values]
            form.following = try submission.following(besides: jobs)
            isRight = isRight && form.values.allSatisfy { $0.problem == nil }
        }
        switch submission.purpose {
        case .several: return try form.turned(toSeveral: settings.maxSweep > 1).page()
        case .single: return try form.turned(toSeveral: false).page()
        case .preview, .submit: break
        }
        if let problem = Self.excess(in: jobs, of: script) { form.problem = form.problem ?? problem }
        guard isRight, form.problem == nil, form.following.problem == nil, let nonce = submission.nonce,
            machine.flatMap(resources.terms.needs.excess) == nil
        else { return try form.page(status: 422) }
        // Several jobs are looked at before they are many.
        guard submission.purpose == .submit, seal == submission.previewed || jobs.count == 1 else {
            form.preview = try Preview(
                site: site, visitor: visitor, script: script, terms: resources.terms, jobs: jobs, copy: hash,
                machine: machine, awaited: form.following.awaited, seal: seal
            ).html()
            return try form.page()
        }
        let job = try submit(
            jobs, of: script, content, resources.terms, after: form.following.jobs, nonce, by: visitor)
        site.log.note(
            "job-submitted",
            [
                "request": request.reference, "job": "\(job)", "user": "\(visitor.user.id)", "script": script.name,
                "jobs": "\(jobs.count)",
            ])
        return .seeOther(try page(of: job).query("note", "submitted"))
    }

    /// Queues jobs of these values, which are right.
    ///
    /// - Returns: the first.
    /// - Throws: ``CannotFollow``, or what the stores throw.
    private func submit(
        _ jobs: [[FieldValue]], of script: Script, _ content: [UInt8], _ terms: Terms, after followed: [JobID],
        _ nonce: SubmissionNonce, by visitor: Visitor
    ) throws -> JobID {
        var terms = terms
        terms.timeLimit = terms.timeLimit ?? site.settings.defaultTimeLimit
        let parameters = try jobs.map { try self.parameters(of: script, $0) }
        func forgetSecrets() {
            for given in parameters.joined() where given.kind == .secret { site.secrets.forget(given.value) }
        }
        let result: JobStore.Submission
        do {
            result = try site.database.write {
                try Results(site: site, user: visitor.user.id).ensure(parameters.joined())
                return try site.jobs.submit(
                    script: script.name, content: content, sweep: parameters, terms: terms, after: followed,
                    by: visitor.user.id, nonce: nonce, at: site.now())
            }
        } catch let refusal as CannotFollow {
            // There is no job. After other errors it might be in the queue all the same.
            forgetSecrets()
            throw refusal
        }
        // The job has its own.
        if case .already = result { forgetSecrets() }
        // Only now: the commit is on the disk.
        site.doorbell.ring()
        return result.job
    }

    /// A job's page, or that of its sweep.
    private func page(of job: JobID) throws -> Path {
        guard let sweep = try site.jobs.job(job)?.sweep else { return site.path("jobs", "\(job)") }
        return site.path("jobs", "sweeps", "\(sweep)")
    }

    /// What a job of these values is given. Its secrets are kept for it alone.
    private func parameters(of script: Script, _ values: [FieldValue]) throws -> [JobParameter] {
        var parameters: [JobParameter] = []
        for (parameter, value) in zip(script.parameters, values) where parameter.isGiven {
            parameters += try value.parameters.map { given in
                guard given.kind == .secret, let secret = value.secret else { return given }
                return JobParameter(name: given.name, kind: .secret, value: try site.secrets.keep(secret))
            }
        }
        return parameters
    }

    /// All arguments and variables of a program together hold 2 MiB (execve(2)). By `@syntax 2` each value is one of both,
    /// and the environment, the paths of files and the rest take some more. Bytes.
    private static let mostOfAllValues = 900_000

    private static func excess(in jobs: [[FieldValue]], of script: Script) -> String? {
        // Without variables they fit, however much a form may hold.
        guard script.syntax >= 2 else { return nil }
        let size = jobs.map { $0.reduce(0) { $0 + $1.given.utf8.count } }.max() ?? 0
        guard size > mostOfAllValues else { return nil }
        return
            "All values of a job together are longer than \(mostOfAllValues) bytes; put some of them into a file and "
            + "upload that."
    }
}
