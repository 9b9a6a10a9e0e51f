import FileStore
import Linux

@testable import Web

/// Decodes what a browser sends.
///
/// An input is a request: three lines with the type of the body, the address and the cookies, and then the body.
struct FormsTarget {
    private static let options: ServerOptions = {
        var options = ServerOptions(origin: "http://localhost", prefix: "/site")
        // So short that a fuzzer comes to the end of it.
        options.mostFormBytes = 500
        return options
    }()
    /// With the files.
    private static let mostBytes = 100_000

    func run(_ input: [UInt8]) throws {
        let parts = input.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
        let lines = (0..<3).map { $0 < parts.count ? String(decoding: parts[$0], as: UTF8.self) : "" }
        let body = parts.count > 3 ? Array(parts[3]) : []
        try checkAddress(lines[1], cookies: lines[2])

        let whole = outcome(lines[0], body, pieces: .max)
        for pieces in [1, 1 + body.reduce(0) { ($0 + Int($1)) % 97 }] {
            try expect(outcome(lines[0], body, pieces: pieces) == whole, "another form in pieces of \(pieces)")
        }
        try checkLimits(whole)
        if case .form(let fields) = whole.form { try checkEncoding(fields) }
    }

    // MARK: The body

    private struct Field: Equatable {
        let name: [UInt8]
        let value: [UInt8]
    }

    /// What comes of a body, as a form without files and as one with them.
    private struct Outcome: Equatable {
        let form: Result
        let parts: Result
    }

    private enum Result: Equatable {
        case form([Field])
        /// What was given out before the problem, too.
        case parts([Part], RequestProblem?)
        case problem(RequestProblem)
    }

    private enum Part: Equatable {
        case field(Field)
        case file(name: [UInt8], fileName: [UInt8], [UInt8], isWhole: Bool)
    }

    private func outcome(_ type: String, _ body: [UInt8], pieces: Int) -> Outcome {
        func received(_ read: (borrowing Request) throws -> Result) -> Result {
            let post = Post(type: type, body: body, pieces: pieces)
            do { return try read(try Request(post, options: Self.options, reference: "")) } catch {
                guard let problem = error as? RequestProblem else { fatalError("\(error)") }
                return .problem(problem)
            }
        }
        let form = received { request in
            .form(try request.form().pairs.map { Field(name: Array($0.name.utf8), value: Array($0.value.utf8)) })
        }
        let parts = received { request in
            var parts: [Part] = []
            var problem: RequestProblem?
            do {
                try request.multipart(mostBytes: Self.mostBytes) { parts = try Self.adding($0, to: parts) }
            } catch let error as RequestProblem { problem = error }
            return .parts(parts, problem)
        }
        return Outcome(form: form, parts: parts)
    }

    private static func adding(_ event: MultipartEvent, to parts: [Part]) throws -> [Part] {
        var parts = parts
        if case .file(_, _, _, isWhole: false) = parts.last {
            guard case .file(let name, let fileName, let bytes, _) = parts.removeLast() else { return parts }
            switch event {
            case .fileBytes(let more):
                try expect(!more.isEmpty, "a piece of a file without bytes")
                return parts + [.file(name: name, fileName: fileName, bytes + more, isWhole: false)]
            case .fileEnd: return parts + [.file(name: name, fileName: fileName, bytes, isWhole: true)]
            default: throw Broken("a file that does not end")
            }
        }
        switch event {
        case .field(let name, let value): parts.append(.field(Field(name: Array(name.utf8), value: Array(value.utf8))))
        case .fileBegin(let name, let fileName):
            try checkFileName(fileName)
            parts.append(.file(name: Array(name.utf8), fileName: Array(fileName.utf8), [], isWhole: false))
        default: throw Broken("bytes of no file")
        }
        return parts
    }

