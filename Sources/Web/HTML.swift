internal import Linux

/// Markup. What the programmer wrote is trusted, what is put into it is escaped, and no run-time string can become markup.
///
///     let row: HTML = "<td title=\"\(job.script)\">\(job.script)</td>"
///
/// Literals accept only `StaticString`; every interpolated text is escaped for both text and double-quoted attributes, so
/// an attribute is always written in double quotes. Characters that HTML does not allow (control characters,
/// noncharacters) are shown by a stand-in, so that every page stays well-formed whatever it shows. A carriage return is a
/// line break to every parser, as it should be in a log.
public struct HTML: ExpressibleByStringInterpolation, Sendable {
    /// The markup in UTF-8.
    public private(set) var bytes: [UInt8]

    /// No markup at all.
    public init() { bytes = [] }

    public init(stringLiteral literal: StaticString) { bytes = Array(literal.utf8) }

    public init(stringInterpolation: StringInterpolation) { bytes = stringInterpolation.bytes }

    /// Adds more markup at the end.
    public static func += (left: inout HTML, right: HTML) { left.bytes += right.bytes }

    /// Collects the pieces of a literal.
    public struct StringInterpolation: StringInterpolationProtocol {
        var bytes: [UInt8] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            bytes.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        public mutating func appendLiteral(_ literal: StaticString) { bytes += literal.utf8 }
        public mutating func appendInterpolation(_ html: HTML) { bytes += html.bytes }
        public mutating func appendInterpolation(_ html: HTML?) { if let html { bytes += html.bytes } }
        public mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { bytes += piece.bytes } }
        public mutating func appendInterpolation(_ path: Path) { appendInterpolation(path.text) }
        public mutating func appendInterpolation(_ number: some BinaryInteger) { bytes += String(number).utf8 }

        /// Escapes a text.
        public mutating func appendInterpolation(_ text: String) {
            var text = text
            text.withUTF8 { HTML.escape($0, into: &bytes) }
        }

        /// Escapes UTF-8 that is borrowed from somewhere, such as a database column.
        public mutating func appendInterpolation(_ utf8: UnsafeRawBufferPointer) {
            HTML.escape(utf8.bindMemory(to: UInt8.self), into: &bytes)
        }
    }
}

extension StaticString {
    var utf8: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}

extension HTML {
    /// Copies runs of plain bytes and replaces the others.
    private static func escape(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) {
        var start = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if isPlain(byte) {
                index += 1
                continue
            }
            let rest = UnsafeBufferPointer(rebasing: text[index...])
            guard let (replacement, length) = replacement(rest) else {
                index += 1
                continue
            }
            bytes += UnsafeBufferPointer(rebasing: text[start..<index])
            bytes += replacement.utf8
            index += length
            start = index
        }
        bytes += UnsafeBufferPointer(rebasing: text[start...])
    }

    /// Whether a byte can stand for itself without a closer look.
    private static func isPlain(_ byte: UInt8) -> Bool {
        // One bit a byte value, set for those that need a look: controls but tab, newline and carriage return;
        // " & ' < >; DEL; the lead bytes of C1 controls and of noncharacters.
        let look: (UInt64, UInt64, UInt64, UInt64) = (
            0x5000_00C4_FFFF_D9FF, 0x8000_0000_0000_0000, 0, 0x001F_8000_0000_0004
        )
        let word =
            switch byte >> 6 {
            case 0: look.0
            case 1: look.1
            case 2: look.2
            default: look.3
            }
        return word >> UInt64(byte & 63) & 1 == 0
    }

    /// What to write instead of the first character of `text`, and how many bytes that is; `nil` if it may stand.
    private static func replacement(_ text: UnsafeBufferPointer<UInt8>) -> (StaticString, Int)? {
        let second = text.count > 1 ? text[1] : 0
        let third = text.count > 2 ? text[2] : 0
        switch text[0] {
        case UInt8(ascii: "&"): return ("&amp;", 1)
        case UInt8(ascii: "<"): return ("&lt;", 1)
        case UInt8(ascii: ">"): return ("&gt;", 1)
        case UInt8(ascii: "\""): return ("&quot;", 1)
        case UInt8(ascii: "'"): return ("&#39;", 1)
        case 0x00...0x1F, 0x7F: return ("\u{FFFD}", 1)
        case 0xC2 where (0x80..<0xA0).contains(second): return ("\u{FFFD}", 2)
        case 0xEF where second == 0xBF && third >= 0xBE: return ("\u{FFFD}", 3)
        case 0xEF where second == 0xB7 && (0x90...0xAF).contains(third): return ("\u{FFFD}", 3)
        // U+nFFFE and U+nFFFF of the other planes.
        case 0xF0... where second & 0x0F == 0x0F && third == 0xBF && text.count > 3 && text[3] >= 0xBE:
            return ("\u{FFFD}", 4)
        default: return nil
        }
    }
}
