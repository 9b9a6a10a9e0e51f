import JobQueue
import Linux
import Scripts
import Settings
import Web

/// What a user should know before submitting: what a job of the script gets of the machine, how long it may take, and what
/// follows a failure.
///
/// What is still to be chosen it leaves to the form.
struct TermsNote {
    let site: Site
    let terms: Terms
    /// As the worker found it; `nil`: no worker has looked yet.
    let machine: Machine?

    var paragraph: HTML? {
        let sentences = [share, time, limits, again].compactMap(\.self)
        return sentences.isEmpty ? nil : "<p class=\"quiet\">\(sentences.joined(separator: " "))</p>"
    }

    private var share: String? {
        guard let machine, terms.needs.excess(on: machine) == nil, terms.leeway.cpus == nil, terms.leeway.memory == nil
        else { return nil }
        let limits = Limits(site.settings)
        switch Share(of: terms.needs, otherwise: limits.defaultNeeds, on: machine) {
        case .whole: return "While it runs, it has the machine to itself."
        case let part: return "While it runs, it has \(part.words)."
        }
    }

    private var time: String? {
        guard terms.leeway.time == nil, let limit = terms.timeLimit ?? site.settings.defaultTimeLimit else {
            return nil
        }
        return "It may run for \(limit.readableLimit), then it is stopped."
    }

    private var limits: String? {
        switch (terms.perUserLimit, terms.totalLimit) {
        case (nil, nil): nil
        case (let own?, nil): "Of your jobs of this script, \(runs(own)) at a time."
        case (nil, let all?): "Of all jobs of this script, \(runs(all)) at a time."
        case (let own?, let all?): "Of your jobs of this script, \(runs(own)) at a time; of everybody's, \(runs(all))."
        }
    }

    private func runs(_ most: Int) -> String { most == 1 ? "one runs" : "at most \(most) run" }

    private var again: String? {
        guard terms.retries > 0 else { return nil }
        return "If it fails, it is tried again, \(terms.retries == 1 ? "once" : "up to \(terms.retries) times")."
    }
}
