public import Linux

/// A script that users may run, as its own comments describe it.
public struct Script: Sendable, Equatable {
    /// Its file name in script_dir.
    public let name: String
    /// Its full path.
    public let path: String
    /// By which rules its annotations are read: 1, the original form, or 2.
    public let syntax: Int
    /// What its form is called; `nil`: like the file.
    public let title: String?
    /// What it is for, a paragraph each.
    public let about: [String]
    /// What it is found by.
    public let tags: [String]
    /// In the order of the lines, which is the order of the arguments.
    public let parameters: [Parameter]
    /// What it needs, how long it may take, and what follows a failure.
    public let terms: Terms
    /// What its outputs are.
    public let outputs: [OutputNote]
    /// The form filled in with example data; `nil`: the author gives none.
    public let example: [Example]?
    /// Whom it is for; `nil`: everybody who is signed in.
    public let access: Access?
    /// See `found(by:)`.
    let searched: [UInt8]

    init(name: String, path: String, _ annotations: Annotations) {
        self.init(
            name: name, path: path, syntax: annotations.syntax, title: annotations.title, about: annotations.about,
            tags: annotations.tags, parameters: annotations.parameters, terms: annotations.terms,
            outputs: annotations.outputs, example: annotations.example, access: annotations.access)
    }

    init(
        name: String, path: String, syntax: Int = 1, title: String? = nil, about: [String] = [], tags: [String] = [],
        parameters: [Parameter] = [], terms: Terms = .standard, outputs: [OutputNote] = [], example: [Example]? = nil,
        access: Access? = nil
    ) {
        self.name = name
        self.path = path
        self.syntax = syntax
        self.title = title
        self.about = about
        self.tags = tags
        self.parameters = parameters
        self.terms = terms
        self.outputs = outputs
        self.example = example
        self.access = access
        searched = Script.searched([name, title ?? ""] + tags + about)
    }

    /// What some of the outputs are: those whose names match.
    public struct OutputNote: Sendable, Equatable {
        /// With `*` for any characters and `?` for one.
        public let names: String
        public let description: String

        /// Whether it is about a file of this name.
        public func isAbout(_ name: String) -> Bool {
            let (wanted, given) = (Array(names.unicodeScalars), Array(name.unicodeScalars))
            var (at, position) = (0, 0)
            // Where to go on when what came after the last star did not fit.
            var retry: (at: Int, position: Int)?
            while position < given.count {
                if at < wanted.count, wanted[at] == "*" {
                    retry = (at + 1, position + 1)
                    at += 1
                } else if at < wanted.count, wanted[at] == "?" || wanted[at] == given[position] {
                    (at, position) = (at + 1, position + 1)
                } else if let last = retry {
                    (at, position) = last
                    retry = (last.at, last.position + 1)
                } else {
                    return false
                }
            }
            return wanted[at...].allSatisfy { $0 == "*" }
        }
    }

    /// What its author says of an output file of this name.
    public func description(ofOutput name: String) -> String? { outputs.first { $0.isAbout(name) }?.description }

    /// A value of the example.
    public struct Example: Sendable, Equatable {
        public let parameter: String
        /// Of files: their paths below the script's folder.
        public let values: [String]
    }
}

/// One value that a script wants.
public struct Parameter: Sendable, Equatable {
    public let name: String
    public let description: String
    public let type: ValueType
    /// It may be left empty.
    public let isOptional: Bool
    /// What the form is filled in with; `nil`: nothing.
    public let standard: Standard?
    /// When it is asked for; `nil`: always. What is not asked for is empty.
    public let condition: Condition?

    public enum Standard: Sendable, Equatable {
        case value(String)
        /// The day on which the form is filled in.
        case today

        /// As a form shows it and as it is sent.
        public func text(on today: Day) -> String {
            switch self {
            case .value(let value): value
            case .today: "\(today)"
            }
        }
    }

    /// Another parameter has one of these values.
    public struct Condition: Sendable, Equatable {
        public let parameter: String
        public let values: [String]
    }

    public init(
        name: String, description: String, type: ValueType, isOptional: Bool = false, standard: Standard? = nil,
        condition: Condition? = nil
    ) {
        self.name = name
        self.description = description
        self.type = type
        self.isOptional = isOptional
        self.standard = standard
        self.condition = condition
    }

    /// Longest text. All arguments and variables of a program together hold about 2 MiB on Linux, and one of them
    /// 128 KiB (execve(2), MAX_ARG_STRLEN). Bytes.
    public static let longestText = 100_000
    /// Longest output file name; a file system takes 255 bytes, and the script may want to add an ending.
    public static let longestOutputName = 200
}
