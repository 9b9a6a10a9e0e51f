public import Linux

/// A statement and the values bound to it.
///
/// Written as a string literal: its fixed parts must be `StaticString`s, and whatever is interpolated is bound, never
/// pasted. A string made at run time cannot become SQL, because there is no way to make one of these from it.
///
///     let sql: SQL = "SELECT id FROM jobs WHERE user_id = \(user) AND state = \("queued")"
public struct SQL: ExpressibleByStringInterpolation, Sendable {
    /// The text with `?` where values go.
    let text: String
    /// One for each `?`, in their order.
    let values: [Value]

    /// What SQLite can hold. (No real numbers: nothing in the schema is one.)
    public enum Value: Sendable {
        case null
        case integer(Int64)
        case text(String)
        case blob([UInt8])
    }

    public init(stringLiteral literal: StaticString) {
        text = String(literal)
        values = []
    }

    public init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        values = stringInterpolation.values
    }

    /// Collects the parts of a literal.
    public struct StringInterpolation: StringInterpolationProtocol {
        var text = ""
        var values: [Value] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount)
            values.reserveCapacity(interpolationCount)
        }

        public mutating func appendLiteral(_ literal: StaticString) { text += String(literal) }

        /// Binds a value.
        public mutating func appendInterpolation(_ value: some Bindable) { bind(value.sqlValue) }

        /// Binds a value, or NULL.
        public mutating func appendInterpolation(_ value: (some Bindable)?) { bind(value?.sqlValue ?? .null) }

        /// Puts in another statement's text and binds its values: for column lists and conditions used twice.
        public mutating func appendInterpolation(_ sql: SQL) {
            text += sql.text
            values += sql.values
        }

        private mutating func bind(_ value: Value) {
            text += "?"
            values.append(value)
        }
    }
}

/// A value that can be bound to a statement.
public protocol Bindable {
    var sqlValue: SQL.Value { get }
}

extension Int: Bindable { public var sqlValue: SQL.Value { .integer(Int64(self)) } }
extension Int64: Bindable { public var sqlValue: SQL.Value { .integer(self) } }
extension Bool: Bindable { public var sqlValue: SQL.Value { .integer(self ? 1 : 0) } }
extension String: Bindable { public var sqlValue: SQL.Value { .text(self) } }
extension [UInt8]: Bindable { public var sqlValue: SQL.Value { .blob(self) } }
extension Instant: Bindable { public var sqlValue: SQL.Value { .integer(milliseconds) } }
extension Instant.Span: Bindable { public var sqlValue: SQL.Value { .integer(milliseconds) } }

extension String {
    fileprivate init(_ literal: StaticString) {
        self = literal.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
    }
}
