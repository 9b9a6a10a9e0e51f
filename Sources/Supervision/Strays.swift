public import Linux

/// The processes of an attempt whose supervisor was killed: they have become init's children, and nobody waits for them.
public enum Strays {
    /// A tree that forks faster than it can be killed is left to the next look. Rounds over /proc.
    private static let mostRounds = 200

    /// Kills every process that carries `mark` in its environment or belongs to the session of `session`, and those that
    /// they start meanwhile, until none is left.
    ///
    /// - Parameters:
    ///   - mark: `NAME=value`, as given to the script; children inherit it.
    ///   - session: the script, which led a session of its own.
    /// - Throws: `SystemError` with `EAGAIN` when some are still there after many rounds.
    public static func kill(marked mark: String, session: ProcessIdentity) throws(SystemError) {
        // After a reboot nothing of it can live, and its numbers are others'.
        guard session.bootID == ProcessIdentity.currentBoot else { return }
        for _ in 0..<mostRounds {
            let found = try strays(mark, session)
            if found.isEmpty { return }
            for stray in found { stray.send(SIGKILL) }
            // The kernel takes a moment to end them.
            usleep(1000)
        }
        throw SystemError("kill", "the processes of an attempt", code: EAGAIN)
    }

    private static func strays(_ mark: String, _ session: ProcessIdentity) throws(SystemError) -> [ProcessIdentity] {
        let proc = try Descriptor.directory("/proc")
        let needle = Array(mark.utf8) + [0]
        var found: [ProcessIdentity] = []
        for name in try proc.entries() {
            guard let pid = Int32(String(decoding: name, as: UTF8.self)), pid != getpid(),
                let identity = ProcessIdentity(of: pid), identity.start >= session.start,
                carries(needle, pid) || getsid(pid) == session.pid, !isZombie(pid)
            else { continue }
            found.append(identity)
        }
        return found
    }

    /// Whether the process was started with this variable. What another user runs cannot be read, and is none of ours.
    private static func carries(_ needle: [UInt8], _ pid: Int32) -> Bool {
        guard let environment = try? Descriptor.open("/proc/\(pid)/environ", O_RDONLY).readAll(limit: 1 << 22),
            environment.count >= needle.count
        else { return false }
        return environment.withUnsafeBytes { all in
            var start = 0
            while let hit = memmem(all.baseAddress! + start, all.count - start, needle, needle.count) {
                let offset = UnsafeRawPointer(hit) - all.baseAddress!
                if offset == 0 || all[offset - 1] == 0 { return true }
                start = offset + 1
            }
            return false
        }
    }

    private static func isZombie(_ pid: Int32) -> Bool {
        guard let bytes = try? Descriptor.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096),
            let end = bytes.lastIndex(of: UInt8(ascii: ")")), end + 2 < bytes.count
        else { return true }
        return bytes[end + 2] == UInt8(ascii: "Z") || bytes[end + 2] == UInt8(ascii: "X")
    }
}
