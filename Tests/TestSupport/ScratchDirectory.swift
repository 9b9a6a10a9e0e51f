import Linux

/// A directory of this test's own, removed with everything in it when the last reference goes.
public final class ScratchDirectory: Sendable {
    /// Its absolute path, without a slash at the end.
    public let path: String

    public init() {
        var template = Array("/tmp/scriptrunner-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(cString: made)
    }

    /// The path of `name` inside it.
    public func callAsFunction(_ name: String) -> String { path + "/" + name }

    deinit { remove() }

    /// Removes it already now.
    func remove() {
        nftw(path, { path, _, _, _ in Glibc.remove(path) }, 16, CInt(FTW_DEPTH | FTW_PHYS))
    }
}
