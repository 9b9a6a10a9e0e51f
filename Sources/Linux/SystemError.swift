/// A system call that failed: which one, on what, and why.
public struct SystemError: Error, CustomStringConvertible, Sendable {
    /// The call's name, such as `open`.
    public let call: String
    /// The path or thing that it was about, where there is one.
    public let subject: String?
    /// The value of errno.
    public let code: CInt

    /// Keeps the present errno unless `code` is given.
    public init(_ call: String, _ subject: String?, code: CInt = errno) {
        self.code = code
        self.call = call
        self.subject = subject
    }

    /// The reason in words, such as `No such file or directory`.
    public var reason: String { String(cString: strerror(code)) }

    public var description: String {
        if let subject { "\(call) \(subject): \(reason)" } else { "\(call): \(reason)" }
    }
}
