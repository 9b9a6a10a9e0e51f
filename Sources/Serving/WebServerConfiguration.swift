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
    /// mod_fcgid cuts the values of FcgidInitialEnv off behind this. Bytes.
    static let longestVariable = 127

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
        guard server != .apache || settings.file.utf8.count <= Self.longestVariable else {
            throw Advice(
                "\(settings.file): Apache's mod_fcgid passes at most \(Self.longestVariable) bytes of this path on to "
                    + "the programs; choose a folder with a shorter one")
        }
        guard server != .apache || !layout.cgiBin.contains(where: { " \t'\"".contains($0) }) else {
            throw Advice(
                "\(layout.cgiBin): Apache's mod_fcgid takes a program's path to end at a space or quote; choose a "
                    + "folder without")
        }
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
    static let fcgid = modules + "/mod_fcgid.so"
    static let xsendfile = modules + "/mod_xsendfile.so"

    /// The template with each `@WORD@` replaced by its value.
    private func fill(_ name: String, _ values: [(String, String)]) throws -> String {
        let path = layout.httpdConf + "/" + name
        guard let bytes = try? Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20) else {
            throw Advice("\(path): cannot be read; it belongs beside bin/")
        }
        for (word, value) in values where word != "LISTEN" && word != "SERVER_NAME" {
            // All paths stand in double quotes there, so these are what would end one or mean something else.
            guard value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !"\"\\$*?[]".unicodeScalars.contains($0) })
            else {
                throw Advice("\(value): a path with such characters cannot stand in the web server's configuration")
            }
        }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "@", omittingEmptySubsequences: false)
        var text = ""
        var isWord = false
        for part in parts {
            if let value = values.first(where: { $0.0 == part })?.1, isWord {
                text += value
                isWord = false
            } else {
                text += (isWord ? "@" : "") + part
                isWord = true
            }
        }
        return text
    }
}
