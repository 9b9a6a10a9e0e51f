import JobQueue
import Linux
import Scripts
import Web

/// What whoever submits chooses of the resources, where the script leaves a choice and the machine has it.
struct ResourceChoice {
    /// With what is chosen.
    private(set) var terms: Terms
    private var problems: [Resource: String] = [:]
    /// What came that will not do goes back into the form.
    private var sent: [Resource: String] = [:]

    /// One of the resources. Its field in the form is called `need_` and its name in `@needs`.
    enum Resource: String, CaseIterable {
        case cpus, mem, time

        var label: String {
            switch self {
            case .cpus: "CPUs"
            case .mem: "Memory"
            case .time: "Time limit"
            }
        }

        static let prefix = "need_"
        var field: String { Self.prefix + rawValue }
        /// The control's place in the form.
        var id: String { "n-\(rawValue)" }

        init?(field: String) {
            guard field.utf8.starts(with: Self.prefix.utf8),
                let known = Resource(rawValue: String(Substring(field.utf8.dropFirst(Self.prefix.utf8.count))))
            else { return nil }
            self = known
        }
    }

    /// What the form starts with. Beyond what the machine has there is nothing to choose.
    init(_ terms: Terms, on machine: Machine?) {
        self.terms = terms
        guard let machine else { return }
        if let range = terms.leeway.cpus, range.lowerBound <= machine.cpus {
            self.terms.leeway.cpus = range.clamped(to: 1...machine.cpus)
            self.terms.needs.cpus = min(terms.needs.cpus ?? machine.cpus, machine.cpus)
        }
        if let range = terms.leeway.memory, range.lowerBound <= machine.memory {
            self.terms.leeway.memory = range.clamped(to: 1...machine.memory)
            self.terms.needs.memory = min(terms.needs.memory ?? machine.memory, machine.memory)
        }
    }

    /// Where the script leaves no choice, no form has such a field.
    static func isAsked(_ resource: Resource, by script: Script) -> Bool {
        switch resource {
        case .cpus: script.terms.leeway.cpus != nil
        case .mem: script.terms.leeway.memory != nil
        case .time: script.terms.leeway.time != nil
        }
    }

    var isRight: Bool { problems.isEmpty }

    /// The first that will not do, for a link to it.
    var wrong: Resource? { Resource.allCases.first { problems[$0] != nil } }

    /// Takes what a form says.
    mutating func take(_ sent: [Resource: String]) {
        for (resource, text) in sent {
            if takes(text, for: resource) { continue }
            self.sent[resource] = text
            problems[resource] = "Choose \(bounds(of: resource) ?? "what the form offers")."
        }
    }

    /// Takes what a former job had, as far as it may be had again.
    mutating func take(_ former: Job) {
        let limit = former.timeLimit.map { String($0.milliseconds / 1000) }
        for (resource, amount) in [
            (Resource.cpus, former.needs.cpus.map { String($0) }), (.mem, former.needs.memory.map { String($0) }),
            (.time, limit),
        ] {
            if let amount { _ = takes(amount, for: resource) }
        }
    }

    /// Takes a value if it will do.
    private mutating func takes(_ text: String, for resource: Resource) -> Bool {
        switch resource {
        case .cpus:
            guard let range = terms.leeway.cpus, let cpus = Int(text), range.contains(cpus) else { return false }
            terms.needs.cpus = cpus
        case .mem:
            guard let range = terms.leeway.memory, let memory = size(written: text), range.contains(memory)
            else { return false }
            terms.needs.memory = memory
        case .time:
            guard let range = terms.leeway.time, let time = Instant.Span(written: text), range.contains(time)
            else { return false }
            terms.timeLimit = time
        }
        return true
    }

    private func bounds(of resource: Resource) -> String? {
        switch resource {
        case .cpus: terms.leeway.cpus.map { "from \($0.lowerBound) to \($0.upperBound)" }
        case .mem:
            terms.leeway.memory.map { "from \(readableMemory($0.lowerBound)) to \(readableMemory($0.upperBound))" }
        case .time: terms.leeway.time.map { "from \($0.lowerBound.readableLimit) to \($0.upperBound.readableLimit)" }
        }
    }

