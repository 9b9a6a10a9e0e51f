import JobQueue
import Linux
import Mail
import Supervision

/// What an exit record means for the job, and in plain words for its requester.
struct Verdict: Equatable {
    /// How the job ended, to be stored.
    var ending: Ending
    /// What happened, for the mail.
    var sentence: String
    /// What the mail's subject says.
    var outcome: JobMail.Outcome

    /// What the record of an attempt says.
    ///
    /// - Parameter byAdmin: a wish to stop it was the admin's.
    init(_ record: ExitRecord, begun: Instant?, byAdmin: Bool = false) {
        let took = begun.map { " after \((Instant(milliseconds: record.endedAt) - $0).readable)" } ?? ""
        var ending: Ending
        switch (record.outcome, record.stop) {
        case (.notStarted(let code), _):
            ending = Ending(state: .failed, reason: Verdict.notStarted(code))
            sentence = ending.reason ?? ""
            outcome = .failed
        case (_, .requested):
            ending = Ending(
                state: .cancelled,
                reason: byAdmin ? "Cancelled by the administrator while it ran." : "Cancelled while it ran.")
            sentence = "\(byAdmin ? "The administrator" : "You") cancelled it; it was stopped\(took)."
            outcome = .cancelled
        case (_, .timeLimit):
            ending = Ending(state: .timedOut, reason: "It ran longer than it may and was stopped.")
            sentence = "It ran longer than it may and was stopped\(took)."
            outcome = .failed
        case (_, .outputLimit):
            ending = Ending(state: .outputLimit, reason: "Its log grew larger than it may, so it was stopped.")
            sentence = "Its log grew larger than it may, so it was stopped\(took)."
            outcome = .failed
        case (_, .none) where record.wasOutOfMemory:
            ending = Ending(state: .outOfMemory, reason: "It used more memory than it may and was ended by the kernel.")
            sentence = "It used more memory than it may and was ended by the kernel\(took)."
            outcome = .failed
        case (.signalled(Int(SIGXFSZ)), .none):
            ending = Ending(state: .outputLimit, reason: "It wrote a larger file than it may, so it was ended.")
            sentence = "It wrote a larger file than it may, so it was ended\(took)."
            outcome = .failed
        case (.signalled(Int(SIGXCPU)), .none):
            ending = Ending(state: .timedOut, reason: "It used more processor time than it may, so it was ended.")
            sentence = "It used more processor time than it may, so it was ended\(took)."
            outcome = .failed
        case (.exited(0), .none):
            ending = Ending(state: .succeeded)
            sentence = "It completed successfully\(took)."
            outcome = .complete
        case (.exited(let code), .none):
            ending = Ending(state: .failed, reason: Verdict.exited(code))
            sentence = "The script ended with exit status \(code)\(took)."
            outcome = .failed
        case (.signalled(let number), .none):
            ending = Ending(
                state: .failed, reason: Verdict.signalled(number, memoryWasWatched: record.memoryWasWatched))
            sentence = ending.reason ?? ""
            outcome = .failed
        }
        switch record.outcome {
        case .exited(let code): ending.exitCode = code
        case .signalled(let number): ending.signal = number
        case .notStarted: break
        }
        if record.hadStorageTrouble {
            let trouble = "The disk failed while it ran, so its log may have gaps."
            ending.reason = ending.reason.map { $0 + " " + trouble } ?? trouble
            sentence += " " + trouble
        }
        ending.maxRSS = record.maxRSS
        ending.userTime = record.userTime
        ending.systemTime = record.systemTime
        ending.logBytes = record.logBytes
        self.ending = ending
    }

    /// The job was not run, for a reason that was found before.
    init(refused sentence: String) {
        ending = Ending(state: .failed, reason: sentence)
        self.sentence = sentence
        outcome = .failed
    }

    /// A wish to stop came before the script began.
    static func cancelledBeforeStart(byAdmin: Bool) -> Verdict {
        Verdict(
            ending: Ending(
                state: .cancelled, reason: "Cancelled\(byAdmin ? " by the administrator" : "") before it started."),
            sentence: "\(byAdmin ? "The administrator" : "You") cancelled it before it started.", outcome: .cancelled)
    }

    /// Nobody knows how it ended.
    ///
    /// - Parameter wasRestarted: the machine has been restarted since the script began.
    static func lost(wasRestarted: Bool) -> Verdict {
        let sentence =
            wasRestarted
            ? "The machine was restarted while the script ran, so it did not finish."
            : "The script and what watched over it were killed from outside, so nobody knows how far it came."
        return Verdict(ending: Ending(state: .lost, reason: sentence), sentence: sentence, outcome: .lost)
    }

    private init(ending: Ending, sentence: String, outcome: JobMail.Outcome) {
        self.ending = ending
        self.sentence = sentence
        self.outcome = outcome
    }

    /// The errors of execve(2) that a script's author can do something about, in words.
    private static func notStarted(_ code: Int) -> String {
        let why =
            switch CInt(code) {
            case ENOENT: "it is gone, or the interpreter named in its first line does not exist"
            case ENOEXEC: "its first line names no interpreter, such as #!/bin/sh"
            case EACCES: "it, or the interpreter named in its first line, may not be executed"
            case E2BIG: "its parameters are too long all together"
            default: String(cString: strerror(CInt(code)))
            }
        return "The script could not be started: \(why)."
    }

    /// The statuses to which shells give a meaning (POSIX, Shell Command Language, 2.8.2).
    private static func exited(_ code: Int) -> String? {
        switch code {
        case 126: "A program that the script calls could not be executed (exit status 126)."
        case 127: "A program that the script calls was not found (exit status 127)."
        case 129...192:
            "A program that the script calls was ended by signal \(code - 128) (\(signalName(code - 128))), or the script "
                + "chose exit status \(code)."
        default: nil
        }
    }

    private static func signalled(_ number: Int, memoryWasWatched: Bool) -> String {
        guard number == SIGKILL else { return "The script was ended by signal \(number) (\(signalName(number)))." }
        return memoryWasWatched
            ? "The script was killed (9), but not by ScriptRunner, and not because it had used up its memory."
            : "The script was killed (9), cause unknown: ScriptRunner did not do it. Often it means that the machine's "
                + "memory was used up."
    }
}
