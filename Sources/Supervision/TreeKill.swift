internal import Linux

/// Ends every process that descends from this one. As a subreaper it becomes the parent of all orphans among them, also of
/// those that made themselves daemons in sessions of their own; so killing children until there are none ends all.
enum TreeKill {
    /// Kills and reaps all children but `kept`, and theirs as they arrive, until none is left.
    static func killChildren(but kept: pid_t?) {
        while true {
            let children = children().filter { $0 != kept }
            if children.isEmpty { return }
            for child in children { kill(child, SIGKILL) }
            for child in children {
                var status: CInt = 0
                _ = retryingOnInterrupt { waitpid(child, &status, 0) }
            }
        }
    }

    /// The children of this process, from /proc/self/task/TID/children (proc(5)); it has one thread.
    private static func children() -> [pid_t] {
        let bytes =
            (try? Descriptor.open("/proc/self/task/\(getpid())/children", O_RDONLY).readAll(limit: 1 << 24)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
    }
}
