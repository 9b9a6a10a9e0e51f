/// The usual name of a signal without its SIG, such as `KILL`; the number for one that has none.
public func signalName(_ number: Int) -> String {
    sigabbrev_np(CInt(number)).map { String(cString: $0) } ?? String(number)
}

/// For a program that looks between two pieces of work whether it shall end: from now on SIGTERM and SIGINT interrupt
/// nothing, but are kept until somebody asks ``isAskedToEnd()``. Call it before the first thread is made.
public func deferTermination() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    sigprocmask(SIG_BLOCK, &signals, nil)
}

/// Whether a signal that ``deferTermination()`` holds back has come.
public func isAskedToEnd() -> Bool {
    var signals = sigset_t()
    sigpending(&signals)
    return sigismember(&signals, SIGTERM) == 1 || sigismember(&signals, SIGINT) == 1
}
