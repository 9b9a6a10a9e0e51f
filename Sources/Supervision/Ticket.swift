internal import Linux

/// What decides whether an attempt may run: the one file named `start` in its directory. Whoever links it there first, wins.
public enum Ticket: Sendable, Equatable {
    /// The supervisor won: the script runs, or ran.
    case started(Beginning)
    /// The worker won: this attempt never runs, however late its supervisor comes.
    case revoked

    /// How an attempt began, and who sees it through.
    public struct Beginning: Sendable, Equatable {
        /// The script's process, which leads a session of its own.
        public let script: ProcessIdentity
        /// The supervisor's first process.
        public let guardPID: Int32
        /// Milliseconds since 1970.
        public let at: Int64
        /// Guard and shim. When both are gone, nothing more will be recorded. Empty in a ticket of the first releases, which
        /// named the guard by its number alone: then only the attempt's lock tells.
        public let watchers: [ProcessIdentity]
        /// The directories of the attempt's own cgroup, one for each hierarchy; empty when it has none.
        public let cgroups: [String]

        init(
            script: ProcessIdentity, guardPID: Int32, at: Int64, watchers: [ProcessIdentity] = [],
            cgroups: [String] = []
        ) {
            self.script = script
            self.guardPID = guardPID
            self.at = at
            self.watchers = watchers
            self.cgroups = cgroups
        }
    }

    /// A line of the first releases, and then a line each for what came later. All processes are of one boot.
    var encoded: [UInt8] {
        switch self {
        case .started(let it):
            let blank = UInt8(ascii: " ")
            var bytes = Array("started ".utf8)
            func put(_ number: Int64, _ end: UInt8 = blank) {
                bytes.append(decimal: number)
                bytes.append(end)
            }
            put(Int64(it.script.pid))
            put(it.script.start)
            bytes += it.script.bootID.utf8
            bytes.append(blank)
            put(Int64(it.guardPID))
            put(it.at, UInt8(ascii: "\n"))
            for watcher in it.watchers {
                bytes += "watcher ".utf8
                put(Int64(watcher.pid))
                put(watcher.start, UInt8(ascii: "\n"))
            }
            for cgroup in it.cgroups {
                bytes += "cgroup ".utf8
                bytes += cgroup.utf8
                bytes.append(UInt8(ascii: "\n"))
            }
            return bytes
        case .revoked: return Array("revoked\n".utf8)
        }
    }

    /// `nil` when it makes no sense. Lines that a later release may add are passed over.
    init?(decoding bytes: [UInt8]) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        let words = (lines.first ?? []).split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        switch words.first {
        case "revoked": self = .revoked
        case "started":
            guard words.count == 6, let pid = Int32(words[1]), let start = Int64(words[2]),
                let guardPID = Int32(words[4]), let at = Int64(words[5])
            else { return nil }
            var (watchers, cgroups): ([ProcessIdentity], [String]) = ([], [])
            for line in lines.dropFirst() {
                // A path may hold blanks.
                let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
                    .map { String(decoding: $0, as: UTF8.self) }
                guard parts.count == 2 else { return nil }
                switch parts[0] {
                case "watcher":
                    let numbers = parts[1].utf8.split(separator: UInt8(ascii: " ")).map { Int64(Substring($0)) }
                    guard numbers.count == 2, let number = numbers[0], let pid = Int32(exactly: number),
                        let start = numbers[1]
                    else { return nil }
                    watchers.append(ProcessIdentity(pid: pid, start: start, bootID: words[3]))
                case "cgroup": cgroups.append(parts[1])
                default: break
                }
            }
            self = .started(
                Beginning(
                    script: ProcessIdentity(pid: pid, start: start, bootID: words[3]), guardPID: guardPID, at: at,
                    watchers: watchers, cgroups: cgroups))
        default: return nil
        }
    }
}
