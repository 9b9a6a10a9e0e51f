public import Linux

extension AttemptDirectory {
    /// Starts a supervisor for this attempt and returns its process number. It is the caller's child, in a session of its
    /// own, with nothing of the caller's but the attempt's directory; what it has to say goes into `trouble`.
    ///
    /// - Parameter supervisor: the program's path.
    public borrowing func launch(_ supervisor: String) throws(SystemError) -> Int32 {
        let trouble = try descriptor.open(beneath: "trouble", O_WRONLY | O_CREAT | O_APPEND)
        return try spawn(
            supervisor, arguments: ["supervisor"], environment: [],
            standard: StandardDescriptors(error: trouble.number), handedOver: descriptor.number)
    }
}
