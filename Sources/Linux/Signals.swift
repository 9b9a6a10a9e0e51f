/// The usual name of a signal without its SIG, such as `KILL`; the number for one that has none.
public func signalName(_ number: Int) -> String {
    sigabbrev_np(CInt(number)).map { String(cString: $0) } ?? String(number)
}
