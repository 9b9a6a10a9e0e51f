import Testing

@testable import Settings

@Suite struct `The address of the site` {
    @Test(arguments: [
        ("http://localhost:8080", "http://localhost:8080", ""),
        ("https://jobs.example.org", "https://jobs.example.org", ""),
        ("https://jobs.example.org/", "https://jobs.example.org", ""),
        ("https://example.org/sr", "https://example.org", "/sr"),
        ("https://example.org/a/b-c_d.e~f///", "https://example.org", "/a/b-c_d.e~f"),
        ("http://[::1]:8080/sr", "http://[::1]:8080", "/sr"),
        ("http://[2001:db8::1]", "http://[2001:db8::1]", ""),
        ("http://192.0.2.1", "http://192.0.2.1", ""),
        // As browsers say them.
        ("HTTPS://Jobs.Example.ORG/Sr", "https://jobs.example.org", "/Sr"),
        ("https://example.org:443", "https://example.org", ""),
        ("http://example.org:80/sr", "http://example.org", "/sr"),
        ("https://example.org:80", "https://example.org:80", ""),
        ("http://example.org:443", "http://example.org:443", ""),
        ("http://example.org:08080", "http://example.org:8080", ""),
    ])
    func `is understood as browsers say it`(written: String, origin: String, prefix: String) throws {
        let url = try Settings.parse("base_url=\(written)", file: place).baseURL

        #expect(url.origin == origin)
        #expect(url.prefix == prefix)
        #expect(url.text == origin + prefix)
    }

    @Test(arguments: [
        "", "example.org", "//example.org", "ftp://example.org", "https:/example.org", "https://", "https:///sr",
        "https://:8080", "https://example.org:", "https://example.org:0", "https://example.org:65536",
        "https://example.org:80a", "https://example.org:-1", "https://a:b:c", "https://::1", "https://[::1",
        "https://[]", "https://[::1]x", "https://user@example.org", "https://user:secret@example.org",
        "https://example.org/a b", "https://example.org/?q", "https://example.org/#f", "https://example.org/%2e",
        "https://example.org/\\evil", "https://example.org/ä", "https://exämple.org", "https://example.org\\evil",
        "https://example.org?", "https://exa mple.org", "https://example.org/a\"b", "https://example.org/;a",
        // Links would lead to the host sr, or be rewritten by browsers.
        "https://example.org//sr", "https://example.org/a//b", "https://example.org/.", "https://example.org/..",
        "https://example.org/../sr", "https://example.org/a/./b", "https://example.org/sr/..",
        "https://\u{301}example.org", "https://example.org/\u{301}", "https://example.org/\u{212A}",
    ])
    func `is refused when it is none, or leads astray`(written: String) {
        #expect(
            problem(with: "base_url=\(written)")
                == "\(place):1: base_url: \"\(written)\" is no address such as https://jobs.example.org or "
                + "https://example.org/jobs")
    }
}
