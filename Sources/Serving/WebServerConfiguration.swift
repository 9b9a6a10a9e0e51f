internal import Linux
public import Settings

/// Which web server stands before the pages.
public enum WebServer: String, Sendable, CaseIterable {
    case nginx, apache
    /// None of ours: the system's own, configured with httpd-conf/.
    case none
}

/// Fills the templates of httpd-conf/.
public struct WebServerConfiguration: Sendable {
    let layout: Layout
    let settings: Settings

    /// Room that the fields around an upload's files may take besides `max_upload_bytes`; the programs allow the same.
    static let slack: Int64 = 2 << 20
    /// The largest LimitRequestBody of Apache 2.4 (2 GiB - 1); above it the limit is lifted and FcgidMaxRequestLen, which
    /// has no such bound, is what holds.
    static let apacheMost: Int64 = 2_147_483_647

    /// Words that are put in for the ones between @ signs.
    public struct Values: Sendable {
        /// The lines that make the server listen.
        public var listen: String
        public var port: String
        public var serverName: String
        /// The folder of the pages' sockets.
        public var sockets: String

        public init(listen: String, port: String, serverName: String, sockets: String) {
            self.listen = listen
            self.port = port
            self.serverName = serverName
            self.sockets = sockets
        }
    }

    public init(_ layout: Layout, _ settings: Settings) {
        self.layout = layout
        self.settings = settings
    }

    /// The site's part, for an nginx or Apache that is there anyway or for one of our own.
    ///
    /// - Throws: ``Advice`` when the template is not there or a path cannot stand in it.
    public func site(for server: WebServer, _ values: Values) throws -> String {
        let body = settings.maxUploadBytes + Self.slack
        let sendfile = server == .apache && access(Self.xsendfile, F_OK) == 0 ? "x-sendfile" : "off"
        return try fill(
            server == .apache ? "apache.conf" : "nginx.conf",
            [
                ("LISTEN", values.listen), ("PORT", values.port), ("SERVER_NAME", values.serverName),
                ("SOCKETS", values.sockets), ("PREFIX", settings.baseURL.prefix), ("HTDOCS", layout.htdocs),
                ("HTTPD_CONF", layout.httpdConf), ("CGI_BIN", layout.cgiBin), ("OUTBOX", settings.outboxDir),
                ("SETTINGS", settings.file), ("SENDFILE", sendfile), ("MAX_BODY", String(body)),
                ("LIMIT_BODY", String(body > Self.apacheMost ? 0 : body)),
            ])
    }

    /// The frame that makes a whole server of the site's part.
    func frame(for server: WebServer, state: StateFolder) throws -> String {
        let load =
            access(Self.xsendfile, F_OK) == 0 ? "LoadModule xsendfile_module \(Self.xsendfile)" : ""
        return try fill(
            server == .apache ? "apache-standalone.conf" : "nginx-standalone.conf",
            [
                ("RUN", state.run), ("LOG", state.log), ("HTTPD", state.httpd), ("MODULES", Self.modules),
                ("LOAD_XSENDFILE", load),
            ])
    }

    /// Where Debian's packages put Apache's modules.
    static let modules = "/usr/lib/apache2/modules"
    static let xsendfile = modules + "/mod_xsendfile.so"

    private func fill(_ name: String, _ values: [(String, String)]) throws -> String {
        let path = layout.httpdConf + "/" + name
        guard let bytes = try? Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20) else {
            throw Advice("\(path): cannot be read; it belongs beside bin/")
        }
        var text = String(decoding: bytes, as: UTF8.self)
        for (word, value) in values {
            // What would end a string or a statement of the file, or is another word of ours.
            guard !value.contains(where: { "\"';{}@\\".contains($0) }) || word == "LISTEN" else {
                throw Advice("\(value): a path with such characters cannot stand in the web server's configuration")
            }
            text = replace("@\(word)@", with: value, in: text)
        }
        return text
    }

    private func replace(_ word: String, with value: String, in text: String) -> String {
        let bytes = Array(text.utf8)
        let needle = Array(word.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: needle) {
                result += value.utf8
                index += needle.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
