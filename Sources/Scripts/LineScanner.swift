/// Reads an annotation line from left to right, and knows the column of everything that it meets.
struct LineScanner {
    /// The whole line of the file.
    private let bytes: [UInt8]
    private let line: Int
    /// Where it is: an offset into the line.
    private(set) var position: Int

    init(_ bytes: [UInt8], line: Int, from position: Int) {
        self.bytes = bytes
        self.line = line
        self.position = position
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }
    var isAtEnd: Bool { position == bytes.count }
    /// A blank, or the beginning of the line's content.
    var isAfterBlank: Bool { position == 0 || LineScanner.isBlank(bytes[position - 1]) }

    /// A problem at this place, or at another of the line.
    func problem(_ reason: String, at place: Int? = nil) -> AnnotationProblem {
        AnnotationProblem(line: line, column: column(of: place ?? position), reason: reason)
    }

    /// Of this place.
    var column: Int { column(of: position) }

    /// Counted in characters from 1, as editors do.
    private func column(of place: Int) -> Int {
        String(decoding: bytes[..<place], as: UTF8.self).unicodeScalars.count + 1
    }

    mutating func skipBlanks() { while let byte = next, LineScanner.isBlank(byte) { position += 1 } }

    /// Takes this byte if it comes next; says whether.
    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    /// Takes what belongs to it.
    mutating func take(while belongs: (UInt8) -> Bool) -> String {
        let start = position
        while let byte = next, belongs(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Takes a text between marks, the first of which comes next; a backslash before a mark, or before a backslash where
    /// `keepingBackslashes` is false, stands for the character behind it.
    mutating func takeText(between mark: Unicode.Scalar, keepingBackslashes: Bool, called name: String)
        throws(AnnotationProblem) -> String
    {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: mark) { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), let following = next {
                position += 1
                let isEscape = following == UInt8(ascii: mark) || following == byte && !keepingBackslashes
                if !isEscape { text.append(byte) }
                text.append(following)
                continue
            }
            text.append(byte)
        }
        throw problem("\(name) begins here and does not end: \(mark) is missing", at: start)
    }

    /// The rest of the line without blanks around it.
    mutating func takeRest() -> String {
        skipBlanks()
        var end = bytes.count
        while end > position, LineScanner.isBlank(bytes[end - 1]) { end -= 1 }
        defer { position = bytes.count }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    /// The carriage return is that of editors on Windows.
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }
}

extension Sequence<UInt8> {
    /// As UTF-8, with stand-ins for what is none.
    var text: String { String(decoding: Array(self), as: UTF8.self) }
}
