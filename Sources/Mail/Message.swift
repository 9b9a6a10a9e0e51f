public import Linux

/// One mail in the form in which it travels (RFC 5322 with MIME).
///
/// Plain text in UTF-8, one recipient. Nothing that a user typed can add a header, a recipient or a second message:
/// control characters are refused in addresses and encoded in subjects, and the body is base64.
public struct Message: Sendable {
    public let from: String
    public let to: String
    let subject: String
    let body: String
    let date: Instant
    /// Names the mail among all of this sender, and is the same at every try, so that a mail that was taken twice can be
    /// told as one. Fit for a file's name.
    let id: String

    public init(from: String, to: String, subject: String, body: String, date: Instant, id: String) {
        self.from = from
        self.to = to
        self.subject = subject
        self.body = body
        self.date = date
        self.id = id
    }

    /// Whether `text` is one plain address that is fit for a header and for SMTP's `RCPT TO`.
    public static func isAddress(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && !parts[1].isEmpty && text.utf8.count <= 254
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"<>,;:\\\"()[]".utf8.contains($0) }
            && !text.hasPrefix("-")
    }

    /// The message's bytes with CRLF line ends.
    public var rendered: [UInt8] {
        precondition(Message.isAddress(from) && Message.isAddress(to), "addresses are checked before")
        let host = from.utf8.split(separator: UInt8(ascii: "@")).last.map { String(decoding: Array($0), as: UTF8.self) }
        return Array(
            """
            From: ScriptRunner <\(from)>\r
            To: <\(to)>\r
            Subject: \(Message.encodedSubject(subject))\r
            Date: \(Message.rfc5322(date))\r
            Message-ID: <\(id).\(date.milliseconds)@\(host ?? "localhost")>\r
            Auto-Submitted: auto-generated\r
            MIME-Version: 1.0\r
            Content-Type: text/plain; charset=utf-8\r
            Content-Transfer-Encoding: base64\r
            \r
            \(Base64.lines(Message.canonical(body)))
            """.utf8)
    }

    /// With CRLF at the end of each line and nowhere else a CR or LF, as text has to be before it is encoded (RFC 2049,
    /// section 4). A lone CR, as progress bars write it, ends a line too.
    static func canonical(_ text: String) -> [UInt8] {
        let (cr, lf) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        var bytes: [UInt8] = []
        var last: UInt8 = 0
        for byte in text.utf8 {
            if byte == cr || byte == lf, !(last == cr && byte == lf) {
                bytes += [cr, lf]
            } else if byte != lf {
                bytes.append(byte)
            }
            last = byte
        }
        return bytes
    }

    /// The date as mail wants it: `Sun, 01 Mar 2026 09:05:07 +0000`.
    static func rfc5322(_ date: Instant) -> String {
        let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let text = date.iso8601()
        let month = Int(text.dropFirst(5).prefix(2)) ?? 1
        return "\(weekdays[date.weekday]), \(text.dropFirst(8).prefix(2)) \(months[month - 1]) \(text.prefix(4)) "
            + "\(text.dropFirst(11).prefix(8)) +0000"
    }

    /// As it is if it is printable ASCII and short; else as encoded words (RFC 2047).
    static func encodedSubject(_ subject: String) -> String {
        if subject.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), subject.utf8.count < 900,
            !zip(subject.utf8, subject.utf8.dropFirst()).contains(where: { $0 == (0x3D, 0x3F) })
        {
            return subject
        }
        var words: [String] = []
        var piece: [UInt8] = []
        for scalar in subject.unicodeScalars {
            // Line breaks and their kin mean nothing in a subject.
            let bytes = scalar.properties.generalCategory == .control ? [0x20] : Array(String(scalar).utf8)
            // 39 bytes make 52 characters of base64; the frame of a word takes 12, and the name of the header 9: a line
            // with encoded words has at most 76 characters.
            if piece.count + bytes.count > 39 {
                words.append("=?utf-8?B?\(Base64.text(piece))?=")
                piece = []
            }
            piece += bytes
        }
        words.append("=?utf-8?B?\(Base64.text(piece))?=")
        return words.joined(separator: "\r\n ")
    }
}
