internal import CFastCGI
internal import Linux

/// How one request comes in and its answer goes out.
protocol Transport: AnyObject {
    /// A variable that the web server passed, such as `REQUEST_URI` or `HTTP_COOKIE`.
    func parameter(_ name: String) -> String?
    /// Reads at most `buffer.count` bytes of the body; 0 means that no more will come.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int
    /// Sends more of the answer; `false` when the other side is gone.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool
}

/// One request on a FastCGI connection.
final class FastCGITransport: Transport {
    private let request: UnsafeMutablePointer<FCGX_Request>

    init(_ request: UnsafeMutablePointer<FCGX_Request>) { self.request = request }

    func parameter(_ name: String) -> String? {
        FCGX_GetParam(name, request.pointee.envp).map { String(cString: $0) }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = CInt(clamping: buffer.count)
        return max(
            0, Int(FCGX_GetStr(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), count, request.pointee.in)))
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = CInt(clamping: rest.count)
            let start = rest.baseAddress!.assumingMemoryBound(to: CChar.self)
            let written = FCGX_PutStr(start, count, request.pointee.out)
            guard written > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(written)...])
        }
        return true
    }
}

/// The one request of a CGI process (RFC 3875): variables in the environment, body on standard input.
///
/// libfcgi can tell that a program was started so, but does not serve it.
final class CGITransport: Transport {
    private var unread: Int

    init() {
        unread = getenv("CONTENT_LENGTH").flatMap { Int(String(cString: $0)) } ?? 0
    }

    func parameter(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = retryingOnInterrupt { Linux.read(0, buffer.baseAddress, min(buffer.count, unread)) }
        guard count > 0 else { return 0 }
        unread -= count
        return count
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = retryingOnInterrupt { Linux.write(1, rest.baseAddress, rest.count) }
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }
}
