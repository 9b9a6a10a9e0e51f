/// A way for a mail to leave.
public protocol MailTransport {
    /// Returns when somebody else answers for the mail: it is on the disk, or a mail server took it.
    func deliver(_ message: Message) throws(Undelivered)
}

/// Why a mail could not be handed over this time.
public struct Undelivered: Error, Equatable {
    /// What the other side said, for the person who waits for the mail: one line of at most ``longestReason`` bytes.
    public let reason: String
    /// The same for the program's log. It names what failed and a number, but repeats nothing that a stranger wrote:
    /// servers like to quote the address.
    public let cause: String

    /// Bytes; more than a mail server's longest line of reply text has (RFC 5321, section 4.5.3.1.5, allows 512).
    public static let longestReason = 500

    /// - Parameter reason: may be as a stranger sent it: control characters become spaces, and it is cut.
    public init(_ reason: String, cause: String) {
        var line = ""
        for scalar in reason.unicodeScalars {
            let isControl =
                scalar.properties.generalCategory == .control || scalar.value == 0x2028 || scalar.value == 0x2029
            guard line.utf8.count + (isControl ? 1 : UTF8.width(scalar)) <= Undelivered.longestReason else { break }
            line.unicodeScalars.append(isControl ? " " : scalar)
        }
        self.reason = line
        self.cause = cause
    }
}
