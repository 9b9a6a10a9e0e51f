/// An address within this site, ready for `href`, `action` and redirects. Nothing else fits there, so no link can lead
/// anywhere else.
public struct Path: Sendable, Equatable {
    /// As it stands in a header, percent-encoded, beginning with `/`.
    public let text: String

    fileprivate init(text: String) { self.text = text }

    /// The same with one more value in its query.
    public func query(_ name: StaticString, _ value: String) -> Path {
        var text = text + (text.utf8.contains(UInt8(ascii: "?")) ? "&" : "?")
        text += name.description + "="
        PercentEncoding.encode(value.utf8, into: &text)
        return Path(text: text)
    }

    /// The same leading to the element of this id on the page.
    public func fragment(_ id: StaticString) -> Path { Path(text: text + "#" + id.description) }
}

/// Makes the site's addresses; knows the prefix below which everything lives.
public struct Paths: Sendable {
    /// Empty, or a path that begins with `/` and does not end with one.
    public let prefix: String

    public init(prefix: String) { self.prefix = prefix }

    /// The address of these path segments, each percent-encoded; none leads home.
    public func callAsFunction(_ segments: String...) -> Path {
        self(bytes: segments.map { Array($0.utf8) })
    }

    /// The same for segments that may be no UTF-8, such as names of output files.
    public func callAsFunction(bytes segments: [[UInt8]]) -> Path {
        var text = prefix
        for segment in segments {
            text += "/"
            PercentEncoding.encode(segment, into: &text)
        }
        return Path(text: segments.isEmpty ? text + "/" : text)
    }

    /// The path that a visitor's own text names, such as a form's `fromPage`; `nil` unless it stays within this site.
    ///
    /// It begins with the prefix and one slash. A second slash or a backslash would begin another host's address in some
    /// browser; control characters, spaces and non-ASCII never stand in an address that we made; `.` and `..` would lead
    /// out of the prefix again.
    public func local(_ text: String) -> Path? {
        let bytes = text.utf8
        guard bytes.count <= Self.longestLocal, bytes.starts(with: (prefix + "/").utf8) else { return nil }
        let rest = bytes.dropFirst(prefix.utf8.count + 1)
        guard rest.first != UInt8(ascii: "/"), rest.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { return nil }
        for segment in rest.prefix(while: { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
            .split(separator: UInt8(ascii: "/"))
        {
            guard let plain = PercentEncoding.decode(segment, plusIsSpace: false), plain != Array(".".utf8),
                plain != Array("..".utf8)
            else { return nil }
        }
        return Path(text: text)
    }

    /// Longest address that is led back to. Longer ones are nobody's bookmark.
    static let longestLocal = 2000
}
