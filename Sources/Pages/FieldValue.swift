import FileStore
import JobQueue
import Scripts

/// What a form says for one parameter.
struct FieldValue {
    /// As it goes back into the form; of a list the items with line breaks between.
    var text = ""
    /// What is wrong with it.
    private(set) var problem: String?
    /// What becomes of it in the job, if nothing is wrong: several files are several parameters of the same name.
    var parameters: [JobParameter] = []
    /// What was typed that is shown to nobody; `nil` for other kinds.
    var secret: String?
    /// The names of files that came with this very form.
    private(set) var uploaded: [String] = []

    /// The script asks for it, given the other values.
    private(set) var isAsked = true

    init(text: String = "", problem: String? = nil, parameters: [JobParameter] = [], isAsked: Bool = true) {
        self.text = text
        self.problem = problem
        self.parameters = parameters
        self.isAsked = isAsked
    }

    /// What comes of each parameter. What the script does not ask for, given the other values, is empty.
    ///
    /// - Parameter value: of a parameter that is asked for.
    static func settled(_ script: Script, _ value: (Parameter) throws -> FieldValue) rethrows -> [FieldValue] {
        var outputs: Set<String> = []
        var values: [String: FieldValue] = [:]
        let asked = try script.asked { parameter in
            let value = try value(parameter)
            values[parameter.name] = value
            return value.given
        }
        return zip(script.parameters, asked).map { parameter, isAsked in
            guard isAsked, var value = values[parameter.name] else {
                return FieldValue(
                    parameters: [JobParameter(name: parameter.name, kind: .text, value: "")], isAsked: false)
            }
            if case .output = parameter.type, !value.text.isEmpty, !outputs.insert(value.text).inserted {
                // One would overwrite the other.
                value.refuse("Another output has this name already; give this one a name of its own.")
            }
            return value
        }
    }

    /// The same without what is wrong with it, for a form that nobody has sent yet.
    var unjudged: FieldValue {
        var value = self
        value.problem = nil
        return value
    }

    /// Of several values, the first alone.
    mutating func keepFirst() {
        text = text.utf8.split(separator: UInt8(ascii: "\n")).first.map { String(Substring($0)) } ?? ""
    }

    /// As the script would get it, but for the folders of files.
    var given: String { secret ?? parameters.map(\.words).joined(separator: "\n") }

    var isSecretGiven: Bool { secret.map { !$0.isEmpty } ?? false }

    /// The first problem is the one to be told.
    mutating func refuse(_ problem: String) { self.problem = self.problem ?? problem }

    mutating func add(_ choice: InputChoice, to parameter: Parameter, isFresh: Bool = false) {
        text += (text.isEmpty ? "" : "\n") + choice.field
        if let problem = parameter.problem(with: choice) { refuse(problem) }
        switch choice {
        case .own(let file):
            parameters.append(JobParameter(name: parameter.name, kind: .input, value: file.name, file: file.id))
            if isFresh { uploaded.append(file.name) }
        case .shared(let file):
            parameters.append(JobParameter(name: parameter.name, kind: .shared, value: file.name))
        case .result(let file):
            parameters.append(
                JobParameter(name: parameter.name, kind: .result, value: file.path, source: file.job))
        }
    }

    /// Of two files that were given the one that was uploaded shall be chosen in the form that comes back.
    mutating func settleForUploaded() {
        text = text.utf8.split(separator: UInt8(ascii: "\n")).last.map { String(Substring($0)) } ?? ""
        refuse(
            "A file was chosen and another uploaded. Now the uploaded one is chosen: submit again, or choose anew.")
    }
}
