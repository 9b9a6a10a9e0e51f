import Foundation
import Linux
import Testing

@testable import Mail

/// 2026-03-01 09:05:07 UTC, a Sunday.
let morning = Instant(milliseconds: 1_772_355_907_000)

func message(_ subject: String = "Hello", _ body: String = "Body\n", to: String = "ada@example.org") -> Message {
    Message(
        from: "runner@example.org", to: to, subject: subject, body: body, date: morning, id: "job-12-1-started-34")
}

/// The header's lines and the body of a message.
func parts(_ message: Message) -> (header: [String], body: String) {
    let text = String(decoding: message.rendered, as: UTF8.self)
    let cut = text.range(of: "\r\n\r\n")!
    return (String(text[..<cut.lowerBound]).components(separatedBy: "\r\n"), String(text[cut.upperBound...]))
}

func decodedBody(_ message: Message) -> String {
    let lines = parts(message).body.components(separatedBy: "\r\n")
    return String(decoding: Data(base64Encoded: lines.joined())!, as: UTF8.self)
}

/// What a mail program makes of a subject of encoded words; each must be UTF-8 by itself.
func decodedSubject(_ subject: String) -> String? {
    var decoded = ""
    for word in subject.components(separatedBy: "\r\n ") {
        guard word.hasPrefix("=?utf-8?B?"), word.hasSuffix("?="),
            let data = Data(base64Encoded: String(word.dropFirst(10).dropLast(2))),
            let text = String(data: data, encoding: .utf8)
        else { return nil }
        decoded += text
    }
    return decoded
}

@Suite struct `A message` {
    @Test func `travels as headers and an encoded text`() {
        let text = """
            From: ScriptRunner <runner@example.org>\r
            To: <ada@example.org>\r
            Subject: Job #12 [s.sh] Started\r
            Date: Sun, 01 Mar 2026 09:05:07 +0000\r
            Message-ID: <job-12-1-started-34.1772355907000@example.org>\r
            Auto-Submitted: auto-generated\r
            MIME-Version: 1.0\r
            Content-Type: text/plain; charset=utf-8\r
            Content-Transfer-Encoding: base64\r
            \r
            SGVsbG8NCg==\r

            """
        #expect(String(decoding: message("Job #12 [s.sh] Started", "Hello\n").rendered, as: UTF8.self) == text)
    }

    @Test(arguments: [
        "Gr\u{FC}\u{DF}e", "\u{1F9EC}", "=?utf-8?B?SGVsbG8=?=", "a =?= b",
        String(repeating: "\u{1F9EC}\u{3C9}", count: 99),
        String(repeating: "x", count: 901), "ends in \u{E4}", String(repeating: "\u{E4}", count: 39),
    ])
    func `has its subject in encoded words where plain text would not do`(subject: String) throws {
        let encoded = Message.encodedSubject(subject)
        #expect(encoded != subject)
        #expect(decodedSubject(encoded) == subject)
        let folded = try #require(
            String(decoding: message(subject).rendered, as: UTF8.self).components(separatedBy: "\r\nDate:").first)
        let lines = try #require(folded.components(separatedBy: "Subject: ").last).components(separatedBy: "\r\n")
        #expect("Subject: ".utf8.count + lines[0].utf8.count <= 76)
        #expect(lines.allSatisfy { $0.utf8.count <= 76 })
    }

    @Test(arguments: ["Job #1 [a.sh] Started", "", "a=b?c", String(repeating: "x", count: 899)])
    func `keeps a plain subject as it is`(subject: String) {
        #expect(Message.encodedSubject(subject) == subject)
    }

    @Test(arguments: [
        "Job\r\nBcc: eve@example.org", "Job\nBcc: eve@example.org", "Job\rBcc: eve@example.org",
        "Job\r\n\r\nbody",
        "Job\u{0}\u{1B}[2J", "Job\u{85}Bcc: eve@example.org",
        "J\u{F6}b\r\n\r\n.\r\nMAIL FROM:<eve@b>",
    ])
    func `lets no subject add a header or end them`(subject: String) {
        let (header, body) = parts(message(subject, "Text\n"))
        let names = header.filter { !$0.hasPrefix(" ") }.map { $0.prefix { $0 != ":" } }
        #expect(
            names == [
                "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
                "Content-Transfer-Encoding",
            ])
        #expect(body == "VGV4dA0K\r\n")
        #expect(!decodedSubject(Message.encodedSubject(subject))!.unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test func `carries a text of any length and content in short lines of base64`() {
        for length in [0, 1, 2, 3, 56, 57, 58, 114, 115, 5000] {
            let text = String(repeating: "\u{E4}", count: length / 2) + String(repeating: ".", count: length % 2)
            let mail = message("Hello", text)
            #expect(decodedBody(mail) == text)
            let lines = parts(mail).body.components(separatedBy: "\r\n")
            #expect(lines.allSatisfy { $0.utf8.count <= 76 })
            #expect(lines.last == "")
        }
        let hostile = ".\r\n..\r\nQUIT\u{0}"
        #expect(decodedBody(message("Hello", hostile)) == hostile)
    }

    @Test(arguments: [
        ("a\nb\n", "a\r\nb\r\n"), ("a\r\nb", "a\r\nb"), ("10%\r20%\r\n", "10%\r\n20%\r\n"),
        ("\n\n\r\r\n", "\r\n\r\n\r\n\r\n"), ("", ""),
    ])
    func `ends the lines of its text as MIME demands`(text: String, canonical: String) {
        #expect(decodedBody(message("Hello", text)) == canonical)
    }

    @Test(arguments: [
        "ada@example.org", "root@localhost", "o'brien@example.ie", "a+b=c@x", "a@" + String(repeating: "b", count: 252),
    ])
    func `goes to an address`(address: String) { #expect(Message.isAddress(address)) }

    @Test(arguments: [
        "", "@", "ada", "ada@", "@example.org", "a@b@c", "a b@c", "a\t@c", "a@c\r\nBcc: eve@d", "a@c\n", "a\u{0}@c",
        "<a@c>", "a@c>", "a,b@c", "a@c,d", "a;b@c", "\"a\"@c", "a\\@c", "(x)a@c", "a@[127.0.0.1]", "-a@c", "-oQ/tmp@c",
        "\u{E4}@c", "a@\u{E4}", "a\u{7F}@c", "a@" + String(repeating: "b", count: 253),
    ])
    func `goes nowhere else`(address: String) { #expect(!Message.isAddress(address)) }

    @Test func `is not made for what is no address`() async {
        await #expect(processExitsWith: .failure) {
            _ = message(to: "ada@example.org\r\nBcc: eve@example.org").rendered
        }
    }
}
