import Accounts
import Linux
import Web

/// What a page says once, after a form has done something: its name travels in the address to which the form redirects,
/// sealed for this session and this minute. So a link from elsewhere, a bookmark or a late reload makes no page claim what
/// did not just happen.
enum Note: String, CaseIterable {
    case passwordChanged = "password-changed"
    case sessionEnded = "session-ended"
    case othersEnded = "others-ended"
    case uploaded, deleted

    /// The sentence.
    var sentence: String {
        switch self {
        case .passwordChanged: "Your password is changed. All other sessions have ended."
        case .sessionEnded: "The session has ended."
        case .othersEnded: "All other sessions have ended."
        case .uploaded: "The file has arrived."
        case .deleted: "The file is deleted."
        }
    }

    /// How long a note is worth saying: this minute and the one before. Milliseconds.
    private static let rhythm: Int64 = 60_000

    fileprivate func sealed(for visitor: Visitor, minute: Int64) -> String {
        "\(rawValue).\(visitor.token.seal("note \(rawValue) \(minute)"))"
    }

    fileprivate static func minute(_ now: Instant) -> Int64 { now.milliseconds / rhythm }
}

extension Path {
    /// The same, with a note to say there.
    func noting(_ note: Note, to visitor: Visitor, at now: Instant) -> Path {
        query("note", note.sealed(for: visitor, minute: Note.minute(now)))
    }
}

extension Visitor {
    /// The note that the address brings, if it is of this session and fresh.
    func note(_ query: Form, at now: Instant) -> Note? {
        guard let given = query["note"] else { return nil }
        let minute = Note.minute(now)
        return Note.allCases.first { note in
            given == note.sealed(for: self, minute: minute) || given == note.sealed(for: self, minute: minute - 1)
        }
    }
}
