/// Lends texts as the C array that exec and posix_spawn want.
@inlinable
public func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    // With a NULL at the end, because the memory is all zeros.
    let memory = calloc(texts.count + 1, MemoryLayout<UnsafeMutablePointer<CChar>?>.stride)
    guard let pointers = memory?.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self) else {
        fatalError("no memory for \(texts.count) arguments")
    }
    for index in 0..<texts.count { pointers[index] = texts[index].withCString { strdup($0) } }
    defer {
        for index in 0..<texts.count { free(pointers[index]) }
        free(memory)
    }
    return body(pointers)
}

/// What a program that we start has as its first three descriptors.
public struct StandardDescriptors: Sendable {
    /// Standard input; `nil` is /dev/null.
    public var input: CInt?
    /// Standard output; `nil` is /dev/null.
    public var output: CInt?
    /// Standard error; `nil` is ours.
    public var error: CInt?

    public init(input: CInt? = nil, output: CInt? = nil, error: CInt? = nil) {
        self.input = input
        self.output = output
        self.error = error
    }
}

/// Starts a program as our child, in a session of its own, with nothing of ours but what is given: no other descriptor, no
/// environment, no signal mask, no ignored signals.
///
/// - Parameters:
///   - program: its full path.
///   - arguments: all of argv.
///   - environment: all of it, `NAME=value` each.
///   - handedOver: a descriptor that the child finds as number 3.
/// - Returns: its process number, for the caller to wait for.
/// - Throws: `SystemError` when it could not be started.
public func spawn(
    _ program: String, arguments: [String], environment: [String],
    standard: StandardDescriptors = StandardDescriptors(), handedOver: CInt? = nil
) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // What is given may be one of 0 to 3 itself, so all are first copied to numbers above every one of them.
    let given: [(source: CInt?, target: CInt)] = [
        (standard.input, 0), (standard.output, 1), (standard.error ?? 2, 2), (handedOver, 3),
    ]
    let parking = max(10, given.compactMap(\.source).max() ?? 0) + 1
    for (source, target) in given {
        if let source { posix_spawn_file_actions_adddup2(&actions, source, parking + target) }
    }
    for (source, target) in given {
        if source != nil {
            posix_spawn_file_actions_adddup2(&actions, parking + target, target)
        } else if target < 3 {
            posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
        }
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, handedOver == nil ? 3 : 4)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | Int32(POSIX_SPAWN_SETSID)
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var pid: pid_t = 0
    let failure = withCStrings(arguments) { arguments in
        withCStrings(environment) { environment in
            posix_spawn(&pid, program, &actions, &attributes, arguments, environment)
        }
    }
    guard failure == 0 else { throw SystemError("posix_spawn", program, code: failure) }
    return pid
}
