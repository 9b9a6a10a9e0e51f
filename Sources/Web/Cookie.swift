/// A cookie for this site alone: not readable by scripts, not sent along by other sites' forms, gone from no other host's
/// reach. Over https it is `__Host-` and Secure, so that neither a sibling host nor plain http can plant one.
public struct Cookie: Sendable {
    let name: StaticString
    let value: String
    /// Seconds; `nil`: until the browser closes; 0: forget it now.
    let lifetime: Int?

    /// - Parameter value: hexadecimal digits or empty; a cookie of ours never holds anything else.
    public init(_ name: StaticString, value: String, lifetime: Int?) {
        precondition(value.utf8.allSatisfy { $0 > 0x2C && $0 < 0x7F && $0 != 0x3B && $0 != 0x5C })
        self.name = name
        self.value = value
        self.lifetime = lifetime
    }

    static func fullName(_ name: String, isSecure: Bool) -> String { isSecure ? "__Host-" + name : name }

    /// The header's value. `Path=/` because `__Host-` demands it.
    func header(isSecure: Bool) -> String {
        var text = "\(Cookie.fullName(name.description, isSecure: isSecure))=\(value); Path=/; HttpOnly; SameSite=Lax"
        if let lifetime { text += "; Max-Age=\(lifetime)" }
        if isSecure { text += "; Secure" }
        return text
    }
}
