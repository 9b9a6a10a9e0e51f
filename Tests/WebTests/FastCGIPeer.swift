import Linux
import TestSupport

/// What a web server says to a FastCGI program, record by record (FastCGI specification 1.0, section 3).
final class FastCGIPeer {
    enum Kind: UInt8 {
        case begin = 1, abort, end, parameters, input, output, errors, data, values
    }

    /// All that came back until the program closed the connection.
    struct Reply {
        var output: [UInt8] = []
        /// Id, exit status and protocol status of each request that was ended.
        var ends: [(id: Int, status: Int, protocolStatus: UInt8)] = []

        var answer: Answer? { Answer(output) }
    }

    private let connection: Descriptor

    init(_ path: String) throws {
        connection = Descriptor(owning: socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        let number = connection.number
        guard withUnixAddress(path, { connect(number, $0, $1) }) == 0 else {
            throw SystemError("connect", path)
        }
        // So that a broken build ends.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(connection.number, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Sends; says whether the program took it. One that has answered already need not take the rest.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Linux.send(connection.number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Says that nothing more will come.
    func finishSending() { shutdown(connection.number, CInt(SHUT_WR)) }

    /// Takes everything until the connection is closed.
    func reply() throws -> Reply {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(connection.number, $0.baseAddress, $0.count, 0) }
            // Reset: it was closed with something of ours unread.
            guard count >= 0 || errno == ECONNRESET else { throw SystemError("recv", nil) }
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        // The program waits for this, for two seconds.
        finishSending()
        return Self.understood(bytes)
    }

    private static func understood(_ bytes: [UInt8]) -> Reply {
        var reply = Reply()
        var rest = bytes[...]
        while rest.count >= 8 {
            let head = Array(rest.prefix(8))
            let content = Array(rest.dropFirst(8).prefix(Int(head[4]) << 8 | Int(head[5])))
            rest = rest.dropFirst(8 + content.count + Int(head[6]))
            switch Kind(rawValue: head[1]) {
            case .output: reply.output += content
            case .end where content.count == 8:
                let status = content[..<4].reduce(0) { $0 << 8 | Int($1) }
                reply.ends.append((Int(head[2]) << 8 | Int(head[3]), status, content[4]))
            default: break
            }
        }
        return reply
    }
}

extension FastCGIPeer {
    static func record(_ kind: Kind, _ content: [UInt8] = [], id: UInt16 = 1, padding: UInt8 = 0) -> [UInt8] {
        let (length, id) = (UInt16(content.count), id)
        return [1, kind.rawValue, UInt8(id >> 8), UInt8(id & 255), UInt8(length >> 8), UInt8(length & 255), padding, 0]
            + content + [UInt8](repeating: 0xEE, count: Int(padding))
    }

    /// The names and values of a request, each with its length before it.
    static func pairs(_ parameters: [(String, String)]) -> [UInt8] {
        func length(_ text: String) -> [UInt8] {
            let count = UInt32(text.utf8.count)
            return count < 128 ? [UInt8(count)] : withUnsafeBytes(of: (count | 1 << 31).bigEndian) { Array($0) }
        }
        return parameters.flatMap { length($0) + length($1) + Array($0.utf8) + Array($1.utf8) }
    }

    /// The records of a whole request.
    ///
    /// - Parameters:
    ///   - more: more parameters, or others than the usual.
    ///   - keep: ask the program not to close the connection.
    ///   - pieces: bytes of the body in each record.
    static func request(
        _ method: String, _ address: String, _ more: [(String, String)] = [], body: [UInt8] = [], keep: Bool = false,
        pieces: Int = 65_535, padding: UInt8 = 0
    ) -> [UInt8] {
        var parameters = [("REQUEST_METHOD", method), ("REQUEST_URI", address)]
        if method == "POST" {
            parameters += [("CONTENT_LENGTH", "\(body.count)"), ("HTTP_SEC_FETCH_SITE", "same-origin")]
        }
        parameters = parameters.filter { usual in !more.contains { $0.0 == usual.0 } } + more
        var records = record(.begin, [0, 1, keep ? 1 : 0, 0, 0, 0, 0, 0])
        records += record(.parameters, pairs(parameters), padding: padding) + record(.parameters)
        for start in stride(from: 0, to: body.count, by: pieces) {
            records += record(.input, Array(body[start..<min(start + pieces, body.count)]), padding: padding)
        }
        return records + record(.input)
    }

    /// Sends a request and takes the answer.
    static func ask(
        _ path: String, _ method: String, _ address: String, _ more: [(String, String)] = [], body: [UInt8] = []
    ) throws -> Answer? {
        let peer = try FastCGIPeer(path)
        peer.send(request(method, address, more, body: body))
        return try peer.reply().answer
    }
}

/// Calls `body` with the address of the Unix socket at a path.
func withUnixAddress<Result>(_ path: String, _ body: (__CONST_SOCKADDR_ARG, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    precondition(path.utf8.count < MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body(__CONST_SOCKADDR_ARG(__sockaddr__: $0), socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
