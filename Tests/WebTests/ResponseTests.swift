import Linux
import TestSupport
import Testing

@testable import Web

/// An answer as a web server reads it.
struct Answer {
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    /// `nil` unless there is a head that ends.
    init?(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        let end = Array("\r\n\r\n".utf8)
        guard let head = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else { return nil }
        headers = String(decoding: bytes[..<head], as: UTF8.self).split(separator: "\r\n").map { line in
            let name = line.prefix { $0 != ":" }
            return (String(name), String(line.dropFirst(name.count + 2)))
        }
        body = Array(bytes[(head + 4)...])
    }

    subscript(name: String) -> String? {
        let found = headers.filter { $0.name == name }
        return found.count == 1 ? found[0].value : nil
    }

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// What is sent for a response.
private func answer(
    _ response: Response, to method: Web.Method? = .get, _ options: ServerOptions = .http,
    _ more: [String: String] = [:]
) throws -> Answer {
    let transport = get("/", more)
    #expect(response.send(to: transport, answering: method, options: options))
    return try #require(Answer(transport.sent))
}

/// A file to save, of this content.
private func download(
    _ content: String, named name: String = "a.txt", size: Int64? = nil,
    forWebServer: (relative: [[UInt8]], absolute: [UInt8])? = nil
) throws -> Response {
    let scratch = ScratchDirectory()
    try Descriptor.open(scratch("file"), O_WRONLY | O_CREAT).write(content.utf8)
    return .download(
        Download(
            name: name, file: try Descriptor.open(scratch("file"), O_RDONLY),
            size: size ?? Int64(content.utf8.count), forWebServer: forWebServer))
}

@Suite struct `An answer` {
    @Test func `carries the headers that protect a visitor, whatever it is`() throws {
        let always = [
            "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
            "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ]
        let page =
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
            + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        for (options, isSecure) in [(ServerOptions.http, false), (.https, true)] {
            let answers: [(Response, isFile: Bool)] = [
                (.page("<p>"), false), (.page("<p>", status: 500), false), (.text([65], status: 404), false),
                (.seeOther(Paths(prefix: "")("jobs")), false), (try download("x"), true),
                (try download("x", forWebServer: ([[65]], [47, 65])), true),
            ]
            for (response, isFile) in answers {
                let sent = try answer(response, to: .get, options, ["SCRIPTRUNNER_SENDFILE": "x-accel"])
                for (name, value) in always { #expect(sent[name] == value) }
                #expect(
                    sent["Content-Security-Policy"]
                        == (isFile ? "default-src 'none'; sandbox; frame-ancestors 'none'" : page))
                #expect(sent["Strict-Transport-Security"] == (isSecure ? "max-age=63072000" : nil))
                #expect(sent.headers.first?.name == "Status")
                #expect(Set(sent.headers.map(\.name)).count == sent.headers.count)
                #expect(sent.headers.allSatisfy { !$0.value.isEmpty })
            }
        }
    }

    @Test func `is a page, a text, or leads elsewhere`() throws {
        let page = try answer(.page("<p>ä</p>", status: 422))
        #expect(page["Status"] == "422")
        #expect(page["Content-Type"] == "text/html; charset=utf-8")
        #expect(page["Content-Length"] == "9")
        #expect(page.text == "<p>ä</p>")

        let text = try answer(.text(Array("<p>".utf8)).retryAfter(seconds: 5))
        #expect(text["Status"] == "200")
        #expect(text["Content-Type"] == "text/plain; charset=utf-8")
        #expect(text["Retry-After"] == "5")
        #expect(text.text == "<p>")

        let path = Paths(prefix: "/sr")("jobs", "größe").query("note", "a b").fragment("log")
        let other = try answer(.seeOther(path))
        #expect(other["Status"] == "303")
        #expect(other["Location"] == "/sr/jobs/gr%C3%B6%C3%9Fe?note=a%20b#log")
        #expect(other["Content-Length"] == "0")
        #expect(other.body.isEmpty)
    }

    @Test func `to a HEAD is the same without its body`() throws {
        for response in [Response.page("<p>"), .text([65, 66, 67], status: 404), try download("abc")] {
            let whole = try answer(response)
            let head = try answer(response, to: .head)

            #expect(head["Content-Length"] == "3")
            #expect(head.headers.map(\.name) == whole.headers.map(\.name))
            #expect(head.body.isEmpty)
            #expect(whole.body.count == 3)
        }
    }

    @Test func `sets cookies that no script reads and no other site sends`() throws {
        let response = Response.page("").setting(Cookie("sr", value: "12ab", lifetime: 60))
            .setting(Cookie("guest", value: "34cd", lifetime: nil)).setting(Cookie("old", value: "", lifetime: 0))
        func cookies(_ options: ServerOptions) throws -> [String] {
            try answer(response, to: .get, options).headers.filter { $0.name == "Set-Cookie" }.map(\.value)
        }

        #expect(
            try cookies(.http) == [
                "sr=12ab; Path=/; HttpOnly; SameSite=Lax; Max-Age=60", "guest=34cd; Path=/; HttpOnly; SameSite=Lax",
                "old=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
            ])
        // __Host- demands the path / even where the site lives below another one.
        #expect(
            try cookies(.below) == [
                "__Host-sr=12ab; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure",
                "__Host-guest=34cd; Path=/; HttpOnly; SameSite=Lax; Secure",
                "__Host-old=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure",
            ])
    }

