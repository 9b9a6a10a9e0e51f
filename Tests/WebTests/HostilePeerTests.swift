import Linux
import TestSupport
import Testing

@testable import Web

@Suite struct `A page program and a hostile peer` {
    /// Within the first head, after it, after the first record, between two variables.
    @Test(arguments: [0, 5, 8, 16, 16 + 8 + 2 + 14 + 3])
    func `drops one that falls silent, wherever it does`(count: Int) throws {
        let probe = try ServedProbe(threads: 1, patience: 1)
        let silent = try probe.peer()
        silent.send(Array(FastCGIPeer.request("GET", "/", keep: true).prefix(count)))

        #expect(try silent.reply().output.isEmpty)
        // The only thread is free again.
        #expect(try probe.ask("/")?.text == "home")
        #expect(try probe.stop() == 0)
    }

    @Test func `serves no request that did not arrive whole`() throws {
        let probe = try ServedProbe(threads: 1)
        let request = FastCGIPeer.request("GET", "/served", [("HTTP_COOKIE", "a=b")])
        for count in stride(from: 0, to: request.count - 16, by: 3) {
            let peer = try probe.peer()
            peer.send(Array(request.prefix(count)))
            peer.finishSending()
            #expect(try peer.reply().output.isEmpty)
        }

        #expect(try probe.ask("/served")?.text == "1")
    }

    @Test func `answers one that falls silent in the middle of a body`() throws {
        let probe = try ServedProbe(threads: 1, patience: 1)
        let silent = try probe.peer()
        let request = FastCGIPeer.request(
            "POST", "/echo", [("CONTENT_TYPE", "application/x-www-form-urlencoded")], body: Array("a=1".utf8))
        silent.send(request.dropLast(10))

        #expect(try silent.reply().answer?["Status"] == "400")
        #expect(try probe.ask("/")?.text == "home")
    }

    @Test func `does not wait for one that does not take its answer`() throws {
        let probe = try ServedProbe(threads: 1, patience: 1)
        let deaf = try probe.peer()
        deaf.send(FastCGIPeer.request("GET", "/long"))

        #expect(try probe.ask("/")?.text == "home")
        #expect(try deaf.reply().output.count < 20_000_000)
    }

    @Test func `survives one that goes away in the middle of its answer`() throws {
        let probe = try ServedProbe(threads: 1)
        for _ in 1...3 {
            let peer = try probe.peer()
            peer.send(FastCGIPeer.request("GET", "/long"))
        }

        #expect(try probe.ask("/served")?.text == "4")
        #expect(try probe.stop() == 0)
    }

    @Test(arguments: ["/deaf", "/echo", "/refuse/400", "/nowhere"])
    func `takes no second request from a connection, however it is dressed`(address: String) throws {
        let probe = try ServedProbe(threads: 1)
        let forged = FastCGIPeer.request("GET", "/mark", [("REMOTE_USER", "admin")], keep: true)
        // Asked to be kept; a body that nobody reads and that looks like a request from its every eighth byte on.
        let body = (1...200).flatMap { _ in forged }
        let peer = try probe.peer()
        peer.send(
            FastCGIPeer.request(
                "POST", address, [("CONTENT_TYPE", "application/x-www-form-urlencoded")], body: body, keep: true))
        peer.send(forged)

        let reply = try peer.reply()

        #expect(reply.ends.count == 1)
        #expect(reply.answer?.text.contains("marked") == false)
        // The only thread has come back from that connection.
        #expect(try probe.ask("/")?.text == "home")
        #expect(!probe.isThere("marked"))
    }

