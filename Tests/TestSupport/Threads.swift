import Linux

/// Runs `body` in `count` threads at once and waits for all of them.
public func withThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    final class Task: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let threads = (0..<count).map { index in
        var thread = pthread_t()
        let task = Unmanaged.passRetained(Task { body(index) })
        let failed = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<Task>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, task.toOpaque())
        precondition(failed == 0, "pthread_create")
        return thread
    }
    for thread in threads { pthread_join(thread, nil) }
}
