import TestSupport

@testable import Web

/// A request as a web server would hand it over, without one.
final class ScriptedTransport: Transport {
    private let parameters: [String: String]
    private var unread: ArraySlice<UInt8>
    private let pieces: Int
    /// How many bytes of the body were taken.
    private(set) var taken = 0
    private(set) var sent: [UInt8] = []
    /// After so many bytes of the answer, the other side is gone.
    var gone = Int.max

    /// - Parameter pieces: how many bytes a read gives at most.
    init(_ parameters: [String: String], body: [UInt8] = [], pieces: Int = .max) {
        self.parameters = parameters
        unread = body[...]
        self.pieces = pieces
    }

    func parameter(_ name: String) -> String? { parameters[name] }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let piece = unread.prefix(min(buffer.count, pieces))
        buffer.copyBytes(from: piece)
        unread = unread.dropFirst(piece.count)
        taken += piece.count
        return piece.count
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard sent.count + bytes.count <= gone else { return false }
        sent += bytes
        return true
    }
}

extension ServerOptions {
    static let http = ServerOptions(origin: "http://localhost:8080", prefix: "")
    static let https = ServerOptions(origin: "https://jobs.example.org", prefix: "")
    static let below = ServerOptions(origin: "https://example.org", prefix: "/tools/sr")
}

/// A GET of this address, with more or other parameters.
func get(_ address: String, _ more: [String: String] = [:]) -> ScriptedTransport {
    ScriptedTransport(["REQUEST_METHOD": "GET", "REQUEST_URI": address].merging(more) { $1 })
}

/// A POST from a page of the site itself, with more or other parameters; an empty one is left out.
func post(
    _ body: [UInt8], type: String = "application/x-www-form-urlencoded", _ more: [String: String] = [:],
    pieces: Int = .max
) -> ScriptedTransport {
    let usual = [
        "REQUEST_METHOD": "POST", "REQUEST_URI": "/submit", "CONTENT_TYPE": type, "CONTENT_LENGTH": "\(body.count)",
        "HTTP_SEC_FETCH_SITE": "same-origin",
    ]
    return ScriptedTransport(usual.merging(more) { $1 }.filter { $1 != "" }, body: body, pieces: pieces)
}

/// What is said about a request before a page sees it; `nil` when it is let through.
func refusal(_ transport: ScriptedTransport, _ options: ServerOptions = .http) -> RequestProblem? {
    problem { _ = try Request(transport, options: options, reference: "test") }
}
