internal import CCurl
internal import Linux

/// One handle of libcurl. Every option is set or throws: none that protects us may be missing silently.
struct Curl: ~Copyable {
    private let handle: UnsafeMutableRawPointer

    /// A call that failed, by libcurl's number.
    struct Failure: Error {
        let code: CURLcode
        var meaning: String { String(cString: curl_easy_strerror(code)) }
    }

    /// Once for the whole program, before the first handle.
    private static let prepared = curl_global_init(Int(CURL_GLOBAL_SSL))

    init() throws(Failure) {
        guard Curl.prepared == CURLE_OK, let handle = curl_easy_init() else { throw Failure(code: CURLE_FAILED_INIT) }
        self.handle = handle
    }

    /// Says goodbye to the server.
    deinit { curl_easy_cleanup(handle) }

    borrowing func set(_ option: CURLoption, _ value: Int) throws(Failure) {
        try check(ccurl_set_long(handle, option, value))
    }

    borrowing func set(_ option: CURLoption, _ value: String?) throws(Failure) {
        try check(ccurl_set_text(handle, option, value))
    }

    borrowing func set(_ option: CURLoption, size: Int) throws(Failure) {
        try check(ccurl_set_size(handle, option, curl_off_t(size)))
    }

    /// Drops what would be printed.
    borrowing func dropDownloads() throws(Failure) {
        try check(ccurl_set_writer(handle) { _, size, count, _ in size * count })
    }

    /// Performs one transfer that uploads `bytes` to one recipient, and says how the server took it.
    borrowing func send(_ bytes: [UInt8], to recipient: String) throws(Failure) -> Outcome {
        let exchange = Exchange(bytes)
        let context = Unmanaged.passUnretained(exchange).toOpaque()
        defer { withExtendedLifetime(exchange) {} }
        guard let list = curl_slist_append(nil, recipient) else { throw Failure(code: CURLE_OUT_OF_MEMORY) }
        defer { curl_slist_free_all(list) }
        let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        defer { words.deallocate() }
        defer {
            // The handle lives on, these do not.
            ccurl_set_error_buffer(handle, nil)
            ccurl_set_list(handle, CURLOPT_MAIL_RCPT, nil)
        }
        try check(ccurl_set_error_buffer(handle, words))
        try check(ccurl_set_list(handle, CURLOPT_MAIL_RCPT, list))
        try check(
            ccurl_set_reader(
                handle,
                { buffer, size, count, context in
                    let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()
                    return exchange.give(UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
                }, context))
        try check(
            ccurl_set_listener(
                handle,
                { line, size, count, context in
                    let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()
                    exchange.hear(UnsafeRawBufferPointer(start: line, count: size * count))
                    return size * count
                }, context))
        try set(CURLOPT_INFILESIZE_LARGE, size: bytes.count)
        let code = curl_easy_perform(handle)
        var replyCode = 0
        ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &replyCode)
        return Outcome(
            failure: code == CURLE_OK ? nil : Failure(code: code), words: String(cString: words), replyCode: replyCode,
            refusal: exchange.refusal)
    }

    /// How a transfer went.
    struct Outcome {
        let failure: Failure?
        /// libcurl's own words about the failure; may be empty.
        let words: String
        /// The number of the reply that decided; 0 if there was none.
        let replyCode: Int
        /// The last reply that refused something, as it came: it begins with its number. Empty if there was none.
        let refusal: [UInt8]
    }

    private borrowing func check(_ code: CURLcode) throws(Failure) {
        guard code == CURLE_OK else { throw Failure(code: code) }
    }
}

/// What libcurl's callbacks share during one transfer.
private final class Exchange {
    private let bytes: [UInt8]
    private var given = 0
    private(set) var refusal: [UInt8] = []
    private var replyIsWhole = true
    private var isRefusal = false

    /// More of a reply than anybody reads. Bytes.
    private static let longestReply = 1000

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - given)
        buffer.copyBytes(from: bytes[given..<given + count])
        given += count
        return count
    }

    /// A reply is lines of `NNN-text`, the last of which is `NNN text` (RFC 5321, section 4.2.1). After a refusal libcurl
    /// takes its leave, and hears a friendly 221.
    func hear(_ line: UnsafeRawBufferPointer) {
        if replyIsWhole {
            isRefusal = line.first == UInt8(ascii: "4") || line.first == UInt8(ascii: "5")
            if isRefusal { refusal = [] }
        }
        if isRefusal { refusal += line.prefix(Self.longestReply - refusal.count) }
        replyIsWhole = line.count < 4 || line[3] != UInt8(ascii: "-")
    }
}
