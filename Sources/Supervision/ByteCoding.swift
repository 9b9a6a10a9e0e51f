internal import Linux

/// Writes the plain binary form in which order and exit record stand on the disk: little-endian integers, and byte
/// strings with their length before them.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: Int64) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    mutating func put(_ text: String) {
        put(Int64(text.utf8.count))
        bytes += text.utf8
    }

    mutating func put(_ texts: [String]) {
        put(Int64(texts.count))
        for text in texts { put(text) }
    }
}

/// Reads what ``ByteWriter`` wrote. What is cut short or absurd is an error, never a trap.
struct ByteReader {
    private var rest: ArraySlice<UInt8>

    struct Damaged: Error {}

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// How many bytes have not been read.
    var left: Int { rest.count }

    mutating func number() throws(Damaged) -> Int64 {
        guard rest.count >= 8 else { throw Damaged() }
        var number: UInt64 = 0
        for byte in rest.prefix(8).reversed() { number = number << 8 | UInt64(byte) }
        rest = rest.dropFirst(8)
        return Int64(bitPattern: number)
    }

    mutating func text() throws(Damaged) -> String {
        let count = try number()
        guard count >= 0, count <= rest.count, let text = String(validating: rest.prefix(Int(count)), as: UTF8.self)
        else { throw Damaged() }
        rest = rest.dropFirst(Int(count))
        return text
    }

    mutating func texts() throws(Damaged) -> [String] {
        let count = try number()
        // Each has at least its length.
        guard count >= 0, count <= rest.count / 8 else { throw Damaged() }
        var texts: [String] = []
        for _ in 0..<count { texts.append(try text()) }
        return texts
    }
}

/// CRC-32 as in IEEE 802.3 and zlib: tells a record that was written whole from one that was not.
func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        sum ^= UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
}

extension [UInt8] {
    /// Whether `needle` stands somewhere in these bytes.
    func holds(_ needle: [UInt8]) -> Bool {
        withUnsafeBytes { all in all.baseAddress.map { memmem($0, all.count, needle, needle.count) != nil } ?? false }
    }
}
