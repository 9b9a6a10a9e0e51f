/// Base64 (RFC 4648).
public enum Base64 {
    public static func text(_ bytes: [UInt8]) -> String {
        let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var text = ""
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(3 - group.count) * 8
            for index in 0..<4 {
                let digit = digits.utf8Start[Int(bits >> UInt32(18 - index * 6) & 63)]
                text.unicodeScalars.append(index <= group.count ? Unicode.Scalar(digit) : "=")
            }
        }
        return text
    }

    /// Lines of 76 characters, each ended by CRLF (RFC 2045, section 6.8).
    static func lines(_ bytes: [UInt8]) -> String {
        var lines = ""
        for start in stride(from: 0, to: bytes.count, by: 57) {
            lines += text(Array(bytes[start..<min(start + 57, bytes.count)])) + "\r\n"
        }
        return lines
    }
}
