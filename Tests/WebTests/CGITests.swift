import Linux
import TestSupport
import Testing

@testable import Web

@Suite struct `A page program without a socket` {
    let scratch = ScratchDirectory()

    /// Runs it as a web server runs a CGI program; `nil` for an answer that is none.
    private func run(
        _ variables: [String: String], body: [UInt8] = [], arguments: [String] = [], output: String? = nil
    ) throws -> (answer: Answer?, status: CInt) {
        try Descriptor.open(scratch("body"), O_WRONLY | O_CREAT | O_TRUNC).write(body)
        let program = try StartedProgram(
            BuiltProgram.path("webprobe"), arguments, environment: variables,
            input: try Descriptor.open(scratch("body"), O_RDONLY), output: output ?? scratch("output"),
            errors: scratch("log"))
        let status = try program.wait()
        guard output == nil else { return (nil, status) }
        return (Answer(try Descriptor.open(scratch("output"), O_RDONLY).readAll(limit: 1 << 26)), status)
    }

    private let post = [
        "REQUEST_METHOD": "POST", "REQUEST_URI": "/echo", "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "HTTP_SEC_FETCH_SITE": "same-origin",
    ]

    @Test func `answers the one request of its environment`() throws {
        let (answer, status) = try run(["REQUEST_METHOD": "GET", "REQUEST_URI": "/"])

        #expect(answer?["Status"] == "200")
        #expect(answer?.text == "home")
        #expect(status == 0)
    }

    @Test func `reads the body from standard input, and no more than its length`() throws {
        let long = String(repeating: "x", count: 300_000)

        #expect(
            try run(post.merging(["CONTENT_LENGTH": "3"]) { $1 }, body: Array("a=1&b=2".utf8)).answer?.text == "a=1\n")
        #expect(
            try run(post.merging(["CONTENT_LENGTH": "300002"]) { $1 }, body: Array("a=\(long)".utf8)).answer?.text
                == "a=\(long)\n")
    }

    @Test func `takes a body that comes slowly through a pipe`() throws {
        var ends: [CInt] = [0, 0]
        pipe2(&ends, O_CLOEXEC)
        let reader = Descriptor(owning: ends[0])
        let writer = Descriptor(owning: ends[1])
        let program = try StartedProgram(
            BuiltProgram.path("webprobe"), environment: post.merging(["CONTENT_LENGTH": "7"]) { $1 }, input: reader,
            output: scratch("output"))
        for byte in "a=12345".utf8 {
            try writer.write([byte])
            // Each byte is taken before the next one is there.
            try waitUntil("the byte is taken") {
                var unread: CInt = 0
                return ioctl(writer.number, UInt(FIONREAD), &unread) == 0 && unread == 0
            }
        }

        #expect(try program.wait() == 0)
        #expect(Answer(try Descriptor.open(scratch("output"), O_RDONLY).readAll(limit: 10_000))?.text == "a=12345\n")
    }

    @Test(arguments: ["8", "-1", "-9223372036854775808", "+3", "x", "99999999999999999999", "", "2000000"])
    func `refuses a body that is not what was said of it`(length: String) throws {
        let (answer, status) = try run(post.merging(["CONTENT_LENGTH": length]) { $1 }, body: Array("a=1".utf8))

        #expect(["400", "411", "413"].contains(answer?["Status"]))
        #expect(status == 0)
    }

    @Test func `answers a HEAD without a body, and everything with the headers that protect`() throws {
        let (head, _) = try run(["REQUEST_METHOD": "HEAD", "REQUEST_URI": "/.."])
        #expect(head?["Status"] == "404")
        #expect(head?.body.isEmpty == true)
        #expect(head?["X-Content-Type-Options"] == "nosniff")
    }

    @Test func `takes its own failures as the loop does`() throws {
        let (answer, status) = try run(["REQUEST_METHOD": "GET", "REQUEST_URI": "/fail"])

        #expect(answer?["Status"] == "500")
        #expect(status == 0)
        #expect(
            try run(["WEBPROBE_BROKEN": "1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/"]).status == EX_UNAVAILABLE)
    }

    @Test func `does not mind its arguments, which some web servers make of the query`() throws {
        let (answer, status) = try run(
            ["REQUEST_METHOD": "GET", "REQUEST_URI": "/?--help"], arguments: ["--help", "-x", "/etc/passwd"])

        #expect(answer?.text == "home")
        #expect(status == 0)
    }

    @Test func `says so when it was started by hand`() throws {
        let (answer, status) = try run([:])

        #expect(answer?["Status"] == "405")
        #expect(status == 0)
    }

    @Test func `ends with a failure when nobody takes its answer`() throws {
        #expect(try run(["REQUEST_METHOD": "GET", "REQUEST_URI": "/"], output: "/dev/full").status == 1)
    }
}
