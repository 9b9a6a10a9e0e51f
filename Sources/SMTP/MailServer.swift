internal import Linux
internal import Mail
internal import Settings

/// The mail server as the settings name it, checked before the first mail.
struct MailServer {
    /// What libcurl connects to. Its path is the name by which we greet the server.
    let url: String
    let security: Settings.SMTPSecurity
    let caFile: String?
    let credentials: Credentials?

    struct Credentials {
        let user: String
        let password: String

        /// Whether a text holds the password, plainly or as it crosses the line. (Servers that quote what they refuse
        /// exist.)
        func leak(in text: [UInt8]) -> Bool {
            let secrets = [
                Array(password.utf8), Array(Base64.text(Array(password.utf8)).utf8),
                Array(Base64.text(Array("\0\(user)\0\(password)".utf8)).utf8),
            ]
            return secrets.contains { secret in
                text.indices.contains { text[$0...].starts(with: secret) }
            }
        }
    }

    /// No password is longer. Bytes.
    private static let longestPasswordFile = 4096

    /// - Parameter hostName: what this machine calls itself.
    /// - Throws: `SettingsProblem` naming the key that cannot work.
    init(_ settings: Settings, hostName: String) throws(SettingsProblem) {
        let host = settings.smtpHost
        guard host.utf8.allSatisfy({ isNamePart($0) || "[:]".utf8.contains($0) }) else {
            throw settings.problem(with: "smtp_host", "\"\(host)\" is no host's name or address")
        }
        let bracketed = host.utf8.contains(UInt8(ascii: ":")) && !host.hasPrefix("[") ? "[\(host)]" : host
        let scheme = settings.smtpSecurity == .tls ? "smtps" : "smtp"
        let greeting = MailServer.greetingName(hostName, site: settings.baseURL.host)
        url = "\(scheme)://\(bracketed):\(settings.smtpPort)/\(greeting)"
        security = settings.smtpSecurity
        caFile = settings.smtpCaFile
        if let caFile { _ = try MailServer.read(caFile, .max, of: "smtp_ca_file", settings) }
        credentials = try MailServer.credentials(settings)
    }

    /// What we call ourselves in EHLO. Servers like a full name: the machine's own, if it is one, else the site's.
    static func greetingName(_ hostName: String, site: String) -> String {
        func isFull(_ name: Substring) -> Bool {
            // An address in numbers is no name; servers refuse it.
            name.utf8.contains(UInt8(ascii: ".")) && name.utf8.allSatisfy(isNamePart)
                && !name.utf8.allSatisfy { !isLetter($0) }
        }
        let site = site.prefix { $0 != ":" }
        if isFull(hostName[...]) { return hostName }
        if isFull(site) { return String(site) }
        return !hostName.isEmpty && hostName.utf8.allSatisfy(isNamePart) ? hostName : "localhost"
    }

    private static func credentials(_ settings: Settings) throws(SettingsProblem) -> Credentials? {
        guard let user = settings.smtpUser else {
            guard settings.smtpPasswordFile == nil else {
                throw settings.problem(with: "smtp_password_file", "a password without a user; set smtp_user")
            }
            return nil
        }
        guard !user.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw settings.problem(with: "smtp_user", "holds a control character")
        }
        guard let file = settings.smtpPasswordFile else {
            throw settings.problem(with: "smtp_user", "a user without a password; set smtp_password_file")
        }
        let bytes = try read(file, longestPasswordFile, of: "smtp_password_file", settings)
        var line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard !line.isEmpty else {
            throw settings.problem(with: "smtp_password_file", "\(file): the first line is empty; it is the password")
        }
        let password = String(decoding: line, as: UTF8.self)
        guard password.utf8.elementsEqual(line),
            !password.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw settings.problem(
                with: "smtp_password_file", "\(file): the first line is no text or holds a control character")
        }
        return Credentials(user: user, password: password)
    }

    /// - Parameter limit: bytes.
    private static func read(
        _ path: String, _ limit: Int, of key: String, _ settings: Settings
    ) throws(SettingsProblem) -> [UInt8] {
        do throws(SystemError) {
            return try Descriptor.open(path, O_RDONLY).readAll(limit: limit)
        } catch {
            throw settings.problem(with: key, "\(path): user \(getuid()) cannot read it: \(error.reason)")
        }
    }
}

private func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}

/// Whether a byte may stand in a host's name.
private func isNamePart(_ byte: UInt8) -> Bool {
    isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-.".utf8.contains(byte)
}
