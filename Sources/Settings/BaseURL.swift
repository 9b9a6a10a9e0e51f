/// The address that browsers reach the site by.
public struct BaseURL: Sendable, Equatable {
    /// `http` or `https`.
    public let scheme: String
    /// Host and, where it is not the scheme's own, port.
    public let host: String
    /// The path below which everything lives: empty, or beginning with a slash and not ending with one.
    public let prefix: String

    /// As browsers say it in the `Origin` header.
    public var origin: String { "\(scheme)://\(host)" }
    /// The whole, without a slash at the end.
    public var text: String { origin + prefix }

    init(scheme: String, host: String, prefix: String) {
        self.scheme = scheme
        self.host = host
        self.prefix = prefix
    }

    /// `nil` unless it is `http://HOST[:PORT][/PATH]` or the same with https, of plain characters.
    ///
    /// Scheme and host are put into lower case, and the scheme's own port is left out, because that is how browsers
    /// say the origin that is compared with this one.
    init?(_ text: String) {
        let rest: Substring
        if let found = BaseURL.rest(of: text, after: "https://") {
            (scheme, rest) = ("https", found)
        } else if let found = BaseURL.rest(of: text, after: "http://") {
            (scheme, rest) = ("http", found)
        } else {
            return nil
        }
        var path = rest.drop { $0 != "/" }
        guard let host = BaseURL.host(rest[..<path.startIndex], standardPort: scheme == "https" ? 443 : 80)
        else { return nil }
        self.host = host
        while path.last == "/" { path = path.dropLast() }
        // Two slashes would begin another host's address in every link of ours, and dots a path that browsers rewrite.
        guard path.utf8.allSatisfy({ BaseURL.isPlain($0, "/-_.~") }),
            path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
                .allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { return nil }
        prefix = String(path)
    }

    private static func rest(of text: String, after scheme: String) -> Substring? {
        text.prefix(scheme.count).lowercased() == scheme ? text.dropFirst(scheme.count) : nil
    }

    private static func host(_ text: Substring, standardPort: Int) -> String? {
        // The address of IPv6 has colons of its own, within brackets.
        let name = text.first == "[" ? text.prefix { $0 != "]" } + "]" : text.prefix { $0 != ":" }
        guard text.hasPrefix(name), name.count > (text.first == "[" ? 2 : 0),
            name.utf8.allSatisfy({ isPlain($0, text.first == "[" ? "[:.]" : ".-") })
        else { return nil }
        let port = text.dropFirst(name.count)
        if port.isEmpty { return name.lowercased() }
        guard port.first == ":", port.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(port.dropFirst()), (1...65_535).contains(number)
        else { return nil }
        return name.lowercased() + (number == standardPort ? "" : ":\(number)")
    }

    private static func isPlain(_ byte: UInt8, _ more: StaticString) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || more.description.utf8.contains(byte)
    }
}
