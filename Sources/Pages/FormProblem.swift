import Web

/// What is wrong with a form of few fields, and with which of them.
struct FormProblem {
    let sentence: String
    /// By their ids.
    let fields: [String]

    init(_ sentence: String, with fields: String...) {
        self.sentence = sentence
        self.fields = fields
    }
}

/// What is wrong with a form. It takes the focus, so that whoever does not see it hears it first.
func alert(_ sentence: String?) -> HTML? {
    sentence.map { #"<p class="problem" id="problem" role="alert" tabindex="-1" autofocus>\#($0)</p>"# }
}

/// Ties the field with this id to what is wrong with it.
func flaw(of field: String, _ problem: FormProblem?) -> HTML? {
    guard let problem, problem.fields.contains(field) else { return nil }
    return #" aria-describedby="problem" aria-invalid="true""#
}
