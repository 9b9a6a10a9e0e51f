internal import Linux

extension Response {
    /// Headers of every answer, errors included (docs/threat-model.md tells what each is for).
    private static let always: StaticString = """
        X-Content-Type-Options: nosniff\r
        X-Frame-Options: DENY\r
        Referrer-Policy: same-origin\r
        Cross-Origin-Opener-Policy: same-origin\r
        Cross-Origin-Embedder-Policy: require-corp\r
        Cross-Origin-Resource-Policy: same-origin\r
        Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r
        Cache-Control: no-store\r

        """
    private static let pagePolicy: StaticString = """
        Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
        connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r

        """
    /// What a user's script made is only ever saved; were it shown all the same, it could do nothing.
    private static let filePolicy: StaticString = """
        Content-Security-Policy: default-src 'none'; sandbox; frame-ancestors 'none'\r

        """
    /// Two years, the figure that browsers' lists ask for. Other hosts below this one are their admins' business.
    private static let secureOnly: StaticString = "Strict-Transport-Security: max-age=63072000\r\n"

    /// Sends the answer; says whether the other side took all of it.
    func send(to transport: any Transport, answering method: Method?, options: ServerOptions) -> Bool {
        var out: [UInt8] = []
        out.reserveCapacity(1536 + (inMemory?.count ?? 0))
        out += "Status: \(status)\r\n".utf8
        for (name, value) in headers {
            // Values are ours or encoded; were a line break in one, the answer would be another than we meant.
            precondition(value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a header holds no control characters")
            out += name.utf8
            out += ": \(value)\r\n".utf8
        }
        for cookie in cookies { out += "Set-Cookie: \(cookie.header(isSecure: options.isSecure))\r\n".utf8 }
        out += Response.always.utf8
        out += (inMemory == nil ? Response.filePolicy : Response.pagePolicy).utf8
        if options.isSecure { out += Response.secureOnly.utf8 }

        switch body {
        case .bytes(let bytes):
            out += "Content-Length: \(bytes.count)\r\n\r\n".utf8
            if method != .head { out += bytes }
            return out.withUnsafeBytes { transport.write($0) }
        case .file(let download):
            if let line = download.handedOver(by: transport.parameter("SCRIPTRUNNER_SENDFILE")) {
                out += line
                out += "\r\n\r\n".utf8
                return out.withUnsafeBytes { transport.write($0) }
            }
            out += "Content-Length: \(download.size)\r\n\r\n".utf8
            guard out.withUnsafeBytes({ transport.write($0) }) else { return false }
            return method == .head || download.stream(to: transport)
        }
    }

    private var inMemory: [UInt8]? { if case .bytes(let bytes) = body { bytes } else { nil } }
}

extension Download {
    /// The header that makes the web server send the file itself, if its configuration says that it can.
    fileprivate func handedOver(by ability: String?) -> [UInt8]? {
        guard let forWebServer else { return nil }
        switch ability {
        case "x-accel":
            // nginx decodes the path. The place is internal: no visitor can ask for it.
            var path = "X-Accel-Redirect: /_outbox"
            for segment in forWebServer.relative {
                path += "/"
                PercentEncoding.encode(segment, into: &path)
            }
            return Array(path.utf8)
        case "x-sendfile":
            // mod_xsendfile 0.12 takes the bytes as they are, later ones decode them: a path that means the same to
            // both goes into the header, if a header can hold it. The rest is sent by the program.
            let path = forWebServer.absolute
            let isPlain = path.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "%") }
            guard isPlain, path.last != UInt8(ascii: " ") else { return nil }
            return Array("X-Sendfile: ".utf8) + path
        default: return nil
        }
    }

    /// Sends the file through the program, for web servers that cannot do it themselves.
    fileprivate func stream(to transport: any Transport) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var rest = size
        while rest > 0 {
            let count = buffer.withUnsafeMutableBytes { all in
                let most = min(Int64(all.count), rest)
                return (try? file.read(into: UnsafeMutableRawBufferPointer(rebasing: all[..<Int(most)]))) ?? 0
            }
            // A file that became shorter meanwhile: the length was promised, so breaking off is the honest answer.
            guard count > 0 else { return false }
            rest -= Int64(count)
            guard buffer.withUnsafeBytes({ transport.write(UnsafeRawBufferPointer(rebasing: $0[..<count])) })
            else { return false }
        }
        return true
    }
}
