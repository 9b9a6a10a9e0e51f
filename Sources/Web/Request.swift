internal import Linux

/// What a visitor wants to do.
public enum Method: Sendable {
    case get, head, post
}

/// One request, checked: the method is known, the address is decoded and harmless, a POST comes from this very site.
/// The body has not been touched.
public struct Request: ~Copyable {
    public let method: Method
    /// The decoded parts of the path below the site's prefix; empty for home. None is empty, `.`, `..`, or holds a slash
    /// or NUL. Bytes that are no UTF-8 are replaced; see ``rawSegments``.
    public let segments: [String]
    /// The same as bytes, for names of files that may be no UTF-8.
    public let rawSegments: [[UInt8]]
    /// The fields of the address after `?`.
    public let query: Form
    /// Names this request in the log and on an error's page.
    public let reference: String
    /// Bytes that the body has; `nil` when there is none.
    public let contentLength: Int?
    /// The address as it came, to come back to after signing in.
    public let address: String
    let transport: any Transport
    private let options: ServerOptions

    /// Most bytes of an address; browsers and servers agree on about this.
    static let longestAddress = 8192
    /// The size of the reads in which a body is taken.
    static let readSize = 65_536

    init(_ transport: any Transport, options: ServerOptions, reference: String) throws(RequestProblem) {
        // Everything is checked before anything is kept: a value that cannot be copied is made whole or not at all.
        let method = try Self.method(transport)
        // The one variable that is raw and alike behind every web server.
        guard let address = transport.parameter("REQUEST_URI") else {
            throw RequestProblem(status: 400, sentence: "The web server does not pass on the address (REQUEST_URI).")
        }
        guard address.utf8.count <= Self.longestAddress
        else { throw RequestProblem(status: 414, sentence: "The address is too long.") }
        let parts = address.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        let rawSegments = try Self.segments(of: parts.first ?? ""[...].utf8, below: options.prefix)
        let query = try Form(urlencoded: parts.count > 1 ? parts[1] : ""[...].utf8)
        let contentLength = try Self.contentLength(transport)
        if method == .post { try Self.refuseCrossSite(transport, origin: options.origin) }

        self.transport = transport
        self.options = options
        self.reference = reference
        self.method = method
        self.address = address
        self.rawSegments = rawSegments
        self.segments = rawSegments.map { String(decoding: $0, as: UTF8.self) }
        self.query = query
        self.contentLength = contentLength
    }

    /// A variable that the web server's configuration sets, never a header: those begin with `HTTP_`, and are refused.
    public func parameter(_ name: StaticString) -> String? {
        precondition(!name.description.hasPrefix("HTTP_"), "a header is the visitor's word; ask for it by its own name")
        return transport.parameter(name.description)
    }

    /// The visitor's address as the web server saw it.
    public var remoteAddress: String { transport.parameter("REMOTE_ADDR") ?? "" }

    /// What the browser says of itself.
    public var userAgent: String { transport.parameter("HTTP_USER_AGENT") ?? "" }

