/// An e-mail address that one mail can be sent to: its form is checked, ASCII letters are in lower case.
///
/// The rule is that of HTML's `<input type=email>` (WHATWG, "valid e-mail address"), so that browser and server agree,
/// and besides a dot in the domain is not demanded: `root@localhost` is an address on many machines.
public struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address in lower case.
    public let text: String

    /// Longest path that SMTP allows is 256 octets with its angle brackets (RFC 5321, section 4.5.3.1.3).
    public static let longest = 254
    /// Longest local part (RFC 5321, section 4.5.3.1.1).
    static let longestLocalPart = 64
    /// Longest label of a domain name (RFC 1035, section 2.3.4).
    static let longestLabel = 63

    /// `nil` when `text` is not one address. Spaces around it are forgiven; they come from copying.
    public init?(_ text: String) {
        let bytes = text.utf8.drop { $0 == UInt8(ascii: " ") }.reversed().drop { $0 == UInt8(ascii: " ") }.reversed()
        guard bytes.count <= EmailAddress.longest, let at = bytes.lastIndex(of: UInt8(ascii: "@")) else { return nil }
        let local = bytes[..<at]
        let domain = bytes[bytes.index(after: at)...]
        guard !local.isEmpty, local.count <= EmailAddress.longestLocalPart, local.allSatisfy(EmailAddress.isLocal)
        else { return nil }
        for label in domain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard let first = label.first, let last = label.last, label.count <= EmailAddress.longestLabel,
                EmailAddress.isAlphanumeric(first), EmailAddress.isAlphanumeric(last),
                label.allSatisfy({ EmailAddress.isAlphanumeric($0) || $0 == UInt8(ascii: "-") })
            else { return nil }
        }
        self.text = String(
            decoding: bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self
        )
    }

    public var description: String { text }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func isLocal(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || ".!#$%&'*+/=?^_`{|}~-".utf8.contains(byte)
    }
}