    // MARK: In the form

    /// The fields; `nil` when there is nothing to choose.
    var html: HTML? {
        let fields = Resource.allCases.compactMap(field)
        if fields.isEmpty { return nil }
        return """
            <fieldset class="field needs"><legend>Resources</legend>
            <p class="help" id="n-help">With more, it may have to wait longer for its turn.</p>\(fields)</fieldset>
            """
    }

    private func field(_ resource: Resource) -> HTML? {
        let problem: HTML? = problems[resource].map { #"<p class="problem" id="\#(resource.id)-e">\#($0)</p>"# }
        let described: HTML =
            problem == nil
            ? #" aria-describedby="n-help""# : #" aria-invalid="true" aria-describedby="\#(resource.id)-e n-help""#
        let attributes: HTML = #"id="\#(resource.id)" name="\#(resource.field)"\#(described)"#
        let control: HTML
        // A list shows its bounds by itself.
        var range: HTML?
        switch resource {
        case .cpus:
            guard let cpus = terms.leeway.cpus, cpus.count > 1 else { return nil }
            range = " <small>\(cpus.lowerBound) to \(cpus.upperBound)</small>"
            let value = sent[.cpus] ?? terms.needs.cpus.map { String($0) } ?? ""
            control = """
                <input type="number" \(attributes) min="\(cpus.lowerBound)" max="\(cpus.upperBound)" value="\(value)" required>
                """
        case .mem:
            guard let range = terms.leeway.memory, range.lowerBound < range.upperBound else { return nil }
            control = select(steps(in: range, with: terms.needs.memory), terms.needs.memory, attributes) {
                (readableMemory($0), String($0))
            }
        case .time:
            guard let range = terms.leeway.time, range.lowerBound < range.upperBound else { return nil }
            let seconds = range.lowerBound.milliseconds / 1000...range.upperBound.milliseconds / 1000
            let chosen = terms.timeLimit.map { $0.milliseconds / 1000 }
            control = select(times(in: seconds, with: chosen), chosen, attributes) {
                (Instant.Span.seconds($0).readableLimit, String($0))
            }
        }
        return """
            <div class="need"><label for="\(resource.id)">\(resource.label)\(range)</label>\(control)\(problem)</div>
            """
    }

    private func select(
        _ amounts: [Int64], _ chosen: Int64?, _ attributes: HTML, _ words: (Int64) -> (label: String, value: String)
    ) -> HTML {
        let options: [HTML] = amounts.map { amount in
            let mark: HTML? = amount == chosen ? " selected" : nil
            let (label, value) = words(amount)
            return #"<option value="\#(value)"\#(mark)>\#(label)</option>"#
        }
        return "<select \(attributes)>\(options)</select>"
    }

    /// The round ones that people think in. Minutes.
    private static let roundTimes: [Int64] =
        [1, 2, 5, 10, 15, 20, 30, 45] + [1, 2, 3, 4, 6, 8, 12, 18].map { $0 * 60 }
        + [1, 2, 3, 5, 7, 10, 14, 21, 30, 60, 90, 180, 365].map { $0 * 1440 }

    /// What the list offers: round times, the bounds, and what is chosen. Seconds.
    private func times(in range: ClosedRange<Int64>, with chosen: Int64?) -> [Int64] {
        let round = Self.roundTimes.map { $0 * 60 }.filter(range.contains)
        return Set(round + [range.lowerBound, range.upperBound] + [chosen].compactMap(\.self)).sorted()
    }

    /// What the list offers: each twice as much as the one before; the most; and what is chosen.
    private func steps(in range: ClosedRange<Int64>, with chosen: Int64?) -> [Int64] {
        var steps: Set<Int64> = [range.upperBound]
        var step = range.lowerBound
        while step < range.upperBound {
            steps.insert(step)
            step *= 2
        }
        if let chosen { steps.insert(chosen) }
        return steps.sorted()
    }
}
