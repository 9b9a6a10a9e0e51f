import FileStore
import Linux
import Scripts
import Web

/// One parameter in the form of its script: label, help, control, and what is wrong with it.
struct FormField {
    let script: Script
    let parameter: Parameter
    let value: FieldValue
    /// Its place in the form, from 0.
    let index: Int
    /// The files that can be chosen.
    let own: [InboxFile]
    let shared: [SharedFile]
    let results: [ResultFile]
    let today: Day
    /// The original form says nothing of what is optional.
    let isMarked: Bool
    /// Each of several values makes a job of its own.
    let isSeveral: Bool

    var html: HTML? {
        switch parameter.type {
        case .use: return nil
        case .flag where isSeveral:
            return group([
                checkbox(ValueType.Choice(value: ValueType.yes, label: "with"), 0),
                checkbox(ValueType.Choice(value: "no", label: "without"), 1),
            ])
        case .choice(let choices) where isSeveral:
            return group(choices.enumerated().map { offset, choice in checkbox(choice, offset) })
        case .flag: return flag
        case .choices(let choices, _):
            return group(choices.enumerated().map { offset, choice in checkbox(choice, offset) })
        case .file, .files: return group(files)
        default: return single
        }
    }

    // MARK: Around the control

    /// A field with one control.
    private var single: HTML {
        """
        <div class="field"\(dependence)><label for="p\(index)">\(parameter.name)\(mark)</label>
        \(help)\(control)\(problem)</div>
        """
    }

    private func group(_ controls: [HTML]) -> HTML {
        """
        <fieldset class="field"\(dependence)\(describedBy(places))><legend>\(parameter.name)\(mark)\(need)</legend>
        \(help)\(controls)\(problem)</fieldset>
        """
    }

    private var mark: HTML? {
        if case .output = parameter.type, !isMarked { return " <small>name of the output file</small>" }
        return isMarked && parameter.isOptional && parameter.type != .flag ? " <small>optional</small>" : nil
    }

