import TestSupport
import Testing

@testable import Web

@Suite struct `Percent-encoding` {
    private func encoded(_ bytes: [UInt8]) -> String {
        var text = ""
        PercentEncoding.encode(bytes, into: &text)
        return text
    }

    private func decoded(_ text: String, plusIsSpace: Bool = false) -> [UInt8]? {
        PercentEncoding.decode(text.utf8, plusIsSpace: plusIsSpace)
    }

    @Test func `leaves the unreserved characters alone and gives every byte back`() {
        let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        for byte in UInt8.min...UInt8.max {
            let text = encoded([byte])
            #expect(text.utf8.count == (unreserved.contains(byte) ? 1 : 3))
            #expect(decoded(text) == [byte])
            #expect(decoded(text.lowercased()) == (unreserved.contains(byte) ? Array(text.lowercased().utf8) : [byte]))
        }
        #expect(encoded(Array("a/ä".utf8)) == "a%2F%C3%A4")
    }

    @Test(arguments: ["%", "%4", "a%", "%G1", "%1G", "% 41", "%+1", "%-1", "%%41", "%\u{661}1", "41%4"])
    func `refuses a sign without two digits after it`(text: String) {
        #expect(decoded(text) == nil)
        #expect(decoded(text, plusIsSpace: true) == nil)
    }

    @Test func `takes a plus for a blank only where it is asked to`() {
        #expect(decoded("a+b%2B", plusIsSpace: true) == Array("a b+".utf8))
        #expect(decoded("a+b%2B", plusIsSpace: false) == Array("a+b+".utf8))
    }
}

@Suite struct `A form` {
    private func read(_ body: String) throws -> [String] {
        try Form(urlencoded: body.utf8).pairs.map { "\($0.name)=\($0.value)" }
    }

    private func problem(_ body: String) -> RequestProblem? {
        do {
            _ = try read(body)
            return nil
        } catch { return error as? RequestProblem }
    }

    @Test(arguments: [
        ("", []), ("&", []), ("&&a=1&&", ["a=1"]), ("a=1&b=2", ["a=1", "b=2"]), ("a", ["a="]), ("a=", ["a="]),
        ("=1", ["=1"]), ("=", ["="]), ("a=b=c", ["a=b=c"]), ("a=1&a=2", ["a=1", "a=2"]),
        ("a+b=c+d", ["a b=c d"]), ("a%3Db=c%26d", ["a=b=c&d"]), ("n%C3%A4me=%E6%97%A5", ["näme=日"]),
        ("a;b=1", ["a;b=1"]), ("a=1\r\n", ["a=1\r\n"]), ("a=%0D%0A", ["a=\r\n"]), ("ä=ö", ["ä=ö"]),
    ])
    func `is read as browsers encode it`(body: String, fields: [String]) throws {
        #expect(try read(body) == fields)
    }

    @Test func `gives the first value of a name, or all of them`() throws {
        let form = try Form(urlencoded: "b=1&a=2&b=3&b=".utf8)

        #expect(form["b"] == "1")
        #expect(form.all("b") == ["1", "3", ""])
        #expect(form["c"] == nil)
        #expect(form["B"] == nil)
        #expect(form.all("c") == [])
    }

    @Test(arguments: ["%", "a=%", "a=%4", "a=%zz", "%zz=a", "b=1&a=%"])
    func `is refused when it is not encoded properly`(body: String) {
        #expect(
            problem(body) == RequestProblem(status: 400, sentence: "The form or the address is not encoded properly."))
    }

    @Test(arguments: ["a=%00", "%00=a", "a=x%00y", "a=%FF", "%C3=a", "a=%C0%AF", "a=%ED%A0%80", "a=\0"])
    func `is refused when a field is no text`(body: String) {
        #expect(problem(body)?.status == 400)
        #expect(problem(body)?.sentence.hasPrefix("A field holds characters that are no text") == true)
    }

    @Test func `has a thousand fields at most`() throws {
        let fields = (1...1001).map { "f\($0)=\($0)" }

        #expect(try read(fields[..<1000].joined(separator: "&")).count == 1000)
        #expect(
            problem(fields.joined(separator: "&"))
                == RequestProblem(status: 413, sentence: "The form has more than 1000 fields."))
    }

}
