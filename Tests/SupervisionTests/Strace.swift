import Linux
import TestSupport

@testable import Supervision

/// Lets system calls of a supervisor fail, by strace(1). The script itself runs untraced.
enum Strace {
    static let path = "/usr/bin/strace"
    static let isThere = access(path, X_OK) == 0

    /// What to start a supervisor through.
    ///
    /// - Parameters:
    ///   - injections: as `-e` wants them.
    ///   - paths: only calls that concern one of these files, if there are any.
    static func command(_ injections: [String], on paths: [String] = [], output: String = "/dev/null") -> [String] {
        [Self.path, "-f", "-qq", "-b", "execve", "-o", output] + paths.flatMap { ["-P", $0] }
            + injections.flatMap { ["-e", $0] }
    }
}
