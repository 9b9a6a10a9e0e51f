import TestSupport
import Testing

@testable import Web

/// A form as it was received: the pieces of each file put together.
enum Part: Equatable {
    case field(String, String)
    case file(String, String, [UInt8])
    case broken(String, String, [UInt8])
}

/// Feeds the body in pieces of this size and collects what comes out.
func received(
    _ body: [UInt8], inPiecesOf size: Int, boundary: String = "XX", mostTextBytes: Int = 1 << 20
) throws -> (parts: [Part], isComplete: Bool) {
    var parser = try MultipartParser(
        contentType: "multipart/form-data; boundary=\(boundary)", mostTextBytes: mostTextBytes)
    var parts: [Part] = []
    for start in stride(from: 0, to: body.count, by: size) {
        try body[start..<min(start + size, body.count)].withUnsafeBytes { bytes in
            try parser.feed(bytes) { event in
                switch event {
                case .field(let name, let value): parts.append(.field(name, value))
                case .fileBegin(let name, let fileName): parts.append(.broken(name, fileName, []))
                case .fileBytes(let bytes):
                    #expect(!bytes.isEmpty)
                    guard case .broken(let name, let fileName, let before) = parts.popLast() else { fatalError() }
                    parts.append(.broken(name, fileName, before + bytes))
                case .fileEnd:
                    guard case .broken(let name, let fileName, let all) = parts.popLast() else { fatalError() }
                    parts.append(.file(name, fileName, all))
                }
            }
        }
    }
    return (parts, parser.isComplete)
}

/// The parts of a body that is received in one piece, if it arrives whole.
func received(_ body: String, boundary: String = "XX") throws -> [Part]? {
    let (parts, isComplete) = try received(Array(body.utf8), inPiecesOf: max(1, body.utf8.count), boundary: boundary)
    return isComplete ? parts : nil
}

/// A part of a body, after a boundary.
func part(_ disposition: String, _ content: String, more: String = "") -> String {
    "--XX\r\nContent-Disposition: form-data; \(disposition)\r\n\(more)\r\n\(content)\r\n"
}

/// What is said about a body; `nil` when it is taken.
func problem(_ body: () throws -> Void) -> RequestProblem? {
    do {
        try body()
        return nil
    } catch { return error as? RequestProblem }
}

let damaged = RequestProblem(status: 400, sentence: "The form arrived damaged. Please send it again.")

@Suite struct `A multipart form` {
    @Test func `comes out the same in whatever pieces it comes in`() throws {
        let binary: [UInt8] =
            Array("\r\n--X\r\n--XY\r\r\n\n--\r\n-\r\n\r\n--".utf8) + [0, 255, 13, 10, 45, 45, 88, 13, 10, 45, 45]
            + Array(0...255) + Array("--XX--\r\nXX\r\n".utf8)
        var body = Array("a preamble\r\n--X\r\n-\r\n".utf8)
        body += Array(part("name=\"token\"", "secret").utf8)
        body += Array(part("name=\"empty\"", "").utf8)
        body += Array("--XX \t \r\nContent-Disposition: form-data; name=\"padded\"\r\n\r\nline\r\nline\r\n".utf8)
        body += Array(
            "--XX\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.bin\"".utf8
        )
        body += Array("\r\n\r\n".utf8) + binary + Array("\r\n".utf8)
        body += Array(part("name=\"none\"; filename=\"\"", "", more: "Content-Type: application/octet-stream\r\n").utf8)
        body += Array(part("name=\"last\"", "größe").utf8)
        body += Array("--XX--\r\nan epilogue\r\n--XX\r\n".utf8)
        let expected: [Part] = [
            .field("token", "secret"), .field("empty", ""), .field("padded", "line\r\nline"),
            .file("data", "a.bin", binary), .file("none", "", []), .field("last", "größe"),
        ]

        for size in 1...body.count {
            let (parts, isComplete) = try received(body, inPiecesOf: size)
            if parts != expected || !isComplete {
                Issue.record("in pieces of \(size): \(parts)")
                return
            }
        }
    }

