internal import Linux

/// The processes below this one: its children, theirs, and so on. A subreaper gets back whoever loses a parent on the way,
/// so nobody leaves this tree alive.
enum Descendants {
    /// Calls `visit` with every process of the tree, each before its own children are looked for.
    ///
    /// The tree may change meanwhile, so what is missed is found by the next walk, and what `visit` has stopped has all of
    /// its children found. A number is believed only as long as its parent is known to be ours.
    static func walk(_ visit: (ProcessIdentity, ProcessStatus) -> Void) {
        let boot = ProcessIdentity.currentBoot
        guard let own = ProcessStatus(getpid()) else { return }
        var parents = [(pid: getpid(), start: own.start, threads: 1)]
        while let parent = parents.popLast() {
            let found = children(of: parent.pid, threads: parent.threads).compactMap { pid in
                ProcessStatus(pid).flatMap { $0.parent == parent.pid ? (pid, $0) : nil }
            }
            // Had the parent's number changed hands before its children were seen, they would be a stranger's.
            guard ProcessStatus(parent.pid)?.start == parent.start else { continue }
            for (pid, status) in found {
                visit(ProcessIdentity(pid: pid, start: status.start, bootID: boot), status)
                parents.append((pid, status.start, status.threads))
            }
        }
    }

    /// The children of this process, which has one thread.
    static func ofOurs() -> [Int32] {
        guard let bytes = readOurs() else { return fromTheTable(getpid()) }
        return children(in: bytes)
    }

    /// Whether this process has no child, or no other than `child`.
    static func areNone(but child: Int32) -> Bool {
        guard let bytes = readOurs() else { return fromTheTable(getpid()).allSatisfy { $0 == child } }
        var index = 0
        while let other = bytes.decimal(at: &index) {
            if other != child { return false }
            index += 1
        }
        return true
    }

    private static func readOurs() -> [UInt8]? {
        try? Descriptor.open("/proc/thread-self/children", O_RDONLY).readAll(limit: mostBytes)
    }

    /// Of a list of children. Two million numbers.
    private static let mostBytes = 1 << 24

    /// From /proc/PID/task/TID/children (proc(5)), which kernels have that can freeze a process tree; all of Debian's do.
    private static func children(of pid: Int32, threads: Int) -> [Int32] {
        if threads <= 1 { return children(of: pid, thread: pid) ?? fromTheTable(pid) }
        guard let tasks = try? Descriptor.directory("/proc/\(pid)/task").entries() else { return [] }
        return tasks.flatMap { task in
            Int32(String(decoding: task, as: UTF8.self)).flatMap { children(of: pid, thread: $0) } ?? []
        }
    }

    private static func children(of pid: Int32, thread: Int32) -> [Int32]? {
        (try? Descriptor.open(ofProcess: pid, "task/\(thread)/children").readAll(limit: mostBytes)).map(children(in:))
    }

    /// Numbers with a blank behind each.
    private static func children(in bytes: [UInt8]) -> [Int32] {
        var (children, index): ([Int32], Int) = ([], 0)
        while let child = bytes.decimal(at: &index) {
            children.append(Int32(truncatingIfNeeded: child))
            index += 1
        }
        return children
    }

    private static func fromTheTable(_ pid: Int32) -> [Int32] {
        // Gone, or a kernel without such files.
        guard access("/proc/\(pid)", F_OK) == 0 else { return [] }
        return ((try? ProcessTable.all()) ?? []).compactMap { $0.status.parent == pid ? $0.pid : nil }
    }
}

/// Every process of the machine that can be seen.
enum ProcessTable {
    static func all() throws(SystemError) -> [(pid: Int32, status: ProcessStatus)] {
        var found: [(Int32, ProcessStatus)] = []
        try Descriptor.directory("/proc").eachEntry { name in
            guard let first = name.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
                let pid = Int32(String(decoding: name, as: UTF8.self)), let status = ProcessStatus(pid)
            else { return }
            found.append((pid, status))
        }
        return found
    }

    /// The number that the kernel gave last; another one, when a process was made in the meantime.
    static var youngest: [UInt8] {
        // The last word of /proc/loadavg (proc(5)).
        let words = (try? Descriptor.open("/proc/loadavg", O_RDONLY).readAll(limit: 4096)) ?? []
        return Array(words.split(separator: UInt8(ascii: " ")).last ?? [])
    }
}
