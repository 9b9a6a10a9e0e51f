import TestSupport
import Testing

@testable import Web

extension HTML {
    /// The markup as a text.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

@Suite struct `Markup` {
    @Test(arguments: [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (#"" onclick="alert(1)"#, "&quot; onclick=&quot;alert(1)"),
        ("' onclick='alert(1)", "&#39; onclick=&#39;alert(1)"),
        ("&amp; &lt;", "&amp;amp; &amp;lt;"),
        ("<", "&lt;"),
        ("a<", "a&lt;"),
        ("<a", "&lt;a"),
        ("<<>>", "&lt;&lt;&gt;&gt;"),
        ("<\u{301}b", "&lt;\u{301}b"),
        ("\"\u{301}", "&quot;\u{301}"),
        ("`=/;{}()", "`=/;{}()"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("a\rb\r\nc", "a\rb\r\nc"),
        ("", ""),
        ("Zoë 日本 🧬", "Zoë 日本 🧬"),
    ])
    func `escapes every text that is put into it, for content and for quoted attributes`(text: String, escaped: String)
    {
        #expect(Array(("\(text)" as HTML).bytes) == Array(escaped.utf8))
        #expect(("<p title=\"\(text)\">\(text)</p>" as HTML).text == "<p title=\"\(escaped)\">\(escaped)</p>")
    }

    @Test(
        arguments: [
            (0x00, "\u{FFFD}"), (0x08, "\u{FFFD}"), (0x09, "\t"), (0x0A, "\n"), (0x0B, "\u{FFFD}"), (0x0C, "\u{FFFD}"),
            (0x0D, "\r"), (0x0E, "\u{FFFD}"), (0x1B, "\u{FFFD}"), (0x1F, "\u{FFFD}"), (0x20, " "),
            (0x7F, "\u{FFFD}"),
            (0x80, "\u{FFFD}"), (0x85, "\u{FFFD}"), (0x9F, "\u{FFFD}"), (0xA0, "\u{A0}"), (0xBF, "\u{BF}"), (0xC0, "À"),
            (0xD7FF, "\u{D7FF}"), (0xE000, "\u{E000}"), (0xFDCF, "\u{FDCF}"), (0xFDD0, "\u{FFFD}"),
            (0xFDEF, "\u{FFFD}"),
            (0xFDF0, "\u{FDF0}"), (0xFFFD, "\u{FFFD}"), (0xFFFE, "\u{FFFD}"), (0xFFFF, "\u{FFFD}"),
            (0x1_0000, "\u{10000}"), (0x1_FFFD, "\u{1FFFD}"), (0x1_FFFE, "\u{FFFD}"), (0x1_FFFF, "\u{FFFD}"),
            (0x2_0000, "\u{20000}"), (0xF_FFFE, "\u{FFFD}"), (0x10_FFFD, "\u{10FFFD}"), (0x10_FFFE, "\u{FFFD}"),
            (0x10_FFFF, "\u{FFFD}"),
        ] as [(UInt32, String)])
    func `shows a stand-in for what HTML does not allow, and everything else as it is`(value: UInt32, shown: String) {
        let text = String(Character(Unicode.Scalar(value)!))

        #expect(("\(text)" as HTML).bytes == Array(shown.utf8))
        #expect(("\("a" + text + "b")" as HTML).bytes == Array(("a" + shown + "b").utf8))
    }

    @Test func `lets no character become markup or leave an attribute`() {
        // What a parser makes of it is the character itself or the stand-in.
        let entities: [(String, UInt32)] = [("&amp;", 38), ("&lt;", 60), ("&gt;", 62), ("&quot;", 34), ("&#39;", 39)]
        for value in UInt32(0)...0x3_0000 {
            guard let scalar = Unicode.Scalar(value), value != 13 else { continue }
            let written = ("\(String(Character(scalar)))" as HTML).text
            if written.utf8.elementsEqual(String(Character(scalar)).utf8) {
                if "&<>\"'".unicodeScalars.contains(scalar) { Issue.record("\(value) stands as it is") }
            } else if let entity = entities.first(where: { $0.0 == written }) {
                if entity.1 != value { Issue.record("\(value) became \(written)") }
            } else {
                let isAllowed =
                    scalar.properties.generalCategory != .control && !scalar.properties.isNoncharacterCodePoint
                if written != "\u{FFFD}" || isAllowed { Issue.record("\(value) became \(written)") }
            }
        }
    }

    @Test func `takes borrowed bytes as they would stand in a text, and survives bytes that are none`() {
        func borrowed(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { ("\($0)" as HTML).bytes } }

        #expect(borrowed(Array("<b> ä\u{85}\u{FFFE}&".utf8)) == Array("&lt;b&gt; ä\u{FFFD}\u{FFFD}&amp;".utf8))
        #expect(borrowed([]) == [])
        for lead in UInt8(0xC2)...0xFF {
            // Broken off after one, two, three bytes; and markup where more of the character should stand.
            for rest in [[], [0xBF], [0xBF, 0xBF], [0x8F, 0xBF], [UInt8](repeating: 0x9F, count: 2)] {
                for end in [[], Array("<".utf8), Array("\"".utf8), Array("x".utf8)] {
                    let written = borrowed([lead] + rest + end)
                    if end == Array("<".utf8) { #expect(written.suffix(4) == Array("&lt;".utf8)[...]) }
                    if end == Array("\"".utf8) { #expect(written.suffix(6) == Array("&quot;".utf8)[...]) }
                    if end == Array("x".utf8) { #expect(written.last == UInt8(ascii: "x")) }
                }
            }
        }
    }

    @Test func `trusts what the programmer wrote, and markup that is put into markup`() {
        let none: HTML? = nil
        let row: HTML = "<td>\("<")</td>"
        var page: HTML = "<p>&nbsp;</p>"
        page += "<tr>\(row)\([row, "x"])\(none)\(row as HTML?)</tr>"
        page += "<b>\(5)\(-7 as Int64)\(UInt8(255))</b>"

        #expect(
            page.text == "<p>&nbsp;</p><tr><td>&lt;</td><td>&lt;</td>x<td>&lt;</td></tr><b>5-7255</b>")
        #expect(HTML().bytes.isEmpty)
        #expect(("" as HTML).bytes.isEmpty)
        #expect(("ä" as HTML).text == "ä")
        #expect(("<" as HTML).text == "<")
    }

    @Test func `escapes a path like any text`() {
        let path = Paths(prefix: "").local("/jobs?a=1&b=\"'<")

        #expect(("<a href=\"\(path!)\">" as HTML).text == "<a href=\"/jobs?a=1&amp;b=&quot;&#39;&lt;\">")
    }

}
