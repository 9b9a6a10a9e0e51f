import Linux

/// A condition that did not come true in time.
public struct NeverHappened: Error {
    public let what: String

    public init(what: String) { self.what = what }
}

/// Returns as soon as `condition` holds. The limit is far beyond what a loaded machine needs; it is there so that a broken
/// build ends.
public func waitUntil(_ what: String, limit: Instant.Span = .seconds(60), _ condition: () throws -> Bool) throws {
    let start = Instant.now()
    while try !condition() {
        guard Instant.now() - start < limit else { throw NeverHappened(what: what) }
        usleep(2000)
    }
}
