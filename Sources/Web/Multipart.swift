internal import Linux

/// What comes out of a multipart form, in the order in which it stands there.
public enum MultipartEvent {
    /// A whole text field.
    case field(name: String, value: String)
    /// A file begins. A file field that was left empty has no name and no bytes.
    case fileBegin(name: String, fileName: String)
    /// More of the file; the bytes are lent for the call.
    case fileBytes(UnsafeRawBufferPointer)
    case fileEnd
}

/// Parses `multipart/form-data` (RFC 7578) as it arrives, holding no more than one read and one text field in memory.
struct MultipartParser {
    /// Longest boundary (RFC 2046, section 5.1.1).
    static let longestBoundary = 70
    /// A form of ours has a hundred parameters at most, and a sweep of a thousand jobs a part for each file or choice.
    static let mostParts = 2048
    /// The header of a part is a line or two.
    static let longestHeader = 8192

    private enum State { case boundary, header, field(name: String), file, end }

    /// `\r\n--BOUNDARY`. What precedes the first one is skipped.
    private let delimiter: [UInt8]
    /// What has arrived and is not dealt with. It begins with a line break, so that the first boundary looks like the others.
    private var buffer: [UInt8] = [13, 10]
    private var state: State? = nil
    private var field: [UInt8] = []
    private var parts = 0
    /// Bytes that all text fields together may still have.
    private var textAllowance: Int

    /// - Parameter contentType: the request's header; it names the boundary.
    init(contentType: String, mostTextBytes: Int) throws(RequestProblem) {
        guard contentType.asciiLowercased().hasPrefix("multipart/form-data"),
            let boundary = HeaderParameters(contentType)["boundary"], !boundary.isEmpty,
            boundary.utf8.count <= Self.longestBoundary, boundary.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else { throw RequestProblem(status: 415, sentence: "The form was sent in an unknown way.") }
        delimiter = Array("\r\n--\(boundary)".utf8)
        textAllowance = mostTextBytes
    }

