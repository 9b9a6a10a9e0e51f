import Testing

@testable import Web

@Suite struct `An address within the site` {
    let paths = Paths(prefix: "")
    let below = Paths(prefix: "/tools/sr")

    @Test func `is made of segments, each encoded`() {
        #expect(paths().text == "/")
        #expect(below().text == "/tools/sr/")
        #expect(paths("jobs").text == "/jobs")
        #expect(below("jobs", "12", "log").text == "/tools/sr/jobs/12/log")
        #expect(paths("submit", "a b/c?d#e%f&g+h\"<\\").text == "/submit/a%20b%2Fc%3Fd%23e%25f%26g%2Bh%22%3C%5C")
        #expect(paths("submit", "größe", "\r\n\0").text == "/submit/gr%C3%B6%C3%9Fe/%0D%0A%00")
        #expect(paths("submit", "-._~aZ09").text == "/submit/-._~aZ09")
        #expect(paths("submit", "").text == "/submit/")
        #expect(paths(bytes: [Array("files".utf8), [0xFF, 0x2F]]).text == "/files/%FF%2F")
    }

    @Test func `carries a query and leads to an element`() {
        #expect(paths("jobs").query("requester", "a@b.c&x=1").text == "/jobs?requester=a%40b.c%26x%3D1")
        #expect(paths("jobs").query("a", "").query("b", "+ ä").text == "/jobs?a=&b=%2B%20%C3%A4")
        #expect(below("jobs").query("a", "1").fragment("log").text == "/tools/sr/jobs?a=1#log")
    }

    @Test func `never begins with two slashes`() async {
        await #expect(processExitsWith: .failure) { _ = Paths(prefix: "")("", "evil.example") }
        await #expect(processExitsWith: .failure) { _ = Paths(prefix: "/sr")(bytes: [[], [65]]) }
    }

    @Test(arguments: [
        "/", "/jobs", "/jobs/12", "/jobs?requester=a%40b.c&page=2", "/jobs#log", "/submit/a%20b", "/files/a%2Fb",
        "/a//b",
        "/...", "/.hidden", "/a.", "/a..b", "/jobs?next=//evil.example/../x", "/jobs?x=https://evil.example", "/?",
        "/#",
        "/jobs#/../..", "/@evil.example", "/:80", "/%5Cevil.example",
    ])
    func `is taken from a visitor's text when it stays within the site`(text: String) {
        #expect(paths.local(text)?.text == text)
        #expect(below.local("/tools/sr" + text)?.text == "/tools/sr" + text)
    }

    /// Texts that lead elsewhere in some browser, or would break a header or the page.
    static let hostile = [
        "", "jobs", "./jobs", "../jobs", "?x", "#x", "//evil.example", "///evil.example", "//evil.example/tools/sr/",
        "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example", "/a\\b",
        "https://evil.example", "https:evil.example", "http:/evil.example", "HTTPS://evil.example/", "//",
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x",
        "/\t/evil.example", "\t//evil.example", "/\n/evil.example", "\u{0}/jobs", "/jobs\0", "/jobs\r\nSet-Cookie: a=b",
        "/jobs\nx", "/jobs\u{7F}", "/jobs\u{85}", "/ jobs", " /jobs", "/jobs ", "/größe", "/\u{2028}x",
        "/\u{FF0F}evil.example",
        "\u{FF0F}/evil.example", "/\u{301}jobs", "/\u{202E}sboj",
        "/..", "/../", "/./", "/.", "/..//evil.example", "/.//evil.example", "/a/../b", "/a/..", "/a/.", "/%2e%2e/x",
        "/%2E./x", "/.%2e", "/%2e", "/a/%2e%2E?x", "/..#x", "/..?x", "/%", "/%zz", "/a%2",
    ]

    @Test(arguments: hostile)
    func `is not taken from a visitor's text that could lead anywhere else`(text: String) {
        #expect(paths.local(text) == nil)
        #expect(below.local(text) == nil)
        #expect(text.hasPrefix("/") ? below.local("/tools/sr" + text) == nil : true)
    }

    @Test(arguments: [
        "/tools/sr", "/tools/srx", "/tools/sr.evil.example/", "/tools/sr?x", "/tools", "/", "/jobs", "/TOOLS/sr/",
        "/tools/sr\\/x", "/tools/./sr/", "/tools//sr/", "//tools/sr/x", "/tools%2Fsr/", "/tools/sr/../../admin",
        "/tools/sr/%2e%2e/admin", "https://example.org/tools/sr/",
        // Equal to the prefix for a string, but not for a browser.
        "/tools/s\u{301}r/", "/tools\u{FF0F}sr/",
    ])
    func `is not taken when it only looks like one below the prefix`(text: String) {
        #expect(below.local(text) == nil)
    }

    @Test func `is compared with the prefix by bytes`() {
        // The sign of the unit Kelvin equals the letter K in a string.
        #expect(Paths(prefix: "/K").local("/\u{212A}/x") == nil)
        #expect(Paths(prefix: "/K").local("/K/x") != nil)
    }

    @Test func `is taken up to two thousand bytes`() {
        #expect(paths.local("/" + String(repeating: "a", count: 1999)) != nil)
        #expect(paths.local("/" + String(repeating: "a", count: 2000)) == nil)
    }
}
