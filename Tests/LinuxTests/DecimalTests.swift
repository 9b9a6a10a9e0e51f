import Linux
import Testing

@Suite struct `A decimal number in bytes` {
    @Test(arguments: [0, 7, 9, 10, 99, 100, 12_345, -1, -10, Int64.max, Int64.min, Int64.min + 1])
    func `is written as everybody writes it, and read again`(_ number: Int64) {
        var bytes = Array("a ".utf8)
        bytes.append(decimal: number)
        #expect(String(decoding: bytes, as: UTF8.self) == "a \(number)")
        var index = 2
        #expect(bytes.decimal(at: &index) == number)
        #expect(index == bytes.count)
    }

    @Test(arguments: [
        "", "-", "a", " 1", "+1", "/", ":", "9223372036854775808", "-9223372036854775809", "99999999999999999999",
    ])
    func `is not made of anything else`(_ text: String) {
        var index = 0
        #expect(Array(text.utf8).decimal(at: &index) == nil)
        #expect(index == 0)
    }

    @Test func `ends where its digits end`() {
        let bytes = Array("12 -3 x".utf8)
        var index = 0
        #expect(bytes.decimal(at: &index) == 12 && index == 2)
        index = 3
        #expect(bytes.decimal(at: &index) == -3 && index == 5)
        index = 6
        #expect(bytes.decimal(at: &index) == nil && index == 6)
        index = 7
        #expect(bytes.decimal(at: &index) == nil)
    }
}
