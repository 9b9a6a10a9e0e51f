internal import Accounts
import JobQueue
import Linux
import Scripts
import Settings
import Storage
import Web

/// What would come of a form if it were submitted now: command, resources, time, place, expiry.
struct Preview {
    let site: Site
    let visitor: Visitor
    let script: Script
    /// As chosen.
    let terms: Terms
    /// The values of each job.
    let jobs: [[FieldValue]]
    /// SHA-256 of the script.
    let copy: [UInt8]
    let machine: Machine?
    /// Jobs that have to succeed first.
    let awaited: [JobID]
    /// Goes back with the form, so that what is submitted is what was shown; `nil` for one job.
    let seal: String?

    func html() throws -> HTML {
        let now = site.now()
        let lasts = try durations()
        let outlook = try site.jobs.outlook(
            of: script.name, terms, by: visitor.user.id, limits: Limits(site.settings), at: now)
        let seal: HTML? = seal.map { #"<input type="hidden" name="previewed" value="\#($0)">"# }
        let isOne = jobs.count == 1
        let command: HTML =
            isOne
            ? fact("It runs", "<code class=\"value\">\(command(of: jobs[0]))</code>\(note)")
            : fact("It runs", "<code>\(script.name)</code> \(jobs.count) times, with these values:")
        let start: String =
            switch outlook {
            case _ where !awaited.isEmpty: Wait.following(awaited).sentence
            case .next: isOne ? "It would start at once." : "The first would start at once."
            default: outlook.sentence
            }
        let expiry = Day(of: now + (lasts.last ?? .seconds(0)) + site.settings.retention)
        let days = site.settings.retention.milliseconds / 86_400_000
        return """
            <section class="preview" id="preview" aria-labelledby="preview-title" tabindex="-1" autofocus>
            <h2 id="preview-title">\(isOne ? "Preview" : "Preview of \(jobs.count) jobs" as HTML)</h2>
            <p class="quiet">Nothing is submitted yet.</p>
            <dl class="facts">\(command)\(fact("Each gets", resources, isOne))\(fact("Usually takes", usual(lasts)))\
            \(fact("Its turn", "\(start)"))\
            \(fact("Expires", "Outputs and log stay for \(days) days after its end: until \("\(expiry)") if it ended today."))</dl>
            \(isOne ? nil : table)\(secretNote)\(seal)
            <p class="actions"><button>Submit \(isOne ? "job" : "\(jobs.count) jobs" as HTML)</button></p>
            </section>
            """
    }

    private func fact(_ name: String, _ value: HTML, _ isOne: Bool = true) -> HTML {
        "<div><dt>\(name == "Each gets" && isOne ? "It gets" : name)</dt><dd>\(value)</dd></div>"
    }

    private var secretNote: HTML? {
        let names = zip(script.parameters, jobs[0]).filter { $1.isSecretGiven }.map(\.0.name)
        guard !names.isEmpty else { return nil }
        return "<p><strong>Before you submit, type once more: \(names.joined(separator: ", ")).</strong></p>"
    }

    // MARK: What it runs

    /// The command in the words of a shell: each argument in quotes where one would need them.
    private func command(of job: [FieldValue]) -> HTML {
        var words: HTML = "\(script.name)"
        for (parameter, value) in zip(script.parameters, job) {
            words += " "
            switch parameter.type {
            case .secret: words += value.given.isEmpty ? "''" : "<i>file of \(parameter.name)</i>"
            case .use(let resource): words += amount(of: resource)
            default: words += "\(quoted(value.given))"
            }
        }
        return words
    }

    private var note: HTML? {
        let hasFiles = script.parameters.contains { parameter in
            switch parameter.type {
            case .file, .files, .output: true
            default: false
            }
        }
        return hasFiles ? #"<small class="below">Files are named; the script gets their full paths.</small>"# : nil
    }

    private func amount(of resource: ValueType.Resource) -> HTML {
        let share = share
        switch resource {
        case .cpus: return (share?.cpus ?? machine?.cpus).map { "\($0)" } ?? "<i>CPUs</i>"
        case .memory: return (share?.memory ?? machine?.memory).map { "\($0)" } ?? "<i>bytes of memory</i>"
        case .time: return limit.map { "\($0.milliseconds / 1000)" } ?? "''"
        }
    }

    /// As sh would want it (POSIX.1, Shell Command Language, 2.2.2).
    private func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_-./:=@%+,".utf8.contains(byte)
            }
        }
        if isPlain, !word.isEmpty { return word }
        let parts = word.utf8.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false)
        return "'" + parts.map { String(Substring($0)) }.joined(separator: "'\\''") + "'"
    }

    /// The values that are not the same in all jobs.
    private var table: HTML {
        let varied = script.parameters.indices.filter { index in
            jobs.contains { $0[index].given != jobs[0][index].given }
        }
        let heads: [HTML] = varied.map { #"<th scope="col">\#(script.parameters[$0].name)</th>"# }
        let rows: [HTML] = jobs.enumerated().map { number, job in
            let cells: [HTML] = varied.map { index in
                let value = job[index].given
                let shown: HTML =
                    value.isEmpty ? "<small>(empty)</small>" : "<span class=\"value\">\(shortened(value))</span>"
                return #"<td data-label="\#(script.parameters[index].name)">\#(shown)</td>"#
            }
            return "<tr><th scope=\"row\">\(number + 1)</th>\(cells)</tr>"
        }
        return """
            <div class="wide" role="region" aria-label="Values of each job" tabindex="0"><table class="sweep">
            <thead><tr><th scope="col">Job</th>\(heads)</tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    // MARK: What it gets

    private var share: Share? {
        machine.map { Share(of: terms.needs, otherwise: Limits(site.settings).defaultNeeds, on: $0) }
    }

    private var limit: Instant.Span? { terms.timeLimit ?? site.settings.defaultTimeLimit }

    private var resources: HTML {
        let share = share?.words ?? "what the worker finds that the machine has"
        return limit.map { "\(share), for \($0.readableLimit) at most" } ?? "\(share), for as long as it takes"
    }

    private func durations() throws -> [Instant.Span] { try site.jobs.durations(ofCopy: copy) }

    private func usual(_ durations: [Instant.Span]) -> HTML {
        guard let shortest = durations.first, let longest = durations.last else {
            return "Not known: no job of the script as it is now has succeeded yet."
        }
        if durations.count == 1 { return "The only job that has succeeded so far took \(longest.readable)." }
        let middle = durations[durations.count / 2]
        return """
            About \(middle.readable): the last \(durations.count) that succeeded took from \(shortest.readable) to \
            \(longest.readable).
            """
    }
}