    /// The cookie of this name. Two of one name are none: one of them was planted.
    public func cookie(_ name: StaticString) -> String? {
        guard let header = transport.parameter("HTTP_COOKIE") else { return nil }
        let wanted = Array((Cookie.fullName(name.description, isSecure: options.isSecure) + "=").utf8)
        var found: String?
        // By bytes, so that no combining mark hides a separator. nginx repeats the header, Apache joins two by a comma;
        // our values hold neither comma nor semicolon.
        for pair in header.utf8.split(whereSeparator: { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ",") }) {
            let trimmed = pair.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard trimmed.starts(with: wanted) else { continue }
            if found != nil { return nil }
            found = String(Substring(trimmed.dropFirst(wanted.count)))
        }
        return found
    }

    // MARK: The body

    /// Reads the body as a form without files.
    ///
    /// - Throws: ``RequestProblem`` when it is none, too long, or did not arrive whole.
    public func form() throws -> Form {
        let type = transport.parameter("CONTENT_TYPE") ?? ""
        if type.asciiLowercased().hasPrefix("multipart/") {
            var form = Form()
            try multipart(mostBytes: options.mostFormBytes) { event in
                switch event {
                case .field(let name, let value): try form.add(name: Array(name.utf8), value: Array(value.utf8))
                default: throw RequestProblem(status: 415, sentence: "This form takes no files.")
                }
            }
            return form
        }
        guard type.asciiLowercased().hasPrefix("application/x-www-form-urlencoded") else {
            throw RequestProblem(status: 415, sentence: "The form was sent in an unknown way.")
        }
        var body: [UInt8] = []
        try readBody(mostBytes: options.mostFormBytes) { body += $0 }
        return try Form(urlencoded: body)
    }

    /// Reads the body as a form with files, piece by piece at constant memory.
    ///
    /// - Parameters:
    ///   - mostBytes: a longer body is refused before any of it is read.
    ///   - receive: gets each field and each piece of a file as it arrives. If it throws, the rest is not read.
    public func multipart(mostBytes: Int, _ receive: (MultipartEvent) throws -> Void) throws {
        var parser = try MultipartParser(
            contentType: transport.parameter("CONTENT_TYPE") ?? "", mostTextBytes: options.mostFormBytes)
        try readBody(mostBytes: mostBytes) { try parser.feed($0, receive) }
        guard parser.isComplete else { throw MultipartParser.malformed }
    }

    private func readBody(mostBytes: Int, _ take: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let contentLength else {
            throw RequestProblem(status: 411, sentence: "The request does not say how long it is.")
        }
        guard contentLength <= mostBytes else {
            throw RequestProblem(
                status: 413, sentence: "That is too much at once: at most \(mostBytes) bytes are taken here.")
        }
        var buffer = [UInt8](repeating: 0, count: min(Self.readSize, max(contentLength, 1)))
        var rest = contentLength
        while rest > 0 {
            let count = buffer.withUnsafeMutableBytes { all in
                transport.read(into: UnsafeMutableRawBufferPointer(rebasing: all[..<min(all.count, rest)]))
            }
            guard count > 0 else {
                throw RequestProblem(status: 400, sentence: "The request broke off before it was complete.")
            }
            rest -= count
            try buffer.withUnsafeBytes { try take(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    // MARK: Checks

    static func method(_ transport: any Transport) throws(RequestProblem) -> Method {
        switch transport.parameter("REQUEST_METHOD") {
        case "GET": return .get
        case "HEAD": return .head
        case "POST": return .post
        default: throw RequestProblem(status: 405, sentence: "This address answers GET, HEAD and POST only.")
        }
    }

    private static func contentLength(_ transport: any Transport) throws(RequestProblem) -> Int? {
        guard let length = transport.parameter("CONTENT_LENGTH"), !length.isEmpty else { return nil }
        guard length.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let count = Int(length)
        else { throw RequestProblem(status: 400, sentence: "The request's length is not a number.") }
        return count
    }

    private static func segments(of path: Substring.UTF8View, below prefix: String) throws(RequestProblem) -> [[UInt8]]
    {
        let unknown = RequestProblem(status: 404, sentence: "There is no page at this address.")
        guard path.starts(with: prefix.utf8) else { throw unknown }
        // The prefix as people type it, without the slash, is home.
        if !prefix.isEmpty, path.count == prefix.utf8.count { return [] }
        guard path.dropFirst(prefix.utf8.count).first == UInt8(ascii: "/") else { throw unknown }
        var raw = path.dropFirst(prefix.utf8.count + 1)
        guard !raw.isEmpty else { return [] }
        if raw.last == UInt8(ascii: "/") { raw = raw.dropLast() }
        var segments: [[UInt8]] = []
        for part in raw.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let segment = PercentEncoding.decode(part, plusIsSpace: false) else {
                throw RequestProblem(status: 400, sentence: "The address is not encoded properly.")
            }
            guard !segment.isEmpty, segment != [UInt8(ascii: ".")], segment != Array("..".utf8),
                !segment.contains(UInt8(ascii: "/")), !segment.contains(0)
            else { throw unknown }
            segments.append(segment)
        }
        return segments
    }

    /// A POST must come from a page of this site. Browsers say so by Sec-Fetch-Site, which no page can forge; then
    /// Origin is not asked, because it depends on `base_url` being what the browser sees. Older browsers say Origin;
    /// whoever says neither is no browser with a user's cookies, or hides something.
    private static func refuseCrossSite(_ transport: any Transport, origin: String) throws(RequestProblem) {
        let refused = RequestProblem(
            status: 403,
            sentence: "This came from another site, or your browser did not say where it came from. "
                + "Open the page here and send the form again.")
        if let site = transport.parameter("HTTP_SEC_FETCH_SITE") {
            guard site == "same-origin" || site == "none" else { throw refused }
            // No page can forge it, and Origin adds nothing: behind a second name of this host it would only be in the way.
            return
        }
        guard let claimed = transport.parameter("HTTP_ORIGIN"), claimed == origin else { throw refused }
    }
}
