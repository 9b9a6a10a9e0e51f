public import Linux

extension AttemptDirectory {
    /// The Swift runtime would look for the program that prints backtraces wherever it might be, at each start.
    private static let withoutBacktraces = "SWIFT_BACKTRACE=enable=no,swift-backtrace=/"

    /// Starts a supervisor for this attempt and returns its process number. It is the caller's child, in a session of its
    /// own, with nothing of the caller's but the attempt's directory; what it has to say goes into `trouble`.
    ///
    /// - Parameter supervisor: the program's path.
    public borrowing func launch(_ supervisor: String) throws(SystemError) -> Int32 {
        let trouble = try descriptor.open(beneath: "trouble", O_WRONLY | O_CREAT | O_APPEND)
        return try spawn(
            supervisor, arguments: ["supervisor"], environment: [AttemptDirectory.withoutBacktraces],
            standard: StandardDescriptors(error: trouble.number), handedOver: descriptor.number)
    }
}
