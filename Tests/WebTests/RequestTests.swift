import TestSupport
import Testing

@testable import Web

@Suite struct `The method of a request` {
    @Test func `is GET, HEAD or POST`() throws {
        #expect(try Request(get("/"), options: .http, reference: "").method == .get)
        #expect(try Request(get("/", ["REQUEST_METHOD": "HEAD"]), options: .http, reference: "").method == .head)
        #expect(try Request(post([]), options: .http, reference: "").method == .post)
    }

    @Test(arguments: ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "Post", "GET ", "", "GETPOST"])
    func `is no other`(method: String) {
        #expect(refusal(get("/", ["REQUEST_METHOD": method]))?.status == 405)
    }

    @Test func `is not guessed`() {
        #expect(refusal(ScriptedTransport(["REQUEST_URI": "/"]))?.status == 405)
    }
}

@Suite struct `The address of a request` {
    private func segments(_ address: String, _ options: ServerOptions = .http) throws -> [String] {
        try Request(get(address), options: options, reference: "").segments
    }

    @Test(arguments: [
        ("/", []), ("/jobs", ["jobs"]), ("/jobs/", ["jobs"]), ("/jobs/12/log", ["jobs", "12", "log"]),
        ("/?a=1", []), ("/jobs?a=/x/../y", ["jobs"]), ("/jobs/?", ["jobs"]), ("/a%20b/c+d", ["a b", "c+d"]),
        ("/gr%C3%B6%C3%9Fe", ["größe"]), ("/größe", ["größe"]), ("/...", ["..."]), ("/.a/a.", [".a", "a."]),
        ("/%FF", ["\u{FFFD}"]), ("/a%5Cb", ["a\\b"]), ("/%25", ["%"]), ("/a;b=c", ["a;b=c"]), ("/a%3Fb", ["a?b"]),
        ("/%0A", ["\n"]),
    ])
    func `is taken apart and decoded once`(address: String, segments: [String]) throws {
        #expect(try self.segments(address) == segments)
    }

    @Test func `keeps the bytes of names that are no text`() throws {
        let request = try Request(get("/files/%FF%C3"), options: .http, reference: "")

        #expect(request.rawSegments == [Array("files".utf8), [0xFF, 0xC3]])
    }

    @Test(arguments: [
        "", "jobs", "?a=1", "//", "//jobs", "/jobs//", "/jobs//12", "///", "/./", "/.", "/..", "/jobs/..", "/jobs/../x",
        "/%2e", "/%2E%2e/x", "/.%2e", "/a%2Fb", "/a%2fb", "/%2F", "/a%00", "/%00", "http://localhost:8080/jobs", "*",
    ])
    func `leads nowhere when a segment is empty, a dot, or holds a slash or NUL`(address: String) {
        #expect(refusal(get(address)) == RequestProblem(status: 404, sentence: "There is no page at this address."))
    }

    @Test(arguments: ["/%", "/a%2", "/%zz", "/a?%", "/?a=%f"])
    func `is refused when it is not encoded properly`(address: String) {
        #expect(refusal(get(address))?.status == 400)
    }

    @Test func `is refused when it is longer than any of ours, or missing`() {
        let longest = "/" + String(repeating: "a", count: 8191)

        #expect(refusal(get(longest)) == nil)
        #expect(refusal(get(longest + "a")) == RequestProblem(status: 414, sentence: "The address is too long."))
        #expect(refusal(ScriptedTransport(["REQUEST_METHOD": "GET", "PATH_INFO": "/jobs"]))?.status == 400)
    }

    @Test func `counts from the site's prefix`() throws {
        for home in ["/tools/sr/", "/tools/sr", "/tools/sr?x"] { #expect(try segments(home, .below) == []) }
        #expect(try segments("/tools/sr/jobs/1", .below) == ["jobs", "1"])
        for address in [
            "/", "/jobs", "/tools", "/tools/s", "/tools/srx/jobs", "/TOOLS/sr/", "/tools/sr%2Fjobs", "/tools//sr/",
            "/tools%2Fsr/jobs", "//tools/sr/", "/tools/sr//",
        ] {
            #expect(refusal(get(address), .below)?.status == 404)
        }
        #expect(throws: RequestProblem.self) {
            // Equal to a prefix with K for a string.
            _ = try segments("/\u{212A}/jobs", ServerOptions(origin: "http://a", prefix: "/K"))
        }
    }

    @Test func `carries a query, and is kept as it came`() throws {
        let request = try Request(get("/jobs?requester=a%40b.c&x=1+2&x=?&"), options: .http, reference: "abc")

        #expect(request.query["requester"] == "a@b.c")
        #expect(request.query.all("x") == ["1 2", "?"])
        #expect(request.address == "/jobs?requester=a%40b.c&x=1+2&x=?&")
        #expect(request.reference == "abc")
    }

