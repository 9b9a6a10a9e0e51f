internal import CSodium

/// Argon2id by libsodium, as a self-describing string (`$argon2id$v=19$m=65536,t=2,p=1$…`).
///
/// 64 MiB and two passes are libsodium's "interactive" limits and above the OWASP floor of 19 MiB, t=2 (Password Storage
/// Cheat Sheet). One hash takes about 70 ms, so callers bound how many run at once.
public enum PasswordHash {
    private static let passes = UInt64(crypto_pwhash_OPSLIMIT_INTERACTIVE)
    private static let memory = Int(crypto_pwhash_MEMLIMIT_INTERACTIVE)

    /// A string that no password was made into (salt and hash are all zeroes), with today's limits: checking against it
    /// takes as long as against a real one and says no.
    public static let nobodys =
        "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    /// The string to store, with a fresh salt; `nil` when 64 MiB could not be had.
    public static func make(_ password: String) -> String? {
        Sodium.ready
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let failed = crypto_pwhash_str(&text, password, UInt64(password.utf8.count), passes, memory)
        guard failed == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether `stored` was made of `password`. Takes as long for a wrong one.
    public static func verify(_ password: String, against stored: String) -> Bool {
        Sodium.ready
        return crypto_pwhash_str_verify(stored, password, UInt64(password.utf8.count)) == 0
    }

    /// Whether `stored` was made with other limits than today's and should be made again at the next sign-in.
    public static func isOutdated(_ stored: String) -> Bool {
        crypto_pwhash_str_needs_rehash(stored, passes, memory) != 0
    }
}