    /// Takes the next bytes.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ receive: (MultipartEvent) throws -> Void
    ) throws {
        buffer += bytes
        var consumed = 0
        while try advance(&consumed, receive) {}
        buffer.removeFirst(consumed)
    }

    /// Whether the closing boundary has come.
    var isComplete: Bool { if case .end = state { true } else { false } }

    /// Deals with one thing at `position`; `false` when more bytes are needed.
    private mutating func advance(_ position: inout Int, _ receive: (MultipartEvent) throws -> Void) throws -> Bool {
        switch state {
        case nil:
            // The preamble: nothing in it means anything, but it must not grow.
            guard let found = find(delimiter, from: position) else {
                position = max(position, buffer.count - delimiter.count + 1)
                return false
            }
            position = found + delimiter.count
            state = .boundary
            return true
        case .boundary:
            guard buffer.count - position >= 2 else { return false }
            if buffer[position] == UInt8(ascii: "-"), buffer[position + 1] == UInt8(ascii: "-") {
                position += 2
                state = .end
                return true
            }
            let found = find([13, 10], from: position)
            // In whatever pieces it comes: before the end has come, it is as near as it may be.
            guard (found ?? buffer.count - 1) - position < Self.longestHeader else { throw Self.malformed }
            guard let end = found else { return false }
            guard buffer[position..<end].allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { throw Self.malformed }
            // The line break stays: it begins the header's end if the header is empty.
            position = end
            state = .header
            return true
        case .header:
            let found = find([13, 10, 13, 10], from: position)
            guard (found ?? buffer.count - 3) - position < Self.longestHeader else { throw Self.malformed }
            guard let end = found else { return false }
            let header = buffer[position..<end]
            position = end + 4
            parts += 1
            guard parts <= Self.mostParts else {
                throw RequestProblem(status: 413, sentence: "The form has more than \(Self.mostParts) parts.")
            }
            try begin(header, receive)
            return true
        case .field(let name):
            return try take(&position) { parser, bytes in
                parser.textAllowance -= bytes.count
                guard parser.textAllowance >= 0 else {
                    throw RequestProblem(status: 413, sentence: "The text fields of the form are too long.")
                }
                parser.field += bytes
            } atEnd: { parser in
                try receive(.field(name: name, value: try Form.text(parser.field)))
                parser.field = []
            }
        case .file:
            return try take(&position) { _, bytes in
                if !bytes.isEmpty { try receive(.fileBytes(UnsafeRawBufferPointer(bytes))) }
            } atEnd: { _ in
                try receive(.fileEnd)
            }
        case .end:
            // The epilogue is ignored.
            position = buffer.count
            return false
        }
    }

    /// Hands on what surely belongs to the part's content, up to a boundary or to where one might have begun.
    private mutating func take(
        _ position: inout Int, _ content: (inout MultipartParser, UnsafeBufferPointer<UInt8>) throws -> Void,
        atEnd: (inout MultipartParser) throws -> Void
    ) throws -> Bool {
        let found = find(delimiter, from: position)
        let end = found ?? max(position, buffer.count - delimiter.count + 1)
        let lent = buffer
        try lent.withUnsafeBufferPointer { all in
            try content(&self, UnsafeBufferPointer(rebasing: all[position..<end]))
        }
        position = end
        guard found != nil else { return false }
        position += delimiter.count
        state = .boundary
        try atEnd(&self)
        return true
    }

    private mutating func begin(_ header: ArraySlice<UInt8>, _ receive: (MultipartEvent) throws -> Void) throws {
        for line in header.split(separator: 10) {
            let text = String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            guard text.asciiLowercased().hasPrefix("content-disposition:") else { continue }
            let parameters = HeaderParameters(text)
            guard let name = parameters["name"] else { throw Self.malformed }
            if let fileName = parameters["filename"] {
                state = .file
                try receive(.fileBegin(name: name, fileName: fileName))
            } else {
                state = .field(name: name)
            }
            return
        }
        throw Self.malformed
    }

    private func find(_ needle: [UInt8], from position: Int) -> Int? {
        buffer.withUnsafeBytes { all in
            guard position < all.count,
                let found = memmem(all.baseAddress! + position, all.count - position, needle, needle.count)
            else { return nil }
            return UnsafeRawPointer(found) - all.baseAddress!
        }
    }

    static let malformed = RequestProblem(status: 400, sentence: "The form arrived damaged. Please send it again.")
}

/// The parameters of a header such as `form-data; name="a"; filename="b.txt"`.
struct HeaderParameters {
    private var values: [(name: String, value: String)] = []

    init(_ header: String) {
        var rest = Array(header.utf8)[...]
        rest = rest.drop { $0 != UInt8(ascii: ";") }
        while rest.popFirst() != nil {
            rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }
            rest = rest.dropFirst(name.count)
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest.removeFirst()
            var value: [UInt8] = []
            if rest.first == UInt8(ascii: "\"") {
                rest.removeFirst()
                while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                    // Some clients write \" for a quote; a lone backslash stands for itself, as in C:\data.txt.
                    if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "\"") {
                        value.append(rest.removeFirst())
                    } else {
                        value.append(byte)
                    }
                }
                rest = rest.drop { $0 != UInt8(ascii: ";") }
                value = HeaderParameters.unescape(value)
            } else {
                value = Array(rest.prefix { $0 != UInt8(ascii: ";") })
                rest = rest.dropFirst(value.count)
            }
            let key = String(decoding: name, as: UTF8.self).asciiLowercased()
            values.append((key, String(decoding: value, as: UTF8.self)))
        }
    }

    subscript(name: String) -> String? { values.first { $0.name == name }?.value }

    /// Browsers write just these three as %XX (WHATWG HTML, multipart/form-data encoding algorithm).
    private static func unescape(_ value: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = value[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2 {
                let code = String(decoding: rest.prefix(2), as: UTF8.self)
                if let plain = ["22": UInt8(ascii: "\""), "0D": 13, "0A": 10][code] {
                    result.append(plain)
                    rest = rest.dropFirst(2)
                    continue
                }
            }
            result.append(byte)
        }
        return result
    }
}

extension String {
    /// ASCII letters in lower case, for names that are compared without regard to it.
    func asciiLowercased() -> String {
        String(
            decoding: utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
