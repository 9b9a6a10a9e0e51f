public import Linux
public import Patterns

/// What a value may be, as the script's author wrote it. ``ValueType/problem(with:on:)`` holds values against it.
public enum ValueType: Sendable, Equatable {
    /// Any text, nothing and line breaks included, as the original annotation has it.
    case plain
    /// A text of one line and so many characters (Unicode scalars); all of it has to match the pattern.
    case text(length: ClosedRange<Int>, Pattern?)
    /// So many lines, each of which has to match the pattern.
    case lines(count: ClosedRange<Int>, Pattern?)
    /// A whole number.
    case int(ClosedRange<Int64>)
    /// A number, perhaps with a decimal point and an exponent.
    case float(ClosedRange<Double>)
    case choice([Choice])
    /// So many of these.
    case choices([Choice], count: ClosedRange<Int>)
    /// Yes or no.
    case flag
    case date(DayRange)
    case email
    /// A file of the inbox.
    case file(FileRule)
    /// So many files of the inbox.
    case files(FileRule, count: ClosedRange<Int>)
    /// The name of an output file, which has one of these endings; with none: any.
    case output(endings: [String])
    /// A text that is shown to nobody.
    case secret(length: ClosedRange<Int>, Pattern?)
    /// What the job is given of the machine. Nobody fills it in.
    case use(Resource)

    public static let anyText = ValueType.text(length: 0...Parameter.longestText, nil)
    public static let anyFile = ValueType.file(FileRule())
    public static let anyOutput = ValueType.output(endings: [])

    /// One of the values that can be chosen.
    public struct Choice: Sendable, Equatable {
        /// What the script gets.
        public let value: String
        /// What the form shows.
        public let label: String

        public init(value: String, label: String) {
            self.value = value
            self.label = label
        }
    }

    /// Which days, the first and the last included.
    public struct DayRange: Sendable, Equatable {
        public var first: Bound?
        public var last: Bound?

        public enum Bound: Sendable, Equatable {
            case day(Day)
            /// The day on which the form is filled in.
            case today

            public func day(on today: Day) -> Day {
                switch self {
                case .day(let day): day
                case .today: today
                }
            }
        }
    }

    /// Which files.
    public struct FileRule: Sendable, Equatable {
        /// Endings of the name, such as `.fa`, in any case; none: any file.
        public var endings: [String]
        /// Of each. Bytes; `nil`: as large as uploads may be.
        public var most: Int64?

        public init(endings: [String] = [], most: Int64? = nil) {
            self.endings = endings
            self.most = most
        }
    }

    /// A part of what the job is given.
    public enum Resource: String, Sendable, CaseIterable {
        /// How many CPUs.
        case cpus
        /// How much memory. Bytes.
        case memory = "mem"
        /// How long it may run. Seconds.
        case time
    }

    /// The word that the author writes for it.
    public var word: String {
        switch self {
        case .plain, .text: "text"
        case .lines: "lines"
        case .int: "int"
        case .float: "float"
        case .choice: "choice"
        case .choices: "choices"
        case .flag: "flag"
        case .date: "date"
        case .email: "email"
        case .file: "file"
        case .files: "files"
        case .output: "output"
        case .secret: "secret"
        case .use: "use"
        }
    }

    /// The items of a list, as the script gets them.
    public static func items(of text: String) -> [String] {
        text.utf8.split(separator: UInt8(ascii: "\n")).map { String(Substring($0)) }
    }

    /// A file of the inbox, or several.
    public var isFile: Bool {
        switch self {
        case .file, .files: true
        default: false
        }
    }

    /// What a checked box hands to the script; one that is not is empty, which is false in every language.
    public static let yes = "yes"
}
