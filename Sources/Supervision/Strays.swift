public import Linux

/// The processes of an attempt whose supervisor was killed: they have become init's children, and nobody waits for them.
public enum Strays {
    /// A tree that forks faster than it can be killed is left to the next look. Rounds over /proc.
    private static let mostRounds = 200
    /// Looks that find nobody, before that is believed although processes came and went meanwhile: one may have been too young
    /// for the list when its parent was too old for it. And who is just becoming another program has no environment for a
    /// moment.
    private static let mostDoubts = 10

    /// Kills every process of an attempt and those that they start meanwhile, until none is left: who is in its cgroup,
    /// carries `mark` in its environment, belongs to the script's session, or descends from one of these. Then removes the
    /// cgroup.
    ///
    /// - Parameters:
    ///   - mark: `NAME=value`, as given to the script; children inherit it.
    ///   - session: the script, which led a session of its own.
    ///   - cgroups: what the ticket names.
    /// - Throws: `SystemError` with `EAGAIN` when some are still there after many rounds.
    public static func kill(
        marked mark: String, session: ProcessIdentity, cgroups: [String] = []
    ) throws(SystemError) {
        // After a reboot nothing of it can live, and its numbers are others'.
        guard session.bootID == ProcessIdentity.currentBoot else { return }
        let cgroup = AttemptCgroup(directories: cgroups)
        var doubts = 0
        // Who has lost the last that made it ours is still to be waited for.
        var dying: Set<ProcessIdentity> = []
        for _ in 0..<mostRounds {
            cgroup.kill()
            var isSure = true
            let found = try TreeKill.stopAndKill { (stop) throws(SystemError) in
                let before = ProcessTable.youngest
                for stray in try strays(mark, session, cgroup, &isSure) { stop(stray) }
                isSure = isSure && before == ProcessTable.youngest
            }
            dying = dying.union(found).filter { stray in
                ProcessStatus(stray.pid).map { $0.start == stray.start && !$0.isOver } ?? false
            }
            if found.isEmpty, dying.isEmpty {
                doubts += 1
                if isSure || doubts >= mostDoubts { return cgroup.remove() }
            } else {
                doubts = 0
            }
            // The kernel takes a moment to end them.
            usleep(1000)
        }
        throw SystemError("kill", "the processes of an attempt", code: EAGAIN)
    }

    private static func strays(
        _ mark: String, _ script: ProcessIdentity, _ cgroup: AttemptCgroup, _ isSure: inout Bool
    ) throws(SystemError) -> Set<ProcessIdentity> {
        let table = try ProcessTable.all().filter {
            $0.status.start >= script.start && !$0.status.isOver && $0.pid != getpid()
        }
        // A session keeps its number from others as long as somebody is in it; then another script may get it.
        let isOurSession = table.allSatisfy { $0.pid != script.pid || $0.status.start == script.start }
        var found = Set(cgroup.processes().filter { ProcessStatus($0.pid)?.isOver == false })
        var starts = [Int32: Int64](found.map { ($0.pid, $0.start) }, uniquingKeysWith: max)
        func add(_ pid: Int32, _ status: ProcessStatus) {
            starts[pid] = status.start
            found.insert(ProcessIdentity(pid: pid, start: status.start, bootID: script.bootID))
        }
        for (pid, status) in table {
            let whose = Mark(mark, of: pid)
            if whose == .ours || whose != .another && isOurSession && status.session == script.pid {
                add(pid, status)
            } else if whose == .unknown {
                isSure = false
            }
        }
        // Children of those, and so on, as long as a parent is still who it was when it was found.
        var before = -1
        while found.count != before {
            before = found.count
            for (pid, status) in table where starts[pid] == nil {
                guard let parent = starts[status.parent], parent <= status.start,
                    ProcessStatus(status.parent)?.start == parent
                else { continue }
                add(pid, status)
            }
        }
        return found
    }

    /// Whose mark a process was started with. What another user runs cannot be read, and is none of ours.
    private enum Mark {
        case ours, another, none, unknown

        init(_ mark: String, of pid: Int32) {
            guard let bytes = try? Descriptor.open("/proc/\(pid)/environ", O_RDONLY).readAll(limit: 1 << 22) else {
                self = .none
                return
            }
            let environment = [0] + bytes
            let name = mark.utf8.prefix { $0 != UInt8(ascii: "=") }
            if environment.holds([0] + Array(mark.utf8) + [0]) {
                self = .ours
            } else {
                let isAnother = environment.holds([0] + Array(name) + [UInt8(ascii: "=")])
                self = isAnother ? .another : bytes.isEmpty ? .unknown : .none
            }
        }
    }
}