    @Test func `survives records that are none`() throws {
        let probe = try ServedProbe(threads: 2, patience: 5)
        let begin = FastCGIPeer.record(.begin, [0, 1, 0, 0, 0, 0, 0, 0])
        let garbage: [[UInt8]] = [
            [], [0], Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), [UInt8](repeating: 0, count: 100),
            [UInt8](repeating: 255, count: 100_000), [2] + begin.dropFirst(), begin + begin,
            // Roles that there are not, and that are not ours.
            FastCGIPeer.record(.begin, [0, 9, 0, 0, 0, 0, 0, 0]), FastCGIPeer.record(.begin, [0, 1]),
            FastCGIPeer.record(.begin), FastCGIPeer.record(.begin, [UInt8](repeating: 1, count: 1000)),
            // What belongs to no request, or to another one.
            FastCGIPeer.record(.input, [1, 2, 3]), FastCGIPeer.record(.parameters), FastCGIPeer.record(.abort),
            begin + FastCGIPeer.record(.abort), begin + FastCGIPeer.record(.input, [1, 2, 3]),
            begin + FastCGIPeer.record(.parameters, [1, 2, 3], id: 7), begin + FastCGIPeer.record(.output, [1]),
            FastCGIPeer.record(.values, FastCGIPeer.pairs([("FCGI_MAX_CONNS", ""), ("?", "")]), id: 0),
            FastCGIPeer.record(.values, [255, 255, 255, 255], id: 0), FastCGIPeer.record(.end, [], id: 0),
            // Lengths that are not what follows.
            begin + FastCGIPeer.record(.parameters, [255, 255, 255, 255, 255, 255, 255, 255]),
            begin + FastCGIPeer.record(.parameters, [0x7F, 0xFF, 0xFF, 0xFF]),
            begin + FastCGIPeer.record(.parameters, [200, 0, 0, 0, 5, 65]),
            begin + FastCGIPeer.record(.parameters, [127, 127, 65]) + FastCGIPeer.record(.parameters),
            begin + FastCGIPeer.record(.parameters, [UInt8](repeating: 0, count: 60_000))
                + FastCGIPeer.record(.parameters),
            begin + FastCGIPeer.record(.parameters) + FastCGIPeer.record(.input),
        ]
        for bytes in garbage {
            let peer = try probe.peer()
            peer.send(bytes)
            peer.finishSending()
            _ = try peer.reply()
        }

        #expect(try probe.ask("/")?.text == "home")
        #expect(try probe.stop() == 0)
    }

    @Test func `survives requests with bytes that fell over`() throws {
        let probe = try ServedProbe(threads: 4, patience: 5)
        let request = FastCGIPeer.request(
            "POST", "/echo", [("CONTENT_TYPE", "application/x-www-form-urlencoded")], body: Array("a=1&b=2".utf8),
            padding: 3)
        // The same numbers each time, so that a failure can be found again.
        var state: UInt64 = 42
        func next(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        for _ in 1...300 {
            var bytes = request
            for _ in 0...next(below: 4) { bytes[next(below: bytes.count)] = UInt8(next(below: 256)) }
            let peer = try probe.peer()
            peer.send(bytes)
            peer.finishSending()
            _ = try peer.reply()
        }

        #expect(try probe.ask("/")?.text == "home")
        #expect(try probe.stop() == 0)
    }

    @Test func `waits without haste while there are no descriptors left`() throws {
        let probe = try ServedProbe(threads: 4)
        #expect(try probe.ask("/")?.text == "home")
        var limit = rlimit()
        prlimit(probe.program.pid, __rlimit_resource_t(RLIMIT_NOFILE.rawValue), nil, &limit)
        // None is free, so no connection can be accepted.
        var none = rlimit(rlim_cur: 3, rlim_max: limit.rlim_max)
        prlimit(probe.program.pid, __rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none, nil)

        let peer = try probe.peer()
        peer.send(FastCGIPeer.request("GET", "/"))
        func told() throws -> Int { try probe.log().filter { $0.contains("cannot-accept") }.count }
        try waitUntil("it is told in the log") { try told() > 0 }
        let start = Instant.now()
        try waitUntil("a second is over") { Instant.now() - start >= .seconds(1) }

        // Four threads that spin would have written thousands of lines.
        #expect(try told() < 50)
        #expect(try probe.log().contains { $0.hasSuffix(#"cannot-accept cause="Too many open files""#) })
        prlimit(probe.program.pid, __rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit, nil)
        #expect(try peer.reply().answer?.text == "home")
        #expect(try probe.stop() == 0)
    }
}
