internal import Linux

/// The cgroups that this process is in, as directories.
struct OwnCgroups {
    /// In the hierarchy of version 2.
    private(set) var version2: String?
    /// By version 1's controller.
    private(set) var version1: [String: String] = [:]

    static func now() -> OwnCgroups {
        func read(_ path: String) -> [UInt8] {
            (try? Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20)) ?? []
        }
        return OwnCgroups(cgroup: read("/proc/self/cgroup"), mountinfo: read("/proc/self/mountinfo"))
    }

    /// - Parameters:
    ///   - cgroup: what /proc/self/cgroup says (cgroups(7)): `HIERARCHY:CONTROLLERS:PATH` lines.
    ///   - mountinfo: what /proc/self/mountinfo says (proc(5)).
    init(cgroup: [UInt8], mountinfo: [UInt8]) {
        var paths: [String: String] = [:]
        for line in OwnCgroups.lines(cgroup) {
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let path = String(decoding: parts[2], as: UTF8.self)
            for controller in parts[1].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
                paths[String(decoding: controller, as: UTF8.self)] = path
            }
        }
        for line in OwnCgroups.lines(mountinfo) {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count >= dash + 4 else { continue }
            let (root, point, type, options) = (words[3], words[4], words[dash + 1], words[dash + 3])
            // A path with a blank in it is written otherwise there; no cgroup of ours has one.
            if type == "cgroup2", version2 == nil, let path = paths[""] {
                version2 = OwnCgroups.directory(path, root, point)
            } else if type == "cgroup" {
                let controllers = options.utf8.split(separator: UInt8(ascii: ",")).map { String(Substring($0)) }
                for controller in ["memory", "pids"] where controllers.contains(controller) {
                    guard version1[controller] == nil, let path = paths[controller] else { continue }
                    version1[controller] = OwnCgroups.directory(path, root, point)
                }
            }
        }
    }

    /// Where `auto` would make cgroups, if it may.
    var candidates: [String] {
        var all = ["memory", "pids"].compactMap { version1[$0] }
        if let version2 { all.append(OwnCgroups.delegated(above: version2) ?? version2) }
        // Both controllers may share one hierarchy.
        return all.enumerated().filter { index, directory in !all[..<index].contains(directory) }.map(\.element)
    }

    /// The cgroup above ours, if systemd has marked it as delegated (systemd.resource-control(5), since 251) and put us into a
    /// cgroup of our own in it (`DelegateSubgroup=`). Only such a one can hand controllers down.
    private static func delegated(above own: String) -> String? {
        guard let slash = own.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let parent = String(own[..<slash])
        var mark: UInt8 = 0
        return getxattr(parent, "user.delegate", &mark, 1) == 1 && mark == UInt8(ascii: "1") ? parent : nil
    }

    /// The part of the path below what is mounted.
    private static func directory(_ path: String, _ root: String, _ point: String) -> String? {
        if root == "/" { return path == "/" ? point : point + path }
        // What is mounted lies deeper than what the process may see, or elsewhere.
        guard (path + "/").utf8.starts(with: (root + "/").utf8) else { return nil }
        return point + String(decoding: path.utf8.dropFirst(root.utf8.count), as: UTF8.self)
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "\n")) }
}
