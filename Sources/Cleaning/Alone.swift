internal import Linux

/// Runs `body` unless another cleaner runs: `state_dir/cleaner.lock` is held meanwhile, and the kernel frees it when the
/// program ends, however it ends.
///
/// - Returns: `nil` when another one runs.
/// - Throws: what `body` throws, or `SystemError` about the lock.
public func alone<Result>(in stateDirectory: String, _ body: () throws -> Result) throws -> Result? {
    let path = stateDirectory + "/cleaner.lock"
    let file = try Descriptor.open(path, O_RDWR | O_CREAT)
    guard retryingOnInterrupt({ flock(file.number, LOCK_EX | LOCK_NB) }) == 0 else {
        guard errno == EWOULDBLOCK else { throw SystemError("flock", path) }
        return nil
    }
    // Named here, the descriptor lives until here, and the lock with it.
    defer { _ = flock(file.number, LOCK_UN) }
    return try body()
}
