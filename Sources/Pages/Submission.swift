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
    private var texts: [String: String] = [:]
    private var uploads: [String: Result<InboxFile, Upload.Refusal>] = [:]
    private var open: (parameter: String, upload: Upload)?

    /// Room for the fields around the files. Bytes.
    static let slack = 2 << 20

    /// This very form has made a job.
    struct AlreadyQueued: Error {
        let job: JobID
    }

    init(site: Site, visitor: Visitor, name: String?) {
        self.site = site
        self.visitor = visitor
        script = name.flatMap(site.scripts.script(named:))
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
            if script == nil { script = site.scripts.script(named: value) }
        case .field(let name, let value):
            texts[name] = value
        case .fileBegin(let name, let fileName):
            // A file field that was left empty.
            guard !fileName.isEmpty, name.hasPrefix("upload_") else { return }
            let parameter = String(name.dropFirst("upload_".count))
            guard script?.parameters.contains(where: { $0.name == parameter && $0.kind == .input }) == true else {
                return
            }
            do {
                open = (
                    parameter,
                    try site.inbox.beginUpload(
                        named: fileName, by: visitor.user.id, most: site.settings.maxUploadBytes,
                        leavingFree: site.settings.minFreeBytes, files: site.settings.minFreeInodes)
                )
            } catch let refusal as Upload.Refusal { uploads[parameter] = .failure(refusal) }
        case .fileBytes(let bytes):
            guard let open else { return }
            do { try open.upload.write(bytes) } catch let refusal as Upload.Refusal {
                uploads[open.parameter] = .failure(refusal)
                self.open = nil
            }
        case .fileEnd:
            guard let open else { return }
            self.open = nil
            uploads[open.parameter] = .success(
                try site.inbox.keep(open.upload, for: site.settings.retention, at: site.now()))
        }
    }

    /// What the form says for each parameter, checked.
    func values(of script: Script) throws -> [FieldValue] {
        var outputs: Set<String> = []
        return try script.parameters.map { parameter in
            let text = (texts["param_\(parameter.name)"] ?? "").withPlainLineBreaks
            switch parameter.kind {
            case .text:
                return FieldValue(
                    text: text, problem: parameter.problem(with: text),
                    parameter: JobParameter(name: parameter.name, kind: .text, value: text))
            case .output:
                // One would overwrite the other.
                let isTaken = !outputs.insert(text).inserted
                return FieldValue(
                    text: text,
                    problem: parameter.problem(with: text)
                        ?? (isTaken ? "Another output has this name already; give this one a name of its own." : nil),
                    parameter: JobParameter(name: parameter.name, kind: .output, value: text))
            case .input:
                return try input(parameter, text)
            }
        }
    }

    /// Whoever chooses and uploads is asked which it shall be.
    private func input(_ parameter: Parameter, _ text: String) throws -> FieldValue {
        switch uploads[parameter.name] {
        case .success(let file):
            var value = FieldValue(choice: .own(file), named: parameter.name, isFresh: true)
            if !text.isEmpty {
                value.problem =
                    "A file was chosen and another uploaded. Now the uploaded one is chosen: submit again, "
                    + "or choose anew."
                value.parameter = nil
            }
            return value
        case .failure(let refusal): return FieldValue(text: text, problem: refusal.sentence)
        case nil: break
        }
        if text.isEmpty { return FieldValue(text: text, problem: "Choose a file, or upload one.") }
        guard let choice = try InputChoice(field: text, site.inbox, visitor.user.id) else {
            return FieldValue(
                text: "", problem: "The chosen file is not there any more. Choose another, or upload one.")
        }
        return FieldValue(choice: choice, named: parameter.name)
    }
}

extension String {
    /// The same with LF where CR LF was. Browsers send every line break of a field as CR LF, whatever the machine (WHATWG
    /// HTML, "constructing the entry list"); what was meant, and what scripts expect, is LF.
    fileprivate var withPlainLineBreaks: String {
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

/// A file that a form's list offers.
enum InputChoice {
    case own(InboxFile)
    case shared(String)

    /// From the list's value; `nil` when there is no such file (any more), or it is another's.
    init?(field: String, _ inbox: Inbox, _ user: UserID) throws {
        if field.hasPrefix("file:") {
            guard let id = FileID(text: field.dropFirst(5)), let file = try inbox.file(id, of: user) else { return nil }
            self = .own(file)
        } else if field.hasPrefix("shared:") {
            let name = String(field.dropFirst(7))
            guard inbox.hasShared(name) else { return nil }
            self = .shared(name)
        } else {
            return nil
        }
    }

    /// The list's value.
    var field: String {
        switch self {
        case .own(let file): "file:\(file.id)"
        case .shared(let name): "shared:\(name)"
        }
    }
}

/// What a form says for one parameter.
struct FieldValue {
    /// As it goes back into the form.
    var text = ""
    /// What is wrong with it.
    var problem: String?
    /// What becomes of it in the job; `nil` when something is wrong.
    var parameter: JobParameter?
    /// The name of a file that came with this very form.
    var uploaded: String?

    init(text: String = "", problem: String? = nil, parameter: JobParameter? = nil) {
        self.text = text
        self.problem = problem
        self.parameter = problem == nil ? parameter : nil
    }

    init(choice: InputChoice, named name: String, isFresh: Bool = false) {
        text = choice.field
        switch choice {
        case .own(let file):
            parameter = JobParameter(name: name, kind: .input, value: file.name, file: file.id)
            if isFresh { uploaded = file.name }
        case .shared(let shared):
            parameter = JobParameter(name: name, kind: .shared, value: shared)
        }
    }
}
