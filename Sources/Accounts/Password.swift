internal import Linux
internal import Sodium

/// What a password must be, and the few places where one is hashed.
///
/// A hash takes 64 MiB and some 70 ms of a core. So that many sign-ins at once neither exhaust the memory nor starve the
/// pages, a hash is made only while holding one of a few slots: lock files that all programs share.
public struct PasswordHasher: Sendable {
    /// The folder of the slot files.
    let folder: String
    /// How many are hashed at once over all programs: as many as a small machine has cores.
    static let slots = 2

    /// Keeps the slot files in `folder`, which exists.
    public init(slotsIn folder: String) { self.folder = folder }

    /// The string to store.
    ///
    /// - Throws: `SystemError` when a slot file cannot be used; ``OutOfMemory``.
    public func hash(_ password: String) throws -> String {
        try holdingSlot {
            guard let hash = PasswordHash.make(password) else { throw OutOfMemory() }
            return hash
        }
    }

    /// Whether the password is right, and if so, what to store from now on when `stored` is of an older make.
    ///
    /// With no `stored` (nobody has this address, or nobody may sign in by password) it takes just as long and says no.
    public func verify(_ password: String, against stored: String?) throws -> (isRight: Bool, better: String?) {
        try holdingSlot {
            let isRight = PasswordHash.verify(password, against: stored ?? PasswordHash.nobodys)
            guard isRight, let stored else { return (false, nil) }
            return (true, PasswordHash.isOutdated(stored) ? PasswordHash.make(password) : nil)
        }
    }

    /// There was no memory for a hash.
    public struct OutOfMemory: Error {}

    private func holdingSlot<Result>(_ body: () throws -> Result) throws -> Result {
        // A random slot first, so that waiters spread; then whichever comes free there.
        let first = Int.random(in: 0..<Self.slots)
        for offset in 0..<Self.slots {
            let slot = try open((first + offset) % Self.slots)
            if flock(slot.number, LOCK_EX | LOCK_NB) == 0 { return try body() }
        }
        let slot = try open(first)
        let number = slot.number
        guard retryingOnInterrupt({ flock(number, LOCK_EX) }) == 0 else { throw SystemError("flock", folder) }
        return try body()
    }

    private func open(_ slot: Int) throws -> Descriptor {
        try Descriptor.open("\(folder)/password-slot-\(slot)", O_RDWR | O_CREAT, mode: 0o600)
    }
}

/// Why a password will not do.
public enum PasswordProblem: Equatable, Sendable {
    case short(minimum: Int)
    case long

    /// Longest that is taken, so that nobody can make the server hash megabytes. Unicode scalars.
    public static let longest = 128

    /// `nil` when it will do. Any characters are fine; only the number of Unicode scalars counts.
    public static func of(_ password: String, minimum: Int) -> PasswordProblem? {
        let count = password.unicodeScalars.count
        if count < minimum { return .short(minimum: minimum) }
        return count > longest ? .long : nil
    }

    /// A sentence for the form.
    public var sentence: String {
        switch self {
        case .short(let minimum):
            "The password needs at least \(minimum) characters. A few words in a row are easy to remember."
        case .long: "The password may have at most \(Self.longest) characters."
        }
    }
}