    /// A group as a whole cannot be required, so this is said to who hears its name.
    private var need: HTML? { isRequired ? #" <span class="unseen">required</span>"# : nil }

    /// What the author says of it, and what will do.
    private var help: HTML? {
        let condition: HTML? = parameter.condition.map {
            "<small>\(words(for: $0))</small>"
        }
        // The original form says nothing but what its author does.
        let sentence = [isMarked ? parameter.type.sentence(on: today) : nil, variation].compactMap(\.self)
            .joined(separator: " ")
        let rule: HTML? = sentence.isEmpty ? nil : "<small>\(sentence)</small>"
        let description: HTML? = parameter.description.isEmpty ? nil : "\(parameter.description)"
        let parts = [description, rule, condition, again].compactMap(\.self)
        guard let first = parts.first else { return nil }
        let all = parts.dropFirst().reduce(first) { "\($0) \($1)" as HTML }
        return #"<p class="help" id="d\#(index)">\#(all)</p>"#
    }

    /// A secret goes back on no page, so whoever only looks at what comes of the form would lose it unawares.
    private var again: HTML? {
        value.isSecretGiven ? "<strong>It is shown on no page, so type it once more.</strong>" : nil
    }

    /// How several values are given.
    private var variation: String? {
        guard isSeveral else { return nil }
        switch parameter.type {
        case .int: return "One or more, with blanks between, and ranges such as 1..10."
        case .float: return "One or more, with blanks between, and ranges such as 0..1 step 0.25."
        case .date: return "One or more, with blanks between, and ranges such as 2026-03-01..2026-03-07."
        case .flag, .choice: return "One or more."
        case .file: return "Each file makes a job."
        default: return "One in each line."
        }
    }

    private func words(for condition: Parameter.Condition) -> String {
        guard let other = script.parameters.first(where: { $0.name == condition.parameter }) else { return "" }
        switch other.type {
        case .flag: return "Only \(condition.values == [ValueType.yes] ? "with" : "without") \(other.name)."
        case .choice(let choices), .choices(let choices, _):
            let labels = condition.values.map { value in choices.first { $0.value == value }?.label ?? value }
            return "Only if \(other.name) is \(labels.joined(separator: " or "))."
        default: return ""
        }
    }

    private var problem: HTML? { value.problem.map { #"<p class="problem" id="e\#(index)">\#($0)</p>"# } }

    /// Where something is said about it.
    private var places: [String] {
        [value.problem == nil ? nil : "e\(index)", help == nil ? nil : "d\(index)"].compactMap(\.self)
    }

    private func describedBy(_ places: [String]) -> HTML? {
        places.isEmpty ? nil : #" aria-describedby="\#(places.joined(separator: " "))""#
    }

    /// Ties the only control to what is said about it.
    private var described: HTML { "\(describedBy(places))\(flaw)" }

    /// Ties one control of several to what is wrong; the group tells the rest.
    private var describedInGroup: HTML { "\(value.problem == nil ? nil : describedBy(["e\(index)"]))\(flaw)" }

    private var flaw: HTML? { value.problem == nil ? nil : #" aria-invalid="true""# }

    /// For the script of the page, which shows the field only when it is asked for.
    private var dependence: HTML? {
        parameter.condition.map { condition in
            #" data-when="param_\#(condition.parameter)" data-is="\#(condition.values.joined(separator: "\n"))""#
        }
    }

    // MARK: Controls

    private var attributes: HTML {
        #"id="p\#(index)" name="param_\#(parameter.name)"\#(described)\#(required)"#
    }

    /// What browsers insist on themselves; if it is not always asked for, only once the page's script knows that it is. Of
    /// several jobs, a table may tell it.
    private var required: HTML? {
        guard isRequired, !isSeveral || !parameter.canStandInATable else { return nil }
        return parameter.condition == nil ? " required" : " data-required"
    }

    private var isRequired: Bool { parameter.type != .plain && !parameter.isOptional }

    private var control: HTML {
        switch parameter.type {
        case _ where isSeveral: return area(rows: 3)
        case .lines: return area(rows: 6)
        case .int(let range):
            return input("number", extra: #" step="1"\#(bounds(range.lowerBound, range.upperBound, .min, .max))"#)
        case .float(let range):
            return input(
                "number", extra: #" step="any"\#(bounds(range.lowerBound, range.upperBound, -.infinity, .infinity))"#)
        case .choice(let choices): return choice(choices)
        case .date(let range):
            let first: HTML? = range.first.map { #" min="\#($0.day(on: today).description)""# }
            let last: HTML? = range.last.map { #" max="\#($0.day(on: today).description)""# }
            return input("date", extra: "\(first)\(last)")
        case .email: return input("email")
        case .secret: return #"<input type="password" autocomplete="off" \#(attributes)>"#
        case .output: return input("text", extra: #" maxlength="200""#)
        default:
            // A one-line field would lose line breaks.
            return value.text.utf8.contains(UInt8(ascii: "\n")) ? area(rows: 4) : input("text")
        }
    }

    /// Browsers send nothing of what they do not take for a number or a day, so what is none goes back as a text.
    private func input(_ type: HTML, extra: HTML = "") -> HTML {
        let isKept = value.problem == nil || value.text.isEmpty
        switch parameter.type {
        case .int, .float, .date:
            if !isKept { return #"<input type="text" \#(attributes) value="\#(value.text)">"# }
        default: break
        }
        return #"<input type="\#(type)" \#(attributes) value="\#(value.text)"\#(extra)>"#
    }

    /// The parser drops one line break after the tag.
    private func area(rows: Int) -> HTML { "<textarea \(attributes) rows=\"\(rows)\">\n\(value.text)</textarea>" }

    private func bounds<Number: Comparable>(_ first: Number, _ last: Number, _ least: Number, _ most: Number) -> HTML {
        let min: HTML? = first > least ? #" min="\#("\(first)")""# : nil
        let max: HTML? = last < most ? #" max="\#("\(last)")""# : nil
        return "\(min)\(max)"
    }

    private func choice(_ choices: [ValueType.Choice]) -> HTML {
        let options: [HTML] = choices.map { choice in
            let mark: HTML? = choice.value == value.text ? " selected" : nil
            return #"<option value="\#(choice.value)"\#(mark)>\#(choice.label)</option>"#
        }
        // Nothing is chosen by accident.
        let none: HTML =
            parameter.isOptional ? "<option value=\"\">– none –</option>" : "<option value=\"\">– choose –</option>"
        return "<select \(attributes)>\(none)\(options)</select>"
    }

    private var items: [String] { ValueType.items(of: value.text) }

    private func checkbox(_ choice: ValueType.Choice, _ offset: Int) -> HTML {
        let mark: HTML? = items.contains(choice.value) ? " checked" : nil
        // The first control of a parameter is where a link to it leads.
        let id: HTML = offset == 0 ? "p\(index)" : "p\(index)-\(offset)"
        return """
            <label class="check" for="\(id)"><input id="\(id)" type="checkbox" name="param_\(parameter.name)" \
            value="\(choice.value)"\(describedInGroup)\(mark)> \(choice.label)</label>
            """
    }

    private var flag: HTML {
        let mark: HTML? = value.text.isEmpty ? nil : " checked"
        return """
            <div class="field"\(dependence)><label class="check" for="p\(index)"><input id="p\(index)" type="checkbox" \
            name="param_\(parameter.name)" value="\(ValueType.yes)"\(described)\(mark)> \(parameter.name)</label>
            \(help)\(problem)</div>
            """
    }

    // MARK: Files

    private static let coming: HTML = """
        <small>With a file of a job that is not over yet, this job starts once that one has succeeded, and is cancelled if it \
        does not.</small>
        """

    private var files: [HTML] {
        let isSeveral = isSeveral || parameter.type.isList
        func option(_ choice: InputChoice) -> HTML {
            let label =
                switch choice {
                case .own(let file): "\(file.name), \(file.createdAt.readable)"
                case .shared(let file): file.name
                case .result(let file): "\(file.path), job #\(file.job)"
                }
            let size = choice.size.map(readableSize) ?? "once that has succeeded"
            let mark: HTML? = items.contains(choice.field) ? " selected" : nil
            return #"<option value="\#(choice.field)"\#(mark)>\#(label) (\#(size))</option>"#
        }
        func group(_ label: String, _ choices: [InputChoice]) -> HTML? {
            choices.isEmpty ? nil : #"<optgroup label="\#(label)">\#(choices.map(option))</optgroup>"#
        }
        func canBeChosen(_ choice: InputChoice) -> Bool {
            parameter.problem(with: choice) == nil || items.contains(choice.field)
        }
        var mine = own.map(InputChoice.own).filter(canBeChosen)
        var ours = shared.map(InputChoice.shared).filter(canBeChosen)
        var left = results.map(InputChoice.result).filter(canBeChosen)
        let isAnyComing = left.contains { $0.size == nil }
        // Of several files the order counts, and browsers send them in the order of the list.
        let chosen = isSeveral ? items.compactMap { item in (mine + left + ours).first { $0.field == item } } : []
        if isSeveral {
            mine.removeAll { items.contains($0.field) }
            ours.removeAll { items.contains($0.field) }
            left.removeAll { items.contains($0.field) }
        }
        let examples: [HTML] =
            (script.example?.first { $0.parameter == parameter.name }?.values ?? []).map { path in
                let field = InputChoice.exampleField(path)
                let mark: HTML? = items.contains(field) ? " selected" : nil
                return #"<option value="\#(field)"\#(mark)>\#(path)</option>"#
            }
        let trial: HTML? = examples.isEmpty ? nil : #"<optgroup label="Example data">\#(examples)</optgroup>"#
        let groups: HTML =
            """
            \(group("Chosen", chosen))\(group("Your files", mine))\(group("Outputs of your jobs", left))\
            \(group("Shared files", ours))\(trial)
            """
        let count = chosen.count + mine.count + left.count + ours.count + examples.count
        let hasChoice = count > 0
        let none: HTML? = isSeveral ? nil : "<option value=\"\">– choose –</option>"
        let several: HTML? = isSeveral ? " multiple size=\"\(min(8, count + 2))\"" : nil
        let choice: HTML? =
            hasChoice
            ? """
            <label for="p\(index)">\(isSeveral ? "Choose files" : "Choose a file")</label>
            <select id="p\(index)" name="param_\(parameter.name)"\(describedInGroup)\(several)>\(none)\(groups)</select>\
            \(isAnyComing ? Self.coming : nil)
            """ : nil
        // The first control of a parameter is where a link to it leads.
        let upload: HTML = hasChoice ? "u\(index)" : "p\(index)"
        let names = value.uploaded
        let kept: HTML? =
            names.isEmpty
            ? nil
            : """
            <p class="quiet">\(names.joined(separator: ", ")) \(names.count == 1 ? "has" : "have") arrived and \
            \(names.count == 1 ? "is" : "are") in your files.</p>
            """
        let offer: HTML
        switch (hasChoice, isSeveral) {
        case (false, false): offer = "Upload one"
        case (false, true): offer = "Upload some"
        case (true, false): offer = "or upload one"
        case (true, true): offer = "and upload more"
        }
        let many: HTML? = isSeveral ? " multiple" : nil
        // Where there is a choice, either will do.
        let must = hasChoice ? nil : required
        return [
            """
            \(kept)\(choice)<label for="\(upload)">\(offer)</label>
            <input id="\(upload)" type="file" name="upload_\(parameter.name)"\(describedInGroup)\(must)\(many)\(accept)>
            """
        ]
    }

    private var accept: HTML? {
        let endings: [String] =
            switch parameter.type {
            case .file(let rule), .files(let rule, _): rule.endings
            default: []
            }
        return endings.isEmpty ? nil : #" accept="\#(endings.joined(separator: ","))""#
    }
}
