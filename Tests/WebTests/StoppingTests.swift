import Linux
import TestSupport
import Testing

@testable import Web

@Suite struct `Stopping a page program` {
    @Test(arguments: [SIGTERM, SIGINT, SIGUSR1])
    func `ends an idle one at once`(signal: CInt) throws {
        let probe = try ServedProbe()
        #expect(try probe.ask("/")?.text == "home")

        probe.program.signal(signal)

        #expect(try probe.program.wait() == 0)
        #expect(try probe.log().last?.hasSuffix("webprobe stopped") == true)
    }

    @Test func `lets what is being served be finished first`() throws {
        let probe = try ServedProbe(threads: 4)
        let peers = try ["a", "b"].map { name in
            let peer = try probe.peer()
            peer.send(FastCGIPeer.request("GET", "/gate/\(name)"))
            return peer
        }
        try waitUntil("both have begun") { probe.isThere("begun-a") && probe.isThere("begun-b") }

        probe.program.signal(SIGTERM)
        // The main thread and the two that serve.
        try waitUntil("the idle threads are gone") { probe.program.threads == 3 }
        probe.openGate()

        for peer in peers { #expect(try peer.reply().answer?.text == "through the gate") }
        #expect(try probe.program.wait() == 0)
    }

    @Test func `lets a body that is being sent arrive whole`() throws {
        let probe = try ServedProbe(threads: 2)
        let records = FastCGIPeer.request(
            "POST", "/echo", [("CONTENT_TYPE", "application/x-www-form-urlencoded")], body: Array("a=12345".utf8))
        let peer = try probe.peer()
        peer.send(Array(records[..<(records.count - 20)]))
        // One more connection that is served after it tells that the first one was accepted.
        #expect(try probe.ask("/")?.text == "home")

        probe.program.signal(SIGTERM)
        try waitUntil("the idle thread is gone") { probe.program.threads == 2 }
        peer.send(Array(records[(records.count - 20)...]))

        #expect(try peer.reply().answer?.text == "a=12345\n")
        #expect(try probe.program.wait() == 0)
    }

    @Test func `leaves what waits in the socket to the next one`() throws {
        let probe = try ServedProbe(threads: 1)
        let first = try probe.peer()
        first.send(FastCGIPeer.request("GET", "/gate/a"))
        try waitUntil("the first has begun") { probe.isThere("begun-a") }
        let waiting = try (1...5).map { _ in
            let peer = try probe.peer()
            peer.send(FastCGIPeer.request("GET", "/"))
            return peer
        }

        let next = try probe.startAnother()
        for peer in waiting { #expect(try peer.reply().answer?.text == "home") }
        probe.program.signal(SIGTERM)
        probe.openGate()

        #expect(try first.reply().answer?.text == "through the gate")
        #expect(try probe.program.wait() == 0)
        #expect(try probe.ask("/")?.text == "home")
        next.signal(SIGTERM)
        #expect(try next.wait() == 0)
    }

    @Test func `loses no request while programs come and go`() throws {
        let probe = try ServedProbe()
        var programs = [probe.program]
        for round in 1...5 {
            programs.append(try probe.startAnother())
            try waitUntil("all have begun") {
                try probe.log().filter { $0.contains(" serving ") }.count == programs.count
            }
            let peers = try (1...20).map { _ in
                let peer = try probe.peer()
                peer.send(FastCGIPeer.request("GET", "/"))
                return peer
            }
            programs[round - 1].signal(SIGTERM)
            for peer in peers { #expect(try peer.reply().answer?.text == "home") }
        }
        for program in programs.dropLast() { #expect(try program.wait() == 0) }
    }
}
