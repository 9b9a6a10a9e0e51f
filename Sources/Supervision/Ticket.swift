internal import Linux

/// What decides whether an attempt may run: the one file named `start` in its directory. Whoever links it there first, wins.
public enum Ticket: Sendable, Equatable {
    /// The supervisor won: the script runs, or ran, as this process, guarded by that one.
    case started(script: ProcessIdentity, guardPID: Int32, at: Int64)
    /// The worker won: this attempt never runs, however late its supervisor comes.
    case revoked

    var encoded: [UInt8] {
        switch self {
        case .started(let script, let guardPID, let at):
            Array("started \(script.pid) \(script.start) \(script.bootID) \(guardPID) \(at)\n".utf8)
        case .revoked: Array("revoked\n".utf8)
        }
    }

    init?(decoding bytes: [UInt8]) {
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" })
        switch words.first {
        case "revoked": self = .revoked
        case "started":
            guard words.count == 6, let pid = Int32(words[1]), let start = Int64(words[2]),
                let guardPID = Int32(words[4]),
                let at = Int64(words[5])
            else { return nil }
            self = .started(
                script: ProcessIdentity(pid: pid, start: start, bootID: String(words[3])), guardPID: guardPID, at: at)
        default: return nil
        }
    }
}
