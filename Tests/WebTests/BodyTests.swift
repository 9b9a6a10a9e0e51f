import TestSupport
import Testing

@testable import Web

@Suite struct `The length of a body` {
    @Test(arguments: [("0", 0), ("12", 12), ("0012", 12), ("9223372036854775807", Int.max)])
    func `is a number`(written: String, count: Int) throws {
        let request = try Request(get("/", ["CONTENT_LENGTH": written]), options: .http, reference: "")

        #expect(request.contentLength == count)
    }

    @Test func `may be missing where there is no body`() throws {
        // nginx passes an empty one.
        for more in [[:], ["CONTENT_LENGTH": ""]] {
            let request = try Request(get("/", more), options: .http, reference: "")
            #expect(request.contentLength == nil)
        }
    }

    @Test(arguments: ["-1", "+1", "1.0", "0x10", "ten", " 1", "1 ", "1,1", "9223372036854775808", "\u{661}"])
    func `is refused when it is none`(written: String) {
        #expect(
            refusal(get("/", ["CONTENT_LENGTH": written]))
                == RequestProblem(status: 400, sentence: "The request's length is not a number."))
    }
}

@Suite struct `The body of a request` {
    private static let tooLong = RequestProblem(
        status: 413, sentence: "That is too much at once: at most 20 bytes are taken here.")

    private func options() -> ServerOptions {
        var options = ServerOptions.http
        options.mostFormBytes = 20
        return options
    }

    private func form(_ transport: ScriptedTransport) throws -> [String] {
        try Request(transport, options: options(), reference: "").form().pairs.map { "\($0.name)=\($0.value)" }
    }

    @Test(arguments: [1, 3, 1000])
    func `is read as a form, in whatever pieces it comes`(pieces: Int) throws {
        let body = Array("a=1&b=+%C3%A4".utf8)

        #expect(try form(post(body, pieces: pieces)) == ["a=1", "b= ä"])
        #expect(
            try form(post(body, type: "Application/X-WWW-Form-Urlencoded; charset=UTF-8", pieces: pieces))
                == ["a=1", "b= ä"])
        #expect(try form(post([])) == [])
    }

    @Test func `is read as a multipart form without files`() throws {
        let body = Array((part("name=\"a\"", "1") + part("name=\"b\"", " ä") + "--XX--").utf8)
        let request = try Request(
            post(body, type: "multipart/form-data; boundary=XX", pieces: 7), options: .http, reference: "")
        let form = try request.form()

        #expect(form["a"] == "1")
        #expect(form["b"] == " ä")

        let file = Array((part("name=\"f\"; filename=\"f\"", "1") + "--XX--").utf8)
        let refused = problem {
            _ = try Request(post(file, type: "multipart/form-data; boundary=XX"), options: .http, reference: "").form()
        }
        #expect(refused == RequestProblem(status: 415, sentence: "This form takes no files."))
    }

    @Test func `is not touched before a page asks for it`() throws {
        let transport = post(Array("a=1".utf8))

        _ = try Request(transport, options: .http, reference: "")

        #expect(transport.taken == 0)
    }

    @Test func `is refused before a byte of it is read when it is too long`() {
        let longest = post(Array("a=123456789012345678".utf8))
        #expect(throws: Never.self) { try form(longest) }

        let longer = post(Array("a=1234567890123456789".utf8))
        #expect(problem { _ = try form(longer) } == Self.tooLong)
        #expect(longer.taken == 0)

        let endless = post(Array("a=1".utf8), ["CONTENT_LENGTH": "9223372036854775807"])
        #expect(problem { _ = try form(endless) } == Self.tooLong)
        #expect(endless.taken == 0)
    }

    @Test func `is refused when it does not say how long it is`() {
        #expect(
            problem { _ = try form(post(Array("a=1".utf8), ["CONTENT_LENGTH": ""])) }
                == RequestProblem(status: 411, sentence: "The request does not say how long it is."))
    }

    @Test func `is refused when it breaks off, and not read beyond its length`() throws {
        let broken = RequestProblem(status: 400, sentence: "The request broke off before it was complete.")
        #expect(problem { _ = try form(post(Array("a=1".utf8), ["CONTENT_LENGTH": "4"])) } == broken)
        #expect(problem { _ = try form(post([], ["CONTENT_LENGTH": "4"], pieces: 1)) } == broken)

        let longer = post(Array("a=1&b=2".utf8), ["CONTENT_LENGTH": "3"])
        #expect(try form(longer) == ["a=1"])
        #expect(longer.taken == 3)
    }

    @Test(arguments: ["", "text/plain", "application/json", "x-application/x-www-form-urlencoded"])
    func `is refused when it is no form`(type: String) {
        #expect(
            problem { _ = try form(post(Array("a=1".utf8), type: type)) }
                == RequestProblem(status: 415, sentence: "The form was sent in an unknown way."))
    }

    @Test func `is received as files at constant memory, whatever its length`() throws {
        let content = [UInt8](repeating: 65, count: 300_000)
        let body =
            Array("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n".utf8) + content
            + Array("\r\n--XX--\r\n".utf8)
        let request = try Request(
            post(body, type: "multipart/form-data; boundary=XX"), options: options(), reference: "")
        var (bytes, longest) = (0, 0)
        try request.multipart(mostBytes: body.count) { event in
            guard case .fileBytes(let piece) = event else { return }
            bytes += piece.count
            longest = max(longest, piece.count)
        }

        #expect(bytes == content.count)
        #expect(longest <= Request.readSize + 100)
    }

    @Test func `is not read further once its receiver has had enough`() throws {
        struct Enough: Error {}
        let body = Array(part("name=\"f\"; filename=\"f\"", String(repeating: "x", count: 500_000)).utf8)
        let transport = post(body, type: "multipart/form-data; boundary=XX")
        let request = try Request(transport, options: options(), reference: "")

        #expect(throws: Enough.self) { try request.multipart(mostBytes: body.count) { _ in throw Enough() } }
        #expect(transport.taken <= Request.readSize)
    }

    @Test func `is refused when its last boundary is missing, or its files are too long`() throws {
        let body = Array(part("name=\"f\"; filename=\"f\"", "123").utf8)
        let type = "multipart/form-data; boundary=XX"
        #expect(
            problem {
                try Request(post(body, type: type), options: options(), reference: "")
                    .multipart(mostBytes: 1000) { _ in }
            } == damaged)

        let transport = post(body, type: type)
        let refused = problem {
            try Request(transport, options: options(), reference: "").multipart(mostBytes: 20) { _ in }
        }
        #expect(refused == Self.tooLong)
        #expect(transport.taken == 0)
    }
}
