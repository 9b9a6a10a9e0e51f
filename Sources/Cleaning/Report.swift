internal import EventLog
internal import Linux

/// What a run tells: on standard output a line for each kind of thing of which there was something to remove, in the log
/// each failure.
final class Report {
    /// Nothing is changed, and each thing is listed.
    let isDryRun: Bool
    private let log: EventLog
    private let say: (String) -> Void
    private(set) var hasFailed = false

    /// A broken disk makes each thing fail, and cron sends mails: this many failures of a kind are logged, then only their
    /// number. Above any number that somebody reads.
    static let mostLogged = 20

    init(isDryRun: Bool, log: EventLog, say: @escaping (String) -> Void) {
        self.isDryRun = isDryRun
        self.log = log
        self.say = say
    }

    /// Removes one kind of thing, and tells how many there were. What `body` throws is logged.
    func about(_ kind: StaticString, sizes: Bool = true, _ body: (Tally) throws -> Void) {
        let tally = Tally(kind, self)
        do { try body(tally) } catch { tally.failed("\(kind)", error) }
        if tally.failures > Self.mostLogged {
            log.note("cleaning-failed-more", ["kind": "\(kind)", "count": "\(tally.failures - Self.mostLogged)"])
        }
        guard tally.count > 0 else { return }
        say(
            "\(kind): \(tally.count) \(isDryRun ? "would be removed" : "removed")"
                + (sizes ? ", \(readableSize(tally.freed)) freed" : ""))
    }

    /// Tells of a thing alone, in a dry run.
    fileprivate func list(_ thing: String) { if isDryRun { say("  " + thing) } }

    /// Tells something else.
    func tell(_ sentence: String) { say(sentence) }

    fileprivate func failed(_ thing: String, _ error: any Error, isShown: Bool) {
        hasFailed = true
        if isShown { log.note("cleaning-failed", ["thing": thing, "cause": "\(error)"]) }
    }
}

/// Counts what becomes of one kind of thing.
final class Tally {
    private let kind: StaticString
    private let report: Report
    private(set) var count = 0
    /// Bytes.
    private(set) var freed: Int64 = 0
    private(set) var failures = 0

    init(_ kind: StaticString, _ report: Report) {
        self.kind = kind
        self.report = report
    }

    /// One thing was, or would be, removed.
    func add(_ thing: String, freed bytes: Int64 = 0) {
        report.list(thing)
        count += 1
        freed += bytes
    }

    /// So many were removed.
    func add(count more: Int) { count += more }

    /// A thing could not be removed.
    func failed(_ thing: String, _ error: any Error) {
        failures += 1
        report.failed(thing, error, isShown: failures <= Report.mostLogged)
    }
}
