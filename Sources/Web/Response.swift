public import Linux

/// An answer.
public struct Response {
    public var status: Int
    var headers: [(name: StaticString, value: String)] = []
    var cookies: [Cookie] = []
    var body: Body

    enum Body {
        case bytes([UInt8])
        case file(Download)
    }

    /// A page.
    public static func page(_ html: HTML, status: Int = 200) -> Response {
        Response(status: status, headers: [("Content-Type", "text/html; charset=utf-8")], body: .bytes(html.bytes))
    }

    /// Plain text.
    public static func text(_ bytes: [UInt8], status: Int = 200) -> Response {
        Response(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: .bytes(bytes))
    }

    /// Go and GET there: the answer to every POST that did something, so that reloading repeats nothing.
    public static func seeOther(_ path: Path) -> Response {
        Response(status: 303, headers: [("Location", path.text)], body: .bytes([]))
    }

    /// A file to save.
    public static func download(_ file: Download) -> Response {
        Response(
            status: 200,
            headers: [
                ("Content-Type", "application/octet-stream"),
                ("Content-Disposition", Download.disposition(file.name)),
            ], body: .file(file))
    }

    /// What was made for this answer, to be saved.
    public static func download(_ bytes: [UInt8], named name: String) -> Response {
        Response(
            status: 200,
            headers: [
                ("Content-Type", "application/octet-stream"), ("Content-Disposition", Download.disposition(name)),
            ], body: .bytes(bytes))
    }

    /// The same with a cookie to keep.
    public consuming func setting(_ cookie: Cookie) -> Response {
        cookies.append(cookie)
        return self
    }

    /// The same, not to be asked again before so many seconds.
    public consuming func retryAfter(seconds: Int) -> Response {
        headers.append(("Retry-After", String(seconds)))
        return self
    }
}

/// A file that is sent to be saved.
public final class Download {
    let name: String
    let file: Descriptor
    let size: Int64
    /// Where the web server finds it, if it may: the path below the outboxes' folder, and the whole path.
    let forWebServer: (relative: [[UInt8]], absolute: [UInt8])?

    /// - Parameters:
    ///   - name: what the visitor's file will be called.
    ///   - file: it, open; sent from its beginning where the web server cannot do it.
    ///   - forWebServer: `nil` for what the web server cannot reach.
    public init(
        name: String, file: consuming Descriptor, size: Int64,
        forWebServer: (relative: [[UInt8]], absolute: [UInt8])? = nil
    ) {
        self.name = name
        self.file = file
        self.size = size
        self.forWebServer = forWebServer
    }

    /// The header that names the file: in ASCII for old browsers, and exactly (RFC 6266, RFC 8187).
    static func disposition(_ name: String) -> String {
        let plain = String(
            decoding: name.utf8.map { byte in
                (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                    && byte != UInt8(ascii: "%") ? byte : UInt8(ascii: "_")
            }, as: UTF8.self)
        var exact = ""
        PercentEncoding.encode(name.utf8, into: &exact)
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(exact)"
    }
}
