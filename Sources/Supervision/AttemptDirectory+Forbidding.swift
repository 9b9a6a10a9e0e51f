public import Linux

extension AttemptDirectory {
    /// Makes sure that an attempt of which nothing was laid down never runs: who claimed it may be only asleep, and finds
    /// its directory taken.
    ///
    /// - Returns: `false` when somebody has begun with it meanwhile.
    public static func forbid(in attempts: String, named name: String) throws(SystemError) -> Bool {
        let parent = try Descriptor.directory(attempts)
        try parent.makeDirectory(name, mode: 0o700)
        let attempt = AttemptDirectory(descriptor: try parent.open(beneath: name, O_RDONLY | O_DIRECTORY))
        let isRevoked = try attempt.revoke()
        try parent.sync()
        return isRevoked
    }
}
