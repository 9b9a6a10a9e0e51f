import Foundation
import JobQueue
import Testing

@testable import Pages
@testable import Web

private let htdocs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("htdocs")

private func asset(_ name: String) throws -> String {
    try String(contentsOf: htdocs.appendingPathComponent(name), encoding: .utf8)
}

@Suite struct `The stylesheet` {
    @Test(arguments: JobState.allCases) func `has a colour for every state`(state: JobState) throws {
        #expect(try asset("style.css").contains(".\(state.rawValue)"))
    }

    @Test func `loads nothing from anywhere`() throws {
        let style = try asset("style.css")
        for word in ["url(", "@import", "@font-face"] { #expect(!style.contains(word)) }
    }
}

@Suite struct `The script of the pages` {
    @Test func `makes no markup and no code from what it is given`() throws {
        let script = try asset("live.js")
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            #expect(!script.contains(word))
        }
    }
}

@Suite struct `A page's frame` {
    private func page(isLive: Bool = false, isBare: Bool = false) throws -> String {
        let frame = Frame(path: Paths(prefix: "/at"), visitor: nil, current: nil, isBare: isBare)
        guard case .bytes(let bytes) = frame.page("A title", "<h1>A title</h1>", isLive: isLive).body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `refers only to assets that are there`() throws {
        let names = try page().components(separatedBy: "\"/at/static/").dropFirst().map { $0.prefix { $0 != "\"" } }
        #expect(Set(names) == ["style.css", "live.js", "icon.svg"])
        for name in names { #expect(try !asset(String(name)).isEmpty) }
    }

    @Test func `makes browsers without JavaScript reload what changes by itself, and nothing else`() throws {
        #expect(try page(isLive: true).contains(#"<noscript><meta http-equiv="refresh" content="5"></noscript>"#))
        #expect(try !page().contains("refresh"))
    }

    @Test func `offers nobody to sign in where it cannot know who asks`() throws {
        #expect(try page().contains("/at/login"))
        #expect(try !page(isBare: true).contains("/at/login"))
    }
}

@Suite struct `A browser's name` {
    @Test(arguments: [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
                + "Safari/537.36 Edg/126.0.0.0", "Edge on Windows"
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                + "Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile "
                + "Safari/537.36", "Chrome on Android"
        ),
    ])
    func `is what people call it`(userAgent: String, name: String) { #expect(browserName(userAgent) == name) }

    @Test func `is what it says when nobody knows it`() {
        #expect(browserName("curl/7.88.1") == "curl/7.88.1")
        #expect(browserName("") == "unknown")
    }
}

@Suite struct `A long text in a table` {
    @Test func `is shown by its beginning`() {
        #expect(shortened("12345", to: 5) == "12345")
        #expect(shortened("123456", to: 5) == "12345…")
        #expect(shortened("", to: 5) == "")
    }

    @Test func `is short even when it is one character of many scalars`() {
        let tower = "e" + String(repeating: "\u{301}", count: 10_000)
        #expect(shortened(tower).utf8.count < 1000)
    }
}
