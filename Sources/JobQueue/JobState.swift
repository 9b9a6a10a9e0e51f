/// Where a job is in its life. docs/job-states.md draws the changes; the database refuses any other.
public enum JobState: String, Sendable, CaseIterable {
    case queued, starting, running, stopping
    case succeeded, failed, cancelled
    case timedOut = "timed_out"
    case outOfMemory = "out_of_memory"
    case outputLimit = "output_limit"
    case lost

    /// Claimed by the worker and not over.
    public var isLive: Bool { self == .starting || self == .running || self == .stopping }
    /// Nothing happens to the job any more.
    public var isOver: Bool { !isLive && self != .queued }

    /// The state in words, as pages show it.
    public var words: String {
        switch self {
        case .timedOut: "timed out"
        case .outOfMemory: "out of memory"
        case .outputLimit: "too much output"
        default: rawValue
        }
    }
}
