public import Linux
public import Storage

/// Why a queued job does not run yet.
public enum Wait: Sendable, Equatable {
    /// These have to succeed first; they are not over.
    case following([JobID])
    /// The admin keeps it back.
    case held
    /// The admin has stopped all new starts.
    case drained(since: Instant)
    /// The worker starts nothing, and says why.
    case stalled(String)
    /// A pause before another attempt. `failed` tells how the attempt before ended; `nil`: its script did not begin.
    case pausing(until: Instant, attempt: Int, ended: JobState?)
    /// As many jobs run as may, of this requester or of this script.
    case limit(LimitReached)
    /// So many jobs go before it; `nil`: more than are counted.
    case behind(Int?)
    /// It is its turn, and as many jobs run as may.
    case allRunning(Int)
    /// It is its turn, and it has the machine to itself: so many jobs have to end first.
    case wholeMachine(running: Int)
    /// It is its turn, and so much of what it needs is free.
    case room(cpus: Int, memory: Int64, freeCPUs: Int, freeMemory: Int64)
    /// It is its turn, and nothing is in the way.
    case next

    /// In words, for everybody.
    public var sentence: String {
        switch self {
        case .following(let jobs): Self.following(jobs)
        case .held: "The administrator keeps it back for now."
        case .drained(let since): "The administrator has let no job start since \(since.readable)."
        case .stalled(let reason): reason
        case .pausing(let until, let attempt, let ended):
            "Attempt \(attempt) \(Self.words(ended)), so it pauses until \(until.readable)."
        case .limit(.perUser(let most)):
            "\(Self.count(most, "job")) of one requester may run at a time, and so many of this one's do."
        case .limit(.scriptPerUser(let most)):
            "\(Self.count(most, "job")) of this script and one requester may run at a time, and so many do."
        case .limit(.script(let most)): "\(Self.count(most, "job")) of this script may run at a time, and so many do."
        case .behind(nil): "More than \(JobStore.mostCounted) jobs go before it."
        case .behind(let count?): count == 1 ? "One job goes before it." : "\(count) jobs go before it."
        case .allRunning(1): "It is its turn; only one job may run at a time, and the one that runs has to end first."
        case .allRunning(let most):
            "It is its turn; only \(most) jobs may run at a time, and one of those that run has to end first."
        case .wholeMachine(1): "It is its turn, and it has the machine to itself: the job that runs has to end first."
        case .wholeMachine(let running):
            "It is its turn, and it has the machine to itself: the \(running) jobs that run have to end first."
        case .room(let cpus, let memory, let freeCPUs, let freeMemory):
            "It is its turn, and it needs \(Self.amount(cpus, memory)); \(Self.amount(freeCPUs, freeMemory)) are free."
        case .next: "It is its turn: it starts as soon as the worker sees to it."
        }
    }

    /// More jobs than these are counted, not named.
    private static let mostNamed = 5

    private static func following(_ jobs: [JobID]) -> String {
        guard jobs.count > 1 else { return "It follows job #\(jobs[0]), which has to succeed first." }
        var names = jobs.prefix(mostNamed).map { "#\($0)" }
        if jobs.count > mostNamed { names.append("\(jobs.count - mostNamed) more") }
        let last = names.removeLast()
        return "It follows jobs \(names.joined(separator: ", ")) and \(last), which have to succeed first."
    }

    static func amount(_ cpus: Int, _ memory: Int64) -> String {
        "\(count(cpus, "CPU")) and \(readableMemory(memory))"
    }

    /// How an attempt came to the end after which it pauses: `failed`.
    public static func words(_ state: JobState?) -> String {
        switch state {
        case .failed: "failed"
        case .lost: "was lost"
        default: "could not begin"
        }
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}

extension Share {
    /// In words: `the whole machine`, `2 CPUs and 4 GiB of memory`.
    public var words: String {
        switch self {
        case .whole: "the whole machine"
        case .part(let cpus, let memory): "\(Wait.amount(cpus, memory)) of memory"
        }
    }
}
