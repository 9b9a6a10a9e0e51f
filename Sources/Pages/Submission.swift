import Accounts
import FileStore
import JobQueue
import Linux
import Scripts
import Settings
import Storage
import Web

/// A form for a script as it arrives, field by field.
///
/// The token comes first and is checked before anything else is looked at; then the nonce, so that a form that was sent
/// before ends here without its files being read again.
struct Submission {
    let site: Site
    let visitor: Visitor
    private(set) var script: Script?
    private(set) var nonce: SubmissionNonce?
    /// The token has come and is right. A form without any field brings none.
    private(set) var isTrusted = false
    /// Each may come several times, as of a list.
    private var texts: [String: [String]] = [:]
    private var uploads: [String: [Result<InboxFile, Upload.Refusal>]] = [:]
    private var open: (parameter: String, upload: Upload)?
    /// Which button was pressed.
    private(set) var purpose = Purpose.submit
    /// What was chosen of the resources.
    private(set) var needs: [ResourceChoice.Resource: String] = [:]
    /// Fields may have several values, which make several jobs.
    private(set) var isSeveral = false
    /// The jobs that a preview has shown, if they are what is submitted now.
    private(set) var previewed: String?
    /// A table with a job in each row, as it was typed or uploaded.
    private(set) var table: [UInt8] = []
    private var isReadingTable = false
    /// Numbers of jobs to follow.
    private var after: [String] = []
    /// Fields that no form of the script has.
    private(set) var undeclared: [String] = []

    /// Room for the fields around the files. Bytes.
    static let slack = 4 << 20

    /// What the form's buttons are for. The one that submits has no name.
    enum Purpose: String {
        case submit, preview
        /// The form for several jobs, and back to the one for a single job.
        case several, single

        static let field = "to"
    }

    /// This very form has made a job.
    struct AlreadyQueued: Error {
        let job: JobID
    }

    init(site: Site, visitor: Visitor, name: String?) throws {
        self.site = site
        self.visitor = visitor
        script = try name.flatMap { try site.scripts.script(named: $0, for: visitor) }
    }

    mutating func take(_ event: MultipartEvent) throws {
        guard isTrusted else {
            guard case .field("token", let token) = event, visitor.token.accepts(formToken: token)
            else { throw RequestProblem.staleForm }
            isTrusted = true
            return
        }
        switch event {
        case .field("nonce", let value):
            nonce = SubmissionNonce(field: value)
            if let nonce, let job = try site.jobs.job(submittedWith: nonce, by: visitor.user.id) {
                throw AlreadyQueued(job: job)
            }
        case .field("scriptname", let value):
            if script == nil { script = try site.scripts.script(named: value, for: visitor) }
        case .field(Purpose.field, let value): purpose = Purpose(rawValue: value) ?? .preview
        case .field("several", _): isSeveral = site.settings.maxSweep > 1
        case .field("previewed", let value): previewed = value
        case .field("table", let value):
            if table.isEmpty { table = Array(value.utf8) }
        case .fileBegin("table_file", let name):
            isReadingTable = !name.isEmpty
            if isReadingTable { table = [] }
        case .field(FollowingField.name, let value): after.append(value)
        case .field(let name, let value):
            if let resource = ResourceChoice.Resource(field: name), let script,
                ResourceChoice.isAsked(resource, by: script)
            {
                needs[resource] = value
                return
            }
            guard let parameter = declared(name, prefix: "param_") else { return undeclared.append(name) }
            texts[parameter.name, default: []].append(value)
        case .fileBegin(let name, let fileName):
            guard let parameter = declared(name, prefix: "upload_"), parameter.type.isFile else {
                return undeclared.append(name)
            }
            // A file field that was left empty.
            guard !fileName.isEmpty else { return }
            do {
                open = (
                    parameter.name,
                    try site.inbox.beginUpload(
                        named: fileName, by: visitor.user.id, most: site.settings.maxUploadBytes,
                        leavingFree: site.settings.minFreeBytes, files: site.settings.minFreeInodes)
                )
            } catch let refusal as Upload.Refusal { uploads[parameter.name, default: []].append(.failure(refusal)) }
        case .fileBytes(let bytes) where isReadingTable:
            // One byte too many tells that it is too long.
            table += bytes.prefix(Table.longest + 1 - table.count)
        case .fileBytes(let bytes):
            guard let open else { return }
            do { try open.upload.write(bytes) } catch let refusal as Upload.Refusal {
                uploads[open.parameter, default: []].append(.failure(refusal))
                self.open = nil
            }
        case .fileEnd:
            isReadingTable = false
            guard let open else { return }
            self.open = nil
            let file = try site.inbox.keep(open.upload, for: site.settings.retention, at: site.now())
            uploads[open.parameter, default: []].append(.success(file))
        }
    }

    private func declared(_ field: String, prefix: String) -> Parameter? {
        guard field.utf8.starts(with: prefix.utf8) else { return nil }
        let name = field.utf8.dropFirst(prefix.utf8.count)
        return script?.parameters.first { $0.isGiven && $0.name.utf8.elementsEqual(name) }
    }

    /// There is more than blanks and line breaks in the field for a table.
    var hasTable: Bool { table.contains { $0 > UInt8(ascii: " ") } }

