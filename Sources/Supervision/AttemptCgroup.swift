internal import Linux

/// The cgroup of one attempt: a directory of the attempt's name in each hierarchy that the worker found usable, version 2 or
/// 1. What a directory can do is told by the files that the kernel puts into it.
struct AttemptCgroup {
    /// Full paths; empty when the attempt has no cgroup.
    let directories: [String]

    init(directories: [String]) { self.directories = directories }

    /// Where the attempt's cgroup is, or would be.
    init(of order: Order, named name: String) {
        directories = CgroupParent.directories(ofOrder: order.cgroupParent).map { $0 + "/" + name }
    }

    /// Makes the cgroup and puts a process into it that has no children yet. What does not work is said and left out: the
    /// script runs all the same, and nothing is claimed that was not watched.
    init(of order: Order, named name: String, entering pid: pid_t) {
        var joined: [String] = []
        var (hasMemory, hasProcesses) = (order.memory <= 0, order.processes <= 0)
        for directory in AttemptCgroup(of: order, named: name).directories {
            do throws(SystemError) {
                do throws(SystemError) { try AttemptCgroup.join(directory, order, pid) } catch {
                    // Somebody who took the directory for a forgotten one removed it before the process was in it.
                    guard error.code == ENOENT || error.code == ENODEV else { throw error }
                    try AttemptCgroup.join(directory, order, pid)
                }
                joined.append(directory)
                hasMemory = hasMemory || AttemptCgroup.has(["memory.max", "memory.limit_in_bytes"], in: directory)
                hasProcesses = hasProcesses || AttemptCgroup.has(["pids.max"], in: directory)
            } catch {
                Supervisor.complain("cgroup: \(error)")
                rmdir(directory)
            }
        }
        if !order.cgroupParent.isEmpty {
            if !hasMemory { Supervisor.complain("cgroup: nothing bounds the memory") }
            if !hasProcesses { Supervisor.complain("cgroup: nothing bounds the number of processes") }
        }
        directories = joined
    }

    private static func join(_ directory: String, _ order: Order, _ pid: pid_t) throws(SystemError) {
        guard mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw SystemError("mkdir", directory) }
        if order.memory > 0 {
            try set("memory.max", in: directory, to: order.memory)
            // Swapping would only put the end off, and slow the whole machine down until then.
            try set("memory.swap.max", in: directory, to: 0)
            try set("memory.limit_in_bytes", in: directory, to: order.memory)
            try set("memory.memsw.limit_in_bytes", in: directory, to: order.memory)
        }
        // A script that has lost one process of many for want of memory would go on with half of its work missing.
        try set("memory.oom.group", in: directory, to: 1)
        if order.processes > 0 { try set("pids.max", in: directory, to: order.processes) }
        try set("cgroup.procs", in: directory, to: Int64(pid))
    }

    /// Writes into a file that the kernel has put there, or does nothing when it has not.
    private static func set(_ file: String, in directory: String, to value: Int64) throws(SystemError) {
        let path = directory + "/" + file
        if file != "cgroup.procs", access(path, F_OK) != 0 { return }
        let opened = try Descriptor.open(path, O_WRONLY)
        do throws(SystemError) { try opened.write(Array("\(value)\n".utf8)) } catch {
            throw SystemError("write", path, code: error.code)
        }
    }

    private static func has(_ files: [String], in directory: String) -> Bool {
        files.contains { access(directory + "/" + $0, F_OK) == 0 }
    }

    // MARK: What it tells and does

    /// How many of its processes the kernel has killed for want of memory; `nil` where it does not count.
    ///
    /// The kernel counts before it kills, so whoever sees a process ended by it sees the number raised. A version 1 cgroup
    /// counts its own processes alone, version 2 also those of cgroups in it.
    var outOfMemoryKills: Int64? {
        for directory in directories {
            for file in ["memory.events", "memory.oom_control"] {
                guard let text = AttemptCgroup.read(directory + "/" + file) else { continue }
                for line in text.split(separator: UInt8(ascii: "\n")) {
                    let words = line.split(separator: UInt8(ascii: " "))
                    guard words.count == 2, words[0].elementsEqual("oom_kill".utf8) else { continue }
                    return Int64(String(decoding: words[1], as: UTF8.self))
                }
            }
        }
        return nil
    }

    /// Kills all of its processes in one blow, where the kernel can (version 2, since Linux 5.14).
    func kill() {
        for directory in directories {
            guard let file = try? Descriptor.open(directory + "/cgroup.kill", O_WRONLY) else { continue }
            try? file.write(Array("1\n".utf8))
        }
    }

    /// The processes that are in it now. One that has left meanwhile is none of them.
    func processes() -> [ProcessIdentity] {
        directories.flatMap { directory in
            AttemptCgroup.numbers(below: directory).compactMap { pid in
                // The number may have gone to a stranger since it was listed: identified first, then found in here.
                guard let identity = ProcessIdentity(of: pid), AttemptCgroup.isMember(pid, of: directory)
                else { return nil }
                return identity
            }
        }
    }

    private static func numbers(below directory: String, depth: Int = 0) -> [Int32] {
        var numbers = (read(directory + "/cgroup.procs") ?? []).split(separator: UInt8(ascii: "\n"))
            .compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
        for child in children(of: directory, depth) { numbers += self.numbers(below: child, depth: depth + 1) }
        return numbers
    }

    /// /proc/PID/cgroup names the cgroup in every hierarchy, from the hierarchy's own root on; the attempt's name is unique.
    private static func isMember(_ pid: Int32, of directory: String) -> Bool {
        let name = directory.utf8.suffix(from: directory.utf8.lastIndex(of: UInt8(ascii: "/")) ?? directory.startIndex)
        let needle = Array(name) + [UInt8(ascii: "/")]
        return (read("/proc/\(pid)/cgroup") ?? []).split(separator: UInt8(ascii: "\n")).contains { line in
            (Array(line) + [UInt8(ascii: "/")]).holds(needle)
        }
    }

    /// Removes it, with whatever cgroups the script has made inside. There is nobody in it any more.
    func remove() {
        for directory in directories { AttemptCgroup.remove(directory, depth: 0) }
    }

    private static func remove(_ directory: String, depth: Int) {
        for child in children(of: directory, depth) { remove(child, depth: depth + 1) }
        // The last process may have been reaped, and not yet have left.
        for _ in 0..<100 where rmdir(directory) != 0 {
            guard errno == EBUSY else { return }
            usleep(1000)
        }
    }

    /// No tree of cgroups is deeper than a script has any use for.
    private static func children(of directory: String, _ depth: Int) -> [String] {
        guard depth < 8, let opened = try? Descriptor.directory(directory), let names = try? opened.entries() else {
            return []
        }
        return names.compactMap { name in
            opened.status(of: name)?.isFolder == true ? directory + "/" + String(decoding: name, as: UTF8.self) : nil
        }
    }

    private static func read(_ path: String) -> [UInt8]? {
        try? Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20)
    }
}
