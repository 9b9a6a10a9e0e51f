internal import CSodium

/// A SHA-256 over bytes that come piece by piece.
public struct SHA256 {
    private var state = crypto_hash_sha256_state()

    public init() {
        Sodium.ready
        crypto_hash_sha256_init(&state)
    }

    /// Adds the next piece.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        crypto_hash_sha256_update(
            &state, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, UInt64(bytes.count))
    }

    /// The 32 bytes of the hash of all pieces.
    public consuming func finish() -> [UInt8] {
        var state = state
        return [UInt8](unsafeUninitializedCapacity: Int(crypto_hash_sha256_BYTES)) { buffer, initialised in
            crypto_hash_sha256_final(&state, buffer.baseAddress!)
            initialised = Int(crypto_hash_sha256_BYTES)
        }
    }

    /// The 32 bytes of the hash of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var sum = SHA256()
        bytes.withUnsafeBytes { sum.update($0) }
        return sum.finish()
    }
}