    /// What was typed for a parameter, or chosen.
    func sent(for parameter: Parameter) -> [String] { texts[parameter.name] ?? [] }

    /// What the form says for each parameter, checked. What the script does not ask for, given the other values, is empty.
    func values(of script: Script, on today: Day) throws -> [FieldValue] {
        var values = try FieldValue.settled(script) { try value(of: $0, on: today) }
        for (index, parameter) in script.parameters.enumerated() where !values[index].isAsked {
            // Whoever chooses otherwise finds it again.
            values[index].text = sent(for: parameter).joined(separator: "\n")
        }
        return values
    }

    /// The jobs that the form names to follow, besides those whose files its jobs read.
    func following(besides jobs: [[FieldValue]]) throws -> FollowingField {
        let sources = jobs.map { $0.flatMap(\.parameters).compactMap(\.source) }
        return try FollowingField(after, sources: sources, of: visitor.user.id, site.jobs)
    }

    func value(of parameter: Parameter, on today: Day) throws -> FieldValue {
        let sent = sent(for: parameter)
        switch parameter.type {
        case .file, .files: return try files(of: parameter, sent.filter { !$0.isEmpty })
        case .secret: return secret(parameter, sent.last ?? "", on: today)
        case .choices: return checked(parameter, sent.filter { !$0.isEmpty }.joined(separator: "\n"), on: today)
        default: return checked(parameter, (sent.last ?? "").withPlainLineBreaks, on: today)
        }
    }

    func checked(_ parameter: Parameter, _ text: String, on today: Day) -> FieldValue {
        let kind: JobParameter.Kind = if case .output = parameter.type, !text.isEmpty { .output } else { .text }
        return FieldValue(
            text: text, problem: parameter.problem(with: text, on: today),
            parameters: [JobParameter(name: parameter.name, kind: kind, value: text)])
    }

    /// The example's data become files of the visitor's own.
    private func takeExample(_ path: String, _ parameter: Parameter, _ value: inout FieldValue) throws {
        guard let script, let file = site.scripts.openExample(path, of: parameter, of: script) else {
            return value.refuse("The example's file is not there any more. Choose another, or upload one.")
        }
        do {
            let settings = site.settings
            let copy = try site.inbox.keepCopy(
                of: file, named: name(of: path), by: visitor.user.id, most: settings.maxUploadBytes,
                leavingFree: settings.minFreeBytes, files: settings.minFreeInodes, for: settings.retention,
                at: site.now())
            value.add(.own(copy), to: parameter, isFresh: true)
        } catch let refusal as Upload.Refusal { value.refuse(refusal.sentence) }
    }

    /// Never goes back into a form: a page is kept by browsers and shown on screens.
    private func secret(_ parameter: Parameter, _ text: String, on today: Day) -> FieldValue {
        var value = FieldValue(problem: parameter.problem(with: text, on: today))
        value.secret = text
        value.parameters = [JobParameter(name: parameter.name, kind: text.isEmpty ? .text : .secret, value: "")]
        return value
    }

    private func files(of parameter: Parameter, _ sent: [String]) throws -> FieldValue {
        var value = try given(for: parameter, sent)
        guard value.problem == nil else { return value }
        let count = value.parameters.count
        guard count > 0 else {
            if let problem = parameter.problemWhenEmpty { value.refuse(problem) }
            value.parameters = [JobParameter(name: parameter.name, kind: .text, value: "")]
            return value
        }
        if parameter.type.isList {
            if let problem = parameter.problem(withCount: count) { value.refuse(problem) }
        } else if count > 1 {
            // Whoever chooses and uploads is asked which it shall be.
            value.settleForUploaded()
        }
        return value
    }

    /// The files that were given, however many. Chosen ones first, then those that came with the form.
    func given(for parameter: Parameter, _ sent: [String]) throws -> FieldValue {
        var value = FieldValue()
        for field in sent {
            if let path = InputChoice.example(field: field) {
                try takeExample(path, parameter, &value)
                continue
            }
            if let (job, path) = ResultFile.parts(ofField: field) {
                switch try Results(site: site, user: visitor.user.id).find(job, path) {
                case .success(let file): value.add(.result(file), to: parameter)
                case .failure(let refusal): value.refuse(refusal.sentence)
                }
                continue
            }
            guard let choice = try InputChoice(field: field, site.inbox, visitor.user.id) else {
                value.refuse(
                    parameter.type.isList || isSeveral
                        ? "A chosen file is not there any more. Look at the list again."
                        : "The chosen file is not there any more. Choose another, or upload one.")
                continue
            }
            value.add(choice, to: parameter)
        }
        for upload in uploads[parameter.name] ?? [] {
            switch upload {
            case .success(let file): value.add(.own(file), to: parameter, isFresh: true)
            case .failure(let refusal): value.refuse(refusal.sentence)
            }
        }
        return value
    }
}

extension String {
    /// The same with LF where CR LF was. Browsers send every line break of a field as CR LF, whatever the machine (WHATWG
    /// HTML, "constructing the entry list"); what was meant, and what scripts expect, is LF.
    var withPlainLineBreaks: String {
        guard utf8.contains(UInt8(ascii: "\r")) else { return self }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        for byte in utf8 {
            if byte == UInt8(ascii: "\n"), bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