    private func checkLimits(_ outcome: Outcome) throws {
        if case .form(let fields) = outcome.form {
            try expect(fields.count <= Form.mostFields, "too many fields")
            try expect(fields.reduce(0) { $0 + $1.value.count } <= Self.options.mostFormBytes, "too much text")
            try expect(!fields.contains { $0.name.contains(0) || $0.value.contains(0) }, "a field with NUL")
        }
        if case .parts(let parts, _) = outcome.parts {
            try expect(parts.count <= MultipartParser.mostParts, "too many parts")
            var text = 0
            for case .field(let field) in parts {
                text += field.value.count
                try expect(!field.value.contains(0), "a field with NUL")
            }
            try expect(text <= Self.options.mostFormBytes, "too much text")
        }
    }

    private func checkEncoding(_ fields: [Field]) throws {
        var text = ""
        for field in fields {
            text += text.isEmpty ? "" : "&"
            PercentEncoding.encode(field.name, into: &text)
            text += "="
            PercentEncoding.encode(field.value, into: &text)
        }
        let again = try Form(urlencoded: text.utf8).pairs.map {
            Field(name: Array($0.name.utf8), value: Array($0.value.utf8))
        }
        try expect(again == fields, "encoded and decoded, a form is another")
    }

    private static func checkFileName(_ given: String) throws {
        let name = SafeName.of(given)
        let bytes = Array(name.utf8)
        try expect((1...200).contains(bytes.count) && !bytes.contains(UInt8(ascii: "/")), "an unsafe name")
        try expect(!".-".utf8.contains(bytes[0]), "a hidden file, or an option")
        try expect(
            !name.unicodeScalars.contains { $0.properties.generalCategory == .control },
            "a name with a control character")
        try expect(SafeName.of(name).utf8.elementsEqual(bytes), "a safe name is made safe again")
    }

    // MARK: The head

    private func checkAddress(_ address: String, cookies: String) throws {
        let paths = Paths(prefix: Self.options.prefix)
        if let path = paths.local(address) {
            try expect(path.text.utf8.elementsEqual(address.utf8), "another address")
            try expect(
                path.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }, "an odd address")
            try expect(
                path.text.utf8.starts(with: "/site/".utf8) && !path.text.hasPrefix("/site//"), "an address elsewhere")
        }
        let get = Post(
            type: "", body: [], pieces: 1, ["REQUEST_METHOD": "GET", "REQUEST_URI": address, "HTTP_COOKIE": cookies])
        let request: Request
        do { request = try Request(get, options: Self.options, reference: "") } catch { return }
        for segment in request.rawSegments {
            try expect(
                !segment.isEmpty && segment != Array(".".utf8) && segment != Array("..".utf8) && !segment.contains(0)
                    && !segment.contains(UInt8(ascii: "/")), "an odd part of an address")
        }
        let encoded = paths(bytes: request.rawSegments).text
        // Three times as long at most, which may be too long.
        if encoded.utf8.count <= Request.longestAddress {
            let same = Post(type: "", body: [], pieces: 1, ["REQUEST_METHOD": "GET", "REQUEST_URI": encoded])
            try expect(
                try Request(same, options: Self.options, reference: "").rawSegments == request.rawSegments,
                "encoded and decoded, an address is another")
        }
        if let value = request.cookie("session") {
            try expect(
                cookies.utf8.count >= value.utf8.count && !value.utf8.contains(UInt8(ascii: ";")), "an odd cookie")
        }
    }
}

/// A request that is fed in pieces.
private final class Post: Transport {
    private let parameters: [String: String]
    private var unread: ArraySlice<UInt8>
    private let pieces: Int

    init(type: String, body: [UInt8], pieces: Int, _ more: [String: String] = [:]) {
        parameters = [
            "REQUEST_METHOD": "POST", "REQUEST_URI": "/site/submit", "CONTENT_TYPE": type,
            "CONTENT_LENGTH": "\(body.count)",
            "HTTP_SEC_FETCH_SITE": "same-origin",
        ].merging(more) { $1 }
        unread = body[...]
        self.pieces = pieces
    }

    func parameter(_ name: String) -> String? { parameters[name] }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let piece = unread.prefix(min(buffer.count, pieces))
        buffer.copyBytes(from: piece)
        unread = unread.dropFirst(piece.count)
        return piece.count
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool { true }
}
