internal import Linux

/// Where the cgroups of attempts are made: a directory in each cgroup hierarchy that we may make cgroups in.
///
/// docs/supervision.md tells an admin how to delegate one.
public struct CgroupParent: Sendable, Equatable {
    /// Full paths below /sys/fs/cgroup: one where version 2 has everything, one for each of version 1's hierarchies.
    public let directories: [String]
    /// Whether the memory of an attempt can be bounded, and the kernel counts whom it kills for want of memory.
    public let boundsMemory: Bool
    /// Whether the number of an attempt's processes can be bounded.
    public let boundsProcesses: Bool

    /// Why a setting cannot be followed, as a sentence for the admin.
    public struct Unusable: Error, CustomStringConvertible, Sendable {
        public let description: String
    }

    /// What the admin's setting means here and now.
    ///
    /// - Parameter setting: `off`; `auto`: our own cgroup, or the one above it if systemd marked it as delegated, whatever is
    ///   usable; or directories with a colon between them, all of which have to be usable.
    /// - Returns: `nil` when attempts get no cgroup.
    /// - Throws: ``Unusable``; never for `off` or `auto`.
    public static func find(_ setting: String) throws(Unusable) -> CgroupParent? {
        switch setting {
        case "off", "": return nil
        case "auto":
            return CgroupParent(
                OwnCgroups.now().candidates.filter { directory in
                    do { try check(directory) } catch { return false }
                    // It would be taken for two.
                    return !directory.utf8.contains(UInt8(ascii: ":"))
                })
        default:
            var directories: [String] = []
            for part in setting.utf8.split(separator: UInt8(ascii: ":")) {
                let directory = Array(part)
                guard directory.first == UInt8(ascii: "/"), !directory.contains(UInt8(ascii: "\n")) else {
                    throw Unusable(
                        description:
                            "\(setting): is neither off nor auto nor a full path, or several with colons between")
                }
                directories.append(String(decoding: directory, as: UTF8.self))
            }
            for directory in directories { try check(directory) }
            return CgroupParent(directories)
        }
    }

    /// What `Order.cgroupParent` says.
    public var order: String { directories.joined(separator: ":") }

    static func directories(ofOrder order: String) -> [String] {
        order.utf8.split(separator: UInt8(ascii: ":")).map { String(Substring($0)) }
    }

    /// `nil` for no directories.
    private init?(_ directories: [String]) {
        guard !directories.isEmpty else { return nil }
        self.directories = directories
        var (memory, processes) = (false, false)
        for directory in directories {
            CgroupParent.enableControllers(directory)
            let files = CgroupParent.filesOfChild(in: directory) ?? []
            memory = memory || files.contains("memory.max") || files.contains("memory.limit_in_bytes")
            processes = processes || files.contains("pids.max")
        }
        (boundsMemory, boundsProcesses) = (memory, processes)
    }

    /// Version 2 hands controllers down only when told so, and only from a cgroup without processes of its own. One that has
    /// some is left alone also where the kernel would agree: nobody could come into it any more, not even a worker that
    /// systemd starts again.
    private static func enableControllers(_ directory: String) {
        let processes = try? Descriptor.open(directory + "/cgroup.procs", O_RDONLY).readAll(limit: 1 << 20)
        guard processes?.isEmpty == true else { return }
        for controller in ["+memory", "+pids"] {
            guard let file = try? Descriptor.open(directory + "/cgroup.subtree_control", O_WRONLY) else { return }
            try? file.write(Array(controller.utf8))
        }
    }

    static func check(_ directory: String) throws(Unusable) {
        guard access(directory + "/cgroup.procs", F_OK) == 0 else {
            throw Unusable(description: "\(directory): is no cgroup (there is no cgroup.procs in it)")
        }
        guard filesOfChild(in: directory) != nil else {
            throw Unusable(
                description: "\(directory): no cgroup can be made in it (\(String(cString: strerror(errno)))); "
                    + "give the directory and its cgroup.procs to the user that the worker runs as")
        }
        guard access(directory + "/cgroup.subtree_control", F_OK) != 0 || mayMove(to: directory) else {
            throw Unusable(
                description:
                    "\(directory): processes cannot be moved into it from the worker's own cgroup: the user that the "
                    + "worker runs as needs cgroup.procs of the cgroup that both have in common, too")
        }
    }

    /// Makes a cgroup for a moment, to see what the kernel puts into it. `nil` with errno when none can be made.
    private static func filesOfChild(in directory: String) -> Set<String>? {
        let child = "\(directory)/probe-\(getpid())"
        guard mkdir(child, 0o755) == 0 || errno == EEXIST else { return nil }
        defer { rmdir(child) }
        let names = (try? Descriptor.directory(child).entries()) ?? []
        return Set(names.map { String(decoding: $0, as: UTF8.self) })
    }

    /// Version 2 lets nobody move a process who may not write `cgroup.procs` of the common ancestor of where it is and where
    /// it goes (cgroups(7), "Delegation containment").
    private static func mayMove(to directory: String) -> Bool {
        guard var ancestor = OwnCgroups.now().version2 else { return false }
        while !(directory + "/").utf8.starts(with: (ancestor + "/").utf8) {
            guard let slash = ancestor.utf8.lastIndex(of: UInt8(ascii: "/")) else { return false }
            ancestor = String(ancestor[..<slash])
        }
        return access(ancestor + "/cgroup.procs", W_OK) == 0
    }
}
