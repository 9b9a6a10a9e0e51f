import FileStore
import JobQueue
import Scripts
import Storage

/// A file that a form's list offers.
enum InputChoice {
    case own(InboxFile)
    case shared(SharedFile)
    case result(ResultFile)

    /// The value of a file of the script's example, which is none of the inbox yet.
    static func exampleField(_ path: String) -> String { "example:\(path)" }

    /// The path that such a value stands for.
    static func example(field: String) -> String? {
        field.utf8.starts(with: "example:".utf8) ? String(Substring(field.utf8.dropFirst(8))) : nil
    }

    /// From the list's value; `nil` when there is no such file (any more), or it is another's.
    init?(field: String, _ inbox: Inbox, _ user: UserID) throws {
        if field.hasPrefix("file:") {
            guard let id = FileID(text: field.dropFirst(5)), let file = try inbox.file(id, of: user) else { return nil }
            self = .own(file)
        } else if field.hasPrefix("shared:") {
            let name = String(field.dropFirst(7))
            guard let file = inbox.sharedFile(name) else { return nil }
            self = .shared(file)
        } else {
            return nil
        }
    }

    /// The list's value.
    var field: String {
        switch self {
        case .own(let file): "file:\(file.id)"
        case .shared(let file): "shared:\(file.name)"
        case .result(let file): file.field
        }
    }

    var name: String {
        switch self {
        case .own(let file): file.name
        case .shared(let file): file.name
        case .result(let file): file.name
        }
    }

    /// Bytes; `nil`: nobody knows yet.
    var size: Int64? {
        switch self {
        case .own(let file): file.size
        case .shared(let file): file.size
        case .result(let file): file.size
        }
    }
}

extension Parameter {
    /// What is wrong with a file, as far as it is known; `nil` when it will do.
    func problem(with choice: InputChoice) -> String? {
        problem(withFileNamed: choice.name, size: choice.size ?? 0)
    }
}