    @Test func `never holds a line break in a header or a separator in a cookie`() async {
        await #expect(processExitsWith: .failure) {
            let response = Response(status: 200, headers: [("X", "a\r\nSet-Cookie: b=c")], body: .bytes([]))
            _ = response.send(to: get("/"), answering: .get, options: .http)
        }
        await #expect(processExitsWith: .failure) { _ = Cookie("a", value: "b; Path=/evil", lifetime: nil) }
        await #expect(processExitsWith: .failure) { _ = Cookie("a", value: "b\r\nX: y", lifetime: nil) }
    }

    @Test func `tells when the other side did not take it`() throws {
        for (response, taken) in [
            (Response.text([UInt8](repeating: 65, count: 5000)), 100), (try download("abc"), 100),
        ] {
            let transport = get("/")
            transport.gone = taken
            #expect(!response.send(to: transport, answering: .get, options: .http))
        }
        let transport = get("/")
        // The head goes out, and some of the file.
        transport.gone = 100_000
        let long = try download(String(repeating: "x", count: 200_000))
        #expect(!long.send(to: transport, answering: .get, options: .http))
        #expect(transport.sent.count > 65_536)
    }
}

@Suite struct `A file to save` {
    @Test(arguments: [
        ("a.txt", "a.txt", "a.txt"),
        ("two words.txt", "two words.txt", "two%20words.txt"),
        ("größe.txt", "gr____e.txt", "gr%C3%B6%C3%9Fe.txt"),
        ("日本", "______", "%E6%97%A5%E6%9C%AC"),
        (#"say "no"; a=b.txt"#, "say _no_; a=b.txt", "say%20%22no%22%3B%20a%3Db.txt"),
        (#"a\"b"#, "a__b", "a%5C%22b"),
        ("100%41.txt", "100_41.txt", "100%2541.txt"),
        ("a\r\nSet-Cookie: b=c", "a__Set-Cookie: b=c", "a%0D%0ASet-Cookie%3A%20b%3Dc"),
        ("\0\u{1B}\u{7F}\u{85}", "_____", "%00%1B%7F%C2%85"),
        ("a'b*c", "a'b*c", "a%27b%2Ac"),
        ("\u{202E}txt.exe", "___txt.exe", "%E2%80%AEtxt.exe"),
        ("", "", ""),
    ])
    func `is named in a way that every browser understands and none misunderstands`(
        name: String, plain: String, exact: String
    ) throws {
        let sent = try answer(download("x", named: name))

        #expect(sent["Content-Disposition"] == "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(exact)")
        #expect(sent["Content-Type"] == "application/octet-stream")
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func `is sent whole by the program where the web server cannot`(size: Int) throws {
        let content = String(String(repeating: "0123456789abcdef", count: size / 16 + 1).prefix(size))

        for more in [[:], ["SCRIPTRUNNER_SENDFILE": ""], ["SCRIPTRUNNER_SENDFILE": "off"]] {
            let sent = try answer(download(content), to: .get, .http, more)
            #expect(sent["Content-Length"] == "\(size)")
            #expect(sent.text == content)
        }
    }

    @Test func `is broken off when it has become shorter, and not sent beyond its size when it has grown`() throws {
        let shorter = get("/")
        let isSent = try download("abc", size: 4).send(to: shorter, answering: .get, options: .http)
        #expect(!isSent)

        #expect(try answer(download("abcdef", size: 3)).text == "abc")
    }

    @Test func `is handed over to the web server that says it can send it`() throws {
        let names: [[UInt8]] = [Array("u1d".utf8), Array("a b%2F\"'?#\r\nX: y".utf8), [0xFF], Array("ä".utf8)]
        let whole = Array("/srv/out box/u1d/a".utf8) + [0xFF]
        let place = (relative: names, absolute: whole)

        let accel = try answer(
            download("x", forWebServer: place), to: .get, .http, ["SCRIPTRUNNER_SENDFILE": "x-accel"])
        #expect(accel["X-Accel-Redirect"] == "/_outbox/u1d/a%20b%252F%22%27%3F%23%0D%0AX%3A%20y/%FF/%C3%A4")
        #expect(accel["X-Sendfile"] == nil)
        #expect(accel["Content-Length"] == nil)
        #expect(accel["Content-Disposition"] != nil)
        #expect(accel.body.isEmpty)

        let sendfile = try answer(
            download("x", forWebServer: place), to: .get, .http, ["SCRIPTRUNNER_SENDFILE": "x-sendfile"])
        #expect(sendfile["X-Sendfile"] == String(decoding: whole, as: UTF8.self))
        #expect(sendfile["X-Accel-Redirect"] == nil)
        #expect(sendfile.body.isEmpty)

        // What a header cannot hold, or what some versions of the module would decode, the program sends itself.
        for name in ["a%41", "a\r\nX: y", "a "] {
            let path = Array("/srv/outbox/u1d/\(name)".utf8)
            let sent = try answer(
                download("abc", forWebServer: (relative: [], absolute: path)), to: .get, .http,
                ["SCRIPTRUNNER_SENDFILE": "x-sendfile"])
            #expect(sent["X-Sendfile"] == nil && sent.text == "abc")
        }
    }

    @Test func `is never handed over when the web server cannot reach it, or a visitor's header says so`() throws {
        for (response, more) in [
            (try download("x"), ["SCRIPTRUNNER_SENDFILE": "x-accel"]),
            (try download("x", forWebServer: ([[65]], [47, 65])), ["HTTP_SCRIPTRUNNER_SENDFILE": "x-accel"]),
        ] {
            let sent = try answer(response, to: .get, .http, more)
            #expect(sent["X-Accel-Redirect"] == nil)
            #expect(sent.text == "x")
        }
    }
}
