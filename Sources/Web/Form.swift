/// The fields of a form or a query, in their order. Names may repeat.
public struct Form: Sendable {
    /// Name and value of each field.
    public private(set) var pairs: [(name: String, value: String)] = []

    public init() {}

    /// The value of the first field of this name.
    public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// The values of all fields of this name.
    public func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// More fields than any form of ours has; more are an attack on our time.
    static let mostFields = 1000

    /// Adds a field.
    ///
    /// - Throws: ``RequestProblem`` when there are too many, or the bytes are no text.
    mutating func add(name: [UInt8], value: [UInt8]) throws(RequestProblem) {
        guard pairs.count < Self.mostFields else {
            throw RequestProblem(status: 413, sentence: "The form has more than \(Self.mostFields) fields.")
        }
        pairs.append((try Form.text(name), try Form.text(value)))
    }

    /// Text that users may send: UTF-8 without NUL, which no argument of a program can hold.
    static func text(_ bytes: [UInt8]) throws(RequestProblem) -> String {
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw RequestProblem(
                status: 400, sentence: "A field holds characters that are no text (UTF-8 without NUL is expected).")
        }
        return text
    }

    /// Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5.1).
    init(urlencoded body: some Collection<UInt8>) throws(RequestProblem) {
        for field in body.split(separator: UInt8(ascii: "&")) {
            let name = field.prefix { $0 != UInt8(ascii: "=") }
            let value = field.dropFirst(name.count + 1)
            guard let name = PercentEncoding.decode(name, plusIsSpace: true),
                let value = PercentEncoding.decode(value, plusIsSpace: true)
            else { throw RequestProblem(status: 400, sentence: "The form or the address is not encoded properly.") }
            try add(name: name, value: value)
        }
    }
}

/// What a visitor's request has wrong: an HTTP status and a sentence for people.
public struct RequestProblem: Error, Equatable, Sendable {
    public let status: Int
    public let sentence: String

    public init(status: Int, sentence: String) {
        self.status = status
        self.sentence = sentence
    }
}
