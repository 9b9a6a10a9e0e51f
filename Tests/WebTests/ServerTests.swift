import Linux
import TestSupport
import Testing

@testable import Web

@Suite struct `A page program on a socket` {
    @Test func `answers one request on each connection and closes it`() throws {
        let probe = try ServedProbe()
        let peer = try probe.peer()
        peer.send(FastCGIPeer.request("GET", "/"))

        let reply = try peer.reply()

        #expect(reply.answer?["Status"] == "200")
        #expect(reply.answer?.text == "home")
        #expect(reply.ends.map(\.id) == [1])
        #expect(reply.ends.map(\.status) == [0])
        #expect(reply.ends.map(\.protocolStatus) == [0])
        #expect(try probe.stop() == 0)
    }

    @Test func `gives each thread one handler for all its requests`() throws {
        let probe = try ServedProbe(threads: 1)

        for count in 1...5 { #expect(try probe.ask("/served")?.text == "\(count)") }
    }

    @Test func `answers as many requests at once as it has threads`() throws {
        let probe = try ServedProbe(threads: 3)
        let peers = try (1...3).map { number in
            let peer = try probe.peer()
            peer.send(FastCGIPeer.request("GET", "/gate/\(number)"))
            return peer
        }
        let late = try probe.peer()
        late.send(FastCGIPeer.request("GET", "/"))

        try waitUntil("three requests have begun") { (1...3).allSatisfy { probe.isThere("begun-\($0)") } }
        probe.openGate()

        for peer in peers { #expect(try peer.reply().answer?.text == "through the gate") }
        #expect(try late.reply().answer?.text == "home")
    }

    @Test(arguments: [(1, 0), (7, 3), (8192, 0), (65_535, 255)] as [(Int, UInt8)])
    func `takes a body in records of any size`(pieces: Int, padding: UInt8) throws {
        let probe = try ServedProbe()
        let value = String(repeating: "0123456789abcdef", count: 2000)
        let peer = try probe.peer()
        peer.send(
            FastCGIPeer.request(
                "POST", "/echo", [("CONTENT_TYPE", "application/x-www-form-urlencoded")],
                body: Array("a=\(value)".utf8),
                pieces: pieces, padding: padding))

        #expect(try peer.reply().answer?.text == "a=\(value)\n")
    }

    @Test func `takes a long upload and long parameters`() throws {
        let probe = try ServedProbe()
        let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let body =
            Array("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n".utf8) + content
            + Array("\r\n--XX--".utf8)

        let answer = try probe.ask(
            "/length", method: "POST",
            [("CONTENT_TYPE", "multipart/form-data; boundary=XX"), ("HTTP_X", String(repeating: "y", count: 40_000))],
            body: body)

        #expect(answer?.text == "\(content.count) \(content.reduce(0) { $0 + Int($1) })")
    }

    @Test func `answers although nobody reads the body`() throws {
        let probe = try ServedProbe(threads: 1)

        #expect(
            try probe.ask("/deaf", method: "POST", body: [UInt8](repeating: 65, count: 3_000_000))?["Status"] == "200")
        #expect(try probe.ask("/")?.text == "home")
    }

    @Test func `says of a body that breaks off that it did`() throws {
        let probe = try ServedProbe()
        let type = ("CONTENT_TYPE", "application/x-www-form-urlencoded")

        let answer = try probe.ask("/echo", method: "POST", [type, ("X", "y")], body: Array("a=1".utf8))
        #expect(answer?["Status"] == "200")

        // The web server's first word on the length counts.
        var records = FastCGIPeer.record(.begin, [0, 1, 0, 0, 0, 0, 0, 0])
        records += FastCGIPeer.record(
            .parameters,
            FastCGIPeer.pairs([
                ("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/echo"), ("HTTP_SEC_FETCH_SITE", "same-origin"), type,
                ("CONTENT_LENGTH", "4"), ("CONTENT_LENGTH", "3"),
            ]))
        records += FastCGIPeer.record(.parameters) + FastCGIPeer.record(.input, Array("a=1".utf8))
        let short = try probe.peer()
        short.send(records + FastCGIPeer.record(.input))
        #expect(try short.reply().answer?["Status"] == "400")

        let gone = try probe.peer()
        gone.send(records)
        gone.finishSending()
        let answered = try gone.reply().answer
        #expect(answered == nil || answered?["Status"] == "400")
        #expect(try probe.ask("/")?.text == "home")
    }

    @Test func `tells a visitor what is wrong with the request, in the page's own words`() throws {
        let probe = try ServedProbe()

        let refused = try #require(try probe.ask("/refuse/418"))
        #expect(refused["Status"] == "418")
        #expect(refused.text.hasSuffix(": Not like this."))
        #expect(refused["X-Content-Type-Options"] == "nosniff")

        let crossSite = try probe.ask("/echo", method: "POST", [("HTTP_SEC_FETCH_SITE", "cross-site")])
        #expect(crossSite?["Status"] == "403")
        #expect(try probe.ask("/%")?["Status"] == "400")
        #expect(try probe.log().filter { $0.contains("request-failed") }.isEmpty)
    }

    @Test func `says which methods there are when it refuses one`() throws {
        let probe = try ServedProbe()

        #expect(try probe.ask("/", method: "PUT")?["Allow"] == "GET, HEAD, POST")
        #expect(try probe.ask("/refuse/405")?["Allow"] == "POST")
        #expect(try probe.ask("/refuse/405", method: "POST")?["Allow"] == "GET, HEAD")
        #expect(try probe.ask("/refuse/404")?["Allow"] == nil)
        #expect(try probe.ask("/")?["Allow"] == nil)
    }

    @Test(arguments: ["/", "/refuse/404", "/%", "/..", "/fail"])
    func `answers a HEAD without a body, whatever becomes of it`(address: String) throws {
        let probe = try ServedProbe()

        let head = try #require(try probe.ask(address, method: "HEAD"))
        let whole = try #require(try probe.ask(address))

        #expect(head["Status"] == whole["Status"])
        #expect(head["Content-Length"] == whole["Content-Length"])
        #expect(head.body.isEmpty)
        #expect(!whole.body.isEmpty)
    }

    @Test func `writes its own failures to the log and shows no more than their number`() throws {
        let probe = try ServedProbe()

        let answer = try #require(try probe.ask("/fail?x\n2026-01-01T00:00:00.000Z webprobe forged"))

        #expect(answer["Status"] == "500")
        #expect(!answer.text.contains("holiday"))
        let reference = try #require(answer.text.split(separator: ":").first)
        let lines = try probe.log().filter { !$0.contains("serving") }
        #expect(lines.count == 1)
        #expect(
            lines.first?.hasSuffix(
                "webprobe request-failed request=\(reference) "
                    + #"address="/fail?x\n2026-01-01T00:00:00.000Z webprobe forged" cause="the database is on holiday""#
            )
                == true)
        #expect(try probe.ask("/")?.text == "home")
    }

    @Test func `ends with a reason in the log when it cannot begin`() throws {
        let probe = try ServedProbe(["WEBPROBE_BROKEN": "1"])

        #expect(try probe.program.wait() == EX_UNAVAILABLE)
        #expect(try probe.log().contains { $0.hasSuffix(#"cannot-serve cause="the database is on holiday""#) })
    }
}
