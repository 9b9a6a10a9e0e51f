public import SQLite

/// The number of a row, typed by what it is the number of, so that a job's cannot be taken for a file's.
public protocol Identifier: Hashable, Comparable, Sendable, Bindable, CustomStringConvertible {
    var number: Int64 { get }
    init(_ number: Int64)
}

extension Identifier {
    public var sqlValue: SQL.Value { .integer(number) }
    public var description: String { String(number) }
    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    /// The number that a decimal text stands for: digits only, no sign, no leading zero, at least 1.
    public init?(text: some StringProtocol) {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            text.utf8.first != UInt8(ascii: "0"),
            let number = Int64(text)
        else { return nil }
        self.init(number)
    }
}

/// The number of a user.
public struct UserID: Identifier {
    public let number: Int64
    public init(_ number: Int64) { self.number = number }
}

/// The number of a job, as people see it.
public struct JobID: Identifier {
    public let number: Int64
    public init(_ number: Int64) { self.number = number }
}

/// The number of a file of the inbox.
public struct FileID: Identifier {
    public let number: Int64
    public init(_ number: Int64) { self.number = number }
}

/// The number of a sweep.
public struct SweepID: Identifier {
    public let number: Int64
    public init(_ number: Int64) { self.number = number }
}

/// The number of a session.
public struct SessionID: Identifier {
    public let number: Int64
    public init(_ number: Int64) { self.number = number }
}
