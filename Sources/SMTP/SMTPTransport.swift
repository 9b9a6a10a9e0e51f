internal import CCurl
public import Linux
public import Mail
public import Settings

/// Hands mails to a mail server, by libcurl.
///
/// 1. With `starttls` and `tls` nothing but a greeting is said before the connection is encrypted to a server whose
///    certificate is valid and names it; there is no way to switch that off.
/// 2. Only SMTP is spoken, only to the server of the settings: no proxy and no password file of the environment counts.
/// 3. Sender and recipient are plain addresses, checked before a byte is sent, so that neither can become a command.
/// 4. The password is nowhere but in its file and in memory, whatever a server quotes.
///
/// Mails that follow one another share a connection.
public final class SMTPTransport: MailTransport {
    private let curl: Curl
    private let credentials: MailServer.Credentials?

    /// How long a try may take.
    public struct Patience: Sendable {
        /// From the search for the name to the end of the sign-in. Some servers keep strangers waiting for half a minute
        /// on purpose.
        public var connecting = Instant.Span.seconds(60)
        /// All of it, and each answer. A server may take ten minutes over the end of a mail (RFC 5321, section
        /// 4.5.3.2.6); who goes earlier makes it deliver the mail twice.
        public var whole = Instant.Span.minutes(12)

        public init() {}
    }

    /// - Throws: `SettingsProblem` about a key that cannot work.
    public convenience init(_ settings: Settings, patience: Patience = Patience()) throws(SettingsProblem) {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let hostName = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let server = try MailServer(settings, hostName: hostName)
        do throws(Curl.Failure) {
            try self.init(server, patience)
        } catch {
            throw settings.problem(with: "mail_transport", "libcurl cannot do it: \(error.meaning)")
        }
    }

    private init(_ server: MailServer, _ patience: Patience) throws(Curl.Failure) {
        credentials = server.credentials
        curl = try Curl()
        try curl.set(CURLOPT_URL, server.url)
        try curl.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        try curl.set(CURLOPT_UPLOAD, 1)
        try curl.dropDownloads()

        if server.security == .starttls { try curl.set(CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue)) }
        try curl.set(CURLOPT_SSL_VERIFYPEER, 1)
        try curl.set(CURLOPT_SSL_VERIFYHOST, 2)
        try curl.set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        if let caFile = server.caFile {
            // Instead of the system's: a folder of them would be trusted besides.
            try curl.set(CURLOPT_CAINFO, caFile)
            try curl.set(CURLOPT_CAPATH, nil)
        }

        if let credentials = server.credentials {
            try curl.set(CURLOPT_USERNAME, credentials.user)
            try curl.set(CURLOPT_PASSWORD, credentials.password)
        }
        try curl.set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        // The empty text means none; otherwise variables such as ALL_PROXY would name one.
        try curl.set(CURLOPT_PROXY, "")

        try curl.set(CURLOPT_NOSIGNAL, 1)
        try curl.set(CURLOPT_CONNECTTIMEOUT_MS, Int(patience.connecting.milliseconds))
        try curl.set(CURLOPT_TIMEOUT_MS, Int(patience.whole.milliseconds))
        // libcurl's own limit for one answer is two minutes.
        try curl.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, Int(patience.whole.milliseconds / 1000)))
    }

    public func deliver(_ message: Message) throws(Undelivered) {
        guard Message.isAddress(message.from), Message.isAddress(message.to) else {
            throw Undelivered("sender or recipient is no address", cause: "no address")
        }
        let outcome: Curl.Outcome
        do throws(Curl.Failure) {
            try curl.set(CURLOPT_MAIL_FROM, "<\(message.from)>")
            outcome = try curl.send(message.rendered, to: "<\(message.to)>")
        } catch {
            throw Undelivered(error.meaning, cause: "libcurl \(error.code.rawValue)")
        }
        guard let failure = outcome.failure else { return }
        var reason = outcome.words.isEmpty ? failure.meaning : outcome.words
        var cause = "libcurl \(failure.code.rawValue)"
        if outcome.replyCode > 0, outcome.refusal.starts(with: "\(outcome.replyCode)".utf8) {
            cause += ", reply \(outcome.replyCode)"
            reason += "; the mail server said: "
            reason +=
                credentials?.leak(in: outcome.refusal) == true
                ? "\(outcome.replyCode), and then the password" : String(decoding: outcome.refusal, as: UTF8.self)
        }
        throw Undelivered(reason, cause: cause)
    }
}