    @Test func `begins with its first boundary at once, or after lines that mean nothing`() throws {
        let body = part("name=\"a\"", "1") + "--XX--"

        #expect(try received(body) == [.field("a", "1")])
        #expect(try received("\r\n" + body) == [.field("a", "1")])
        #expect(try received("--X\r\n--\r\n\r\n" + body) == [.field("a", "1")])
        // A boundary begins a line.
        #expect(try received("x" + body) == [])
        #expect(try received("--XX--") == [])
        #expect(try received("") == nil)
    }

    @Test func `is whole only with its last boundary`() throws {
        let whole = Array((part("name=\"a\"", "1") + part("name=\"f\"; filename=\"f\"", "22") + "--XX--").utf8)

        for length in 0..<whole.count {
            let (parts, isComplete) = try received(Array(whole[..<length]), inPiecesOf: 7)
            #expect(!isComplete)
            #expect(parts.count <= 2)
        }
        #expect(try received(whole, inPiecesOf: 7).isComplete)
    }

    @Test(arguments: [
        #"name="a b"; filename="c d.txt""#, #"NAME="a b"; FileName="c d.txt""#, #"filename="c d.txt"; name="a b""#,
        "name=a b;filename=c d.txt", #"name="a b" ; x=y; filename="c d.txt" ; z"#,
        #";;name="a b";;;filename="c d.txt";"#,
    ])
    func `names its parts in several ways`(disposition: String) throws {
        #expect(try received(part(disposition, "1") + "--XX--") == [.file("a b", "c d.txt", Array("1".utf8))])
    }

