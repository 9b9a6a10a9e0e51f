internal import CSodium

/// Readies libsodium, once for the process. Everything in this module asks for it first.
enum Sodium {
    static let ready: Void = {
        // 0 = initialised, 1 = was already; -1 means no source of randomness: nothing may go on then.
        precondition(sodium_init() >= 0, "libsodium could not be initialised")
    }()
}

/// Bytes that nobody can guess, from the kernel's generator.
public func randomBytes(_ count: Int) -> [UInt8] {
    Sodium.ready
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
        randombytes_buf(buffer.baseAddress!, count)
        initialised = count
    }
}

/// Whether both are the same, in a time that depends on nothing but their lengths.
public func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && sodium_memcmp(left, right, left.count) == 0
}

extension [UInt8] {
    /// Lower-case hexadecimal digits, two a byte.
    public var hex: String {
        String(unsafeUninitializedCapacity: count * 2) { buffer in
            let digits: StaticString = "0123456789abcdef"
            for (index, byte) in enumerated() {
                buffer[index * 2] = digits.utf8Start[Int(byte >> 4)]
                buffer[index * 2 + 1] = digits.utf8Start[Int(byte & 15)]
            }
            return count * 2
        }
    }

    /// The bytes that hexadecimal digits of either case stand for; `nil` if they stand for none.
    public init?(hex: some StringProtocol) {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in hex.utf8 {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        guard high == nil else { return nil }
        self = bytes
    }
}