    @Test func `tells variables of the web server from headers of the visitor`() async throws {
        let transport = get("/", ["REMOTE_ADDR": "192.0.2.1", "HTTP_USER_AGENT": "curl", "SCRIPTRUNNER_X": "y"])
        let request = try Request(transport, options: .http, reference: "")
        let plain = try Request(get("/"), options: .http, reference: "")

        #expect(request.remoteAddress == "192.0.2.1")
        #expect(request.userAgent == "curl")
        #expect(request.parameter("SCRIPTRUNNER_X") == "y")
        #expect(plain.remoteAddress == "")
        #expect(plain.userAgent == "")
        #expect(plain.parameter("SCRIPTRUNNER_X") == nil)
        await #expect(processExitsWith: .failure) {
            _ = try Request(get("/"), options: .http, reference: "").parameter("HTTP_X_USER")
        }
    }
}

@Suite struct `A cookie of a request` {
    private func cookie(_ header: String?, _ options: ServerOptions = .http) throws -> String? {
        try Request(get("/", header.map { ["HTTP_COOKIE": $0] } ?? [:]), options: options, reference: "").cookie("sr")
    }

    @Test(arguments: [
        ("sr=12ab", "12ab"), ("a=b; sr=12ab; c=d", "12ab"), ("a=b;sr=12ab", "12ab"), ("sr=", ""), ("a=sr=1; sr=2", "2"),
        ("xsr=1; sr=2", "2"), ("srx=1; sr=2", "2"), ("sr=1=2", "1=2"), ("a=b, sr=12ab", "12ab"),
        ("a=b;\tsr=12ab", "12ab"),
    ])
    func `is found by its name`(header: String, value: String) throws {
        #expect(try cookie(header) == value)
    }

    @Test(arguments: ["", "a=b", "SR=1", "sr", "sr =1", "xsr=1", "__Host-sr=1", ";,; ,", "\"sr\"=1"])
    func `is none where the name is another`(header: String) throws {
        #expect(try cookie(header) == nil)
        #expect(try cookie(nil) == nil)
    }

    @Test(arguments: [
        "sr=1; sr=2", "sr=1; sr=1", "sr=1, sr=2", "sr=; sr=2", "sr=1;sr=2;sr=3",
        // A mark that joins a separator or a sign does not hide the second one.
        "sr=1;\u{301}; sr=2", "sr=1; sr=\u{301}2",
    ])
    func `is none when there are two of its name, because one was planted`(header: String) throws {
        #expect(try cookie(header) == nil)
    }

    @Test func `has a name over https that no sibling host can plant`() throws {
        #expect(try cookie("__Host-sr=1", .https) == "1")
        #expect(try cookie("sr=1", .https) == nil)
        #expect(try cookie("sr=evil; __Host-sr=1", .https) == "1")
        #expect(try cookie("__Host-sr=evil; __Host-sr=1", .https) == nil)
        #expect(try cookie("__host-sr=1", .https) == nil)
    }
}

@Suite struct `A POST` {
    /// What each header may say, and whether it speaks for this very site.
    static let sites: [(String?, Bool?)] = [
        (nil, nil), ("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false), ("", false),
        ("Same-Origin", false), ("same-origin, cross-site", false),
    ]
    static let origins: [(String?, Bool?)] = [
        (nil, nil), ("https://jobs.example.org", true), ("http://jobs.example.org", false), ("null", false),
        ("", false),
        ("https://evil.example", false), ("https://jobs.example.org.evil.example", false),
        ("https://jobs.example.org:8443", false), ("https://jobs.example.org/", false),
        ("HTTPS://jobs.example.org", false),
        ("https://jobs.example.org, https://evil.example", false),
        ("https://evil.example/https://jobs.example.org", false),
    ]

    @Test func `is taken from pages of this site alone, by what the browser says of it`() {
        for (site, siteIsOurs) in Self.sites {
            for (origin, originIsOurs) in Self.origins {
                for method in ["POST", "GET", "HEAD"] {
                    var headers = ["REQUEST_METHOD": method, "REQUEST_URI": "/submit", "CONTENT_LENGTH": "0"]
                    headers["HTTP_SEC_FETCH_SITE"] = site
                    headers["HTTP_ORIGIN"] = origin
                    // What it says of the site counts; only if it says nothing, the origin; if neither, it is refused.
                    let isTaken = method != "POST" || (siteIsOurs ?? originIsOurs ?? false)

                    let refused = refusal(ScriptedTransport(headers), .https)

                    #expect(refused?.status == (isTaken ? nil : 403), "\(method), \(site ?? "-"), \(origin ?? "-")")
                }
            }
        }
    }
}