    @Test(arguments: [
        (#"a.txt"#, "a.txt"), (#"größe 日本.txt"#, "größe 日本.txt"), (#"say \"no\".txt"#, #"say "no".txt"#),
        (#"%22no%22%0D%0A%.txt"#, "\"no\"\r\n%.txt"), (#"100%.txt"#, "100%.txt"), (#"%2"#, "%2"), (#"%0a"#, "%0a"),
        (#"C:\data\a.txt"#, #"C:\data\a.txt"#), (#"a;b=c.txt"#, "a;b=c.txt"),
        (#"../../etc/passwd"#, "../../etc/passwd"),
        (#"a' OR 1.txt"#, "a' OR 1.txt"), ("a\0b", "a\0b"), ("a\\\\\\\"b", "a\\\\\"b"),
    ])
    func `gives the file's name as the browser has it, of which nothing is to be trusted`(
        written: String, name: String
    ) throws {
        let body = part("name=\"f\"; filename=\"\(written)\"", "1") + "--XX--"

        #expect(try received(body) == [.file("f", name, Array("1".utf8))])
    }

    @Test func `shows stand-ins for a file's name that is no UTF-8`() throws {
        let body =
            Array("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a".utf8) + [0xFF]
            + Array("b\"\r\n\r\n\r\n--XX--".utf8)

        #expect(try received(body, inPiecesOf: 100).parts == [.file("f", "a\u{FFFD}b", [])])
    }

    @Test(arguments: [
        "--XX\r\nContent-Type: text/plain\r\n\r\n1\r\n--XX--",
        "--XX\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n1\r\n--XX--",
        "--XX\r\nX-Content-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; named=\"a\"\r\n\r\n1\r\n--XX--",
        "--XXY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--",
        part("name=\"a\"", "1\r\n--XXY") + "--XX--",
    ])
    func `is refused when a part has no name, or a boundary goes on`(body: String) {
        for size in [1, 5, 1000] {
            #expect(problem { _ = try received(Array(body.utf8), inPiecesOf: size) } == damaged)
        }
    }

    @Test func `is refused when the head of a part does not end`() {
        let long = String(repeating: "a", count: MultipartParser.longestHeader)
        for body in [
            part("name=\"\(long)\"", "1"), "--XX\r\nX: \(long)", "--XX" + String(repeating: " ", count: long.count + 1),
            "--XX\r\n" + String(repeating: "X: y\r\n", count: 2000),
        ] {
            for size in [1, 1000, 100_000] {
                #expect(problem { _ = try received(Array(body.utf8), inPiecesOf: size) } == damaged)
            }
        }
    }

    @Test func `has no more parts than any form of ours`() throws {
        let parts = (1...MultipartParser.mostParts + 1).map { part("name=\"\($0)\"", "") }

        #expect(try received(parts.dropLast().joined() + "--XX--")?.count == MultipartParser.mostParts)
        #expect(
            problem { _ = try received(parts.joined() + "--XX--") }
                == RequestProblem(status: 413, sentence: "The form has more than 2048 parts."))
    }

    @Test func `has no more text than was bargained for, over all its fields, and files do not count`() throws {
        let file = part("name=\"f\"; filename=\"f\"", String(repeating: "x", count: 500))
        let body = file + part("name=\"a\"", "12345") + part("name=\"b\"", "12345") + "--XX--"

        for size in [1, 10_000] {
            let enough = try received(Array(body.utf8), inPiecesOf: size, mostTextBytes: 10)
            #expect(enough.isComplete)
            #expect(
                problem { _ = try received(Array(body.utf8), inPiecesOf: size, mostTextBytes: 9) }
                    == RequestProblem(status: 413, sentence: "The text fields of the form are too long."))
        }
    }

    @Test(arguments: [[0xFF], [0xC3], [65, 0, 66], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func `is refused when a field is no text`(bytes: [UInt8]) {
        let body =
            Array("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".utf8) + bytes + Array("\r\n--XX--".utf8)

        #expect(problem { _ = try received(body, inPiecesOf: 1000) }?.status == 400)
    }

    @Test(arguments: [
        ("multipart/form-data; boundary=XX", "XX"), ("Multipart/Form-Data; Boundary=XX", "XX"),
        ("multipart/form-data;boundary=\"a b'()+_,-./:=?\"", "a b'()+_,-./:=?"),
        ("multipart/form-data; charset=utf-8; boundary=XX; x", "XX"),
        ("multipart/form-data; boundary=" + String(repeating: "b", count: 70), String(repeating: "b", count: 70)),
    ])
    func `has the boundary that its type names`(type: String, boundary: String) throws {
        var parser = try MultipartParser(contentType: type, mostTextBytes: 100)
        let body = "--\(boundary)\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--\(boundary)--"
        var fields: [String] = []
        try Array(body.utf8).withUnsafeBytes {
            try parser.feed($0) { if case .field(let name, let value) = $0 { fields.append(name + value) } }
        }

        #expect(fields == ["a1"])
        #expect(parser.isComplete)
    }

    @Test(arguments: [
        "", "text/plain", "multipart/mixed; boundary=XX", "multipart/form-data", "multipart/form-data; boundary",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"", "multipart/form-data boundary=XX",
        "multipart/form-data; boundary=ä", "multipart/form-data; boundary=a\nb",
        "multipart/form-data; boundary=" + String(repeating: "b", count: 71),
    ])
    func `is refused when its type is another or names no boundary`(type: String) {
        #expect(
            problem { _ = try MultipartParser(contentType: type, mostTextBytes: 100) }
                == RequestProblem(status: 415, sentence: "The form was sent in an unknown way."))
    }
}

@Suite struct `Receiving a multipart form` {
    @Test func `hands each piece of a file on at once and keeps no more than a boundary of it`() throws {
        var parser = try MultipartParser(contentType: "multipart/form-data; boundary=XX", mostTextBytes: 100)
        let piece = [UInt8](repeating: 65, count: 1000)
        var (given, taken, kept) = (0, 0, 0)
        try Array(part("name=\"f\"; filename=\"f\"", "").utf8.dropLast(2)).withUnsafeBytes {
            try parser.feed($0) { _ in }
        }
        for _ in 1...100 {
            try piece.withUnsafeBytes {
                given += $0.count
                try parser.feed($0) { if case .fileBytes(let bytes) = $0 { taken += bytes.count } }
            }
            kept = max(kept, given - taken)
        }

        #expect(kept < "\r\n--XX".utf8.count)
    }
}
