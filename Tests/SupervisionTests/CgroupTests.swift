import Linux
import TestSupport
import Testing

@testable import Supervision

/// Directories in the cgroup hierarchies of this machine that belong to the ordinary user; only root can make them.
final class Delegation {
    let directories: [String]

    /// One in each hierarchy of version 1 that can do something, or one of version 2 that hands memory and pids down;
    /// `nil` when that cannot be had.
    init?() {
        let hierarchies = ["memory", "pids"].compactMap { OwnCgroups.now().version1[$0] }
        let above = hierarchies.isEmpty ? [OwnCgroups.now().version2].compactMap(\.self) : hierarchies
        guard getuid() == 0, let made = Delegation.make(in: above) else { return nil }
        directories = made
        guard let parent = try? CgroupParent.find(order), parent.boundsMemory, parent.boundsProcesses else {
            for directory in made { rmdir(directory) }
            return nil
        }
    }

    /// One of version 2, whether it can bound anything or not, with a cgroup `main` to start from.
    init?(version2: Void) {
        guard getuid() == 0, let own = OwnCgroups.now().version2, let made = Delegation.make(in: [own]) else {
            return nil
        }
        directories = made
        mkdir(made[0] + "/main", 0o755)
        for file in ["", "/cgroup.procs", "/cgroup.subtree_control"] {
            giveAway(made[0] + "/main" + file)
        }
    }

    private static func make(in above: [String]) -> [String]? {
        var made: [String] = []
        for directory in above {
            let path = "\(directory)/scriptrunner-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
            guard mkdir(path, 0o755) == 0 else {
                for directory in made { rmdir(directory) }
                return nil
            }
            made.append(path)
            for file in ["", "/cgroup.procs", "/cgroup.subtree_control"] where access(path + file, F_OK) == 0 {
                giveAway(path + file)
            }
        }
        return made
    }

    deinit { AttemptCgroup(directories: directories).remove() }

    /// For an order.
    var order: String { directories.joined(separator: ":") }

    func has(_ name: String) -> Bool { directories.contains { access($0 + "/" + name, F_OK) == 0 } }

    static let isPossible = Delegation() != nil
    static let isPossibleInVersion2 = Delegation(version2: ()) != nil
}

@Suite(.enabled(if: Delegation.isPossible, "needs root, and a cgroup hierarchy that bounds memory and processes"))
struct `A cgroup of an attempt's own` {
    let delegation = Delegation()!

    static let hungry = "#!/usr/bin/perl\nmy $x = 'x' x 300_000_000;\nsleep 1000;\n"

    @Test func `bounds the memory, and the kernel's own count tells why the script ended`() throws {
        let trial = try Trial()
        let record = try trial.run(
            try trial.order(Self.hungry, memory: 40 << 20, cgroupParent: delegation.order))
        #expect(record?.outcome == .signalled(Int(SIGKILL)))
        #expect(record?.wasOutOfMemory == true)
        #expect(record?.killedByUs == false)
        #expect(record?.memoryWasWatched == true)
        #expect(!delegation.has("a.1"))
    }

    @Test func `tells it also of a child, unless the script copes`() throws {
        for (end, outcome) in [("exit $status", ExitRecord.Outcome.exited(137)), ("exit 0", .exited(0))] {
            let trial = try Trial()
            let script = "#!/bin/sh\nperl -e 'my $x = \"x\" x 300_000_000'; status=$?\n\(end)\n"
            let record = try trial.run(try trial.order(script, memory: 40 << 20, cgroupParent: delegation.order))
            // Version 2 takes the whole group.
            guard record?.outcome != .signalled(Int(SIGKILL)) else { continue }
            #expect(record?.outcome == outcome)
            #expect(record?.wasOutOfMemory == (outcome != .exited(0)))
        }
    }

    @Test func `claims nothing that the kernel did not count`() throws {
        let killed = try Trial()
        let record = try killed.run(
            try killed.order("#!/bin/sh\nkill -9 $$\n", memory: 40 << 20, cgroupParent: delegation.order))
        #expect(record?.outcome == .signalled(Int(SIGKILL)))
        #expect(record?.wasOutOfMemory == false && record?.memoryWasWatched == true)
        let without = try Trial()
        let other = try without.run(try without.order("#!/bin/sh\nkill -9 $$\n", memory: 40 << 20))
        #expect(other?.wasOutOfMemory == false && other?.memoryWasWatched == false)
    }

    @Test func `is not blamed for a KILL that the supervisor sent`() throws {
        let trial = try Trial()
        // Loses a child for want of memory, goes on, and has to be ended.
        let script = """
            #!/bin/sh
            trap '' TERM
            perl -e 'my $x = "x" x 300_000_000'
            touch up
            while :; do sleep 0.02; done
            """
        try trial.start(try trial.order(script, grace: 0, memory: 40 << 20, cgroupParent: delegation.order))
        try waitUntil("the script") { try trial.has("up") || !trial.directory().isAlive() }
        guard trial.has("up") else { return }
        #expect(try trial.requestStop())
        let record = try trial.waitForSupervisor()
        #expect(record?.killedByUs == true)
        #expect(record?.wasOutOfMemory == false)
    }

    @Test func `bounds the number of processes`() throws {
        let trial = try Trial()
        let script = """
            #!/usr/bin/perl
            my $made = 0;
            for (1..100) { my $pid = fork; last unless defined $pid; if (!$pid) { sleep 1000; exit } $made++ }
            print "$made\\n";
            """
        let record = try trial.run(try trial.order(script, processes: 20, cgroupParent: delegation.order))
        #expect(record?.outcome == .exited(0))
        #expect(try trial.log() == "19\n")
    }

    @Test func `holds a fork bomb, which is ended`() throws {
        let trial = try Trial()
        let order = try trial.order(
            "#!/usr/bin/perl\nopen F, '>up'; close F; while (1) { fork }\n", grace: 0, processes: 300,
            cgroupParent: delegation.order)
        try trial.start(order)
        try trial.waitForFile("up")
        let session = try trial.beginning().script.pid
        func members() throws -> Int { try ProcessTable.all().count { $0.status.session == session } }
        try waitUntil("a hundred of them") { try members() > 100 }
        #expect(try trial.requestStop())
        #expect(try trial.waitForSupervisor()?.stop == .requested)
        #expect(try members() == 0)
        #expect(!delegation.has("a.1"))
    }

    @Test func `holds the script before its first instruction, and stands in the ticket`() throws {
        let trial = try Trial()
        let record = try trial.run(
            try trial.order("#!/bin/sh\ncat /proc/self/cgroup\n", memory: 1 << 30, cgroupParent: delegation.order))
        #expect(record?.outcome == .exited(0))
        let cgroups = try trial.beginning().cgroups
        #expect(cgroups == delegation.directories.map { $0 + "/a.1" })
        let lines = try trial.log().split(separator: "\n").count { $0.hasSuffix("/a.1") }
        #expect(lines == cgroups.count)
    }

    @Test func `is removed by the guard when the shim was killed`() throws {
        let trial = try Trial()
        try trial.start(
            try trial.order("#!/bin/sh\ntouch up\nexec sleep 1000\n", cgroupParent: delegation.order))
        try trial.waitForFile("up")
        #expect(delegation.has("a.1"))
        kill(try trial.shimPID(), SIGKILL)
        #expect(try trial.requestStop())
        #expect(try trial.waitForSupervisor()?.memoryWasWatched == true)
        #expect(!delegation.has("a.1"))
    }

    @Test func `is removed when nobody let the script through the gate`() throws {
        let revoked = try Trial()
        let order = try revoked.order("#!/bin/sh\ntouch ran\n", cgroupParent: delegation.order)
        try asOrdinaryUser {
            guard let attempt = try AttemptDirectory.make(in: revoked.attempts, named: "a.1", order: order)
            else { throw SystemError("mkdir", "a.1") }
            #expect(try attempt.revoke())
            var status: CInt = 0
            waitpid(try attempt.launch(BuiltProgram.path("supervisor")), &status, 0)
        }
        #expect(!revoked.has("ran") && !delegation.has("a.1"))

        guard Strace.isThere else { return }
        let killed = try Trial()
        let other = try killed.order("#!/bin/sh\ntouch ran\n", cgroupParent: delegation.order)
        #expect(try killed.run(other, through: Strace.command(["inject=linkat:signal=KILL"])) == nil)
        #expect(!killed.has("ran") && !delegation.has("a.1"))
    }

    @Test func `is gone at the end, before whatever system call the shim was killed`() throws {
        let sweep = `A supervisor that is killed`()
        try sweep.sweep(counting: .shim, killing: [.shim], cgroupParent: delegation.order) { trial, call in
            try sweep.checkIsKnown(trial, call)
            #expect(!delegation.has("a.1"), "call \(call)")
        }
    }

    @Test func `finds what has left everything else behind, when guard and shim were killed`() throws {
        let trial = try Trial()
        try trial.start(
            try trial.order(`What is left when guard and shim were killed`.script, cgroupParent: delegation.order))
        try trial.waitForFile("up")
        let beginning = try trial.beginning()
        try trial.killBoth()
        let orphan = try trial.number("orphan")
        #expect(!isGone(orphan))
        try asOrdinaryUser {
            try Strays.kill(marked: "SR_TRIAL=nobody's", session: beginning.script, cgroups: beginning.cgroups)
        }
        #expect(isGone(orphan) && isGone(beginning.script.pid))
        #expect(!delegation.has("a.1"))
    }

    @Test func `that cannot be made is said, and the script runs`() throws {
        let trial = try Trial()
        let record = try trial.run(
            try trial.order("#!/bin/sh\nexit 7\n", memory: 1 << 20, cgroupParent: "/sys/fs/cgroup/no/such/place"))
        #expect(record?.outcome == .exited(7))
        #expect(record?.memoryWasWatched == false)
        #expect(try trial.directory().trouble().contains("nothing bounds the memory"))
    }

    @Test func `is taken where the admin says`() throws {
        let parent = try asOrdinaryUser { try CgroupParent.find(delegation.order) }
        #expect(parent?.directories == delegation.directories)
        #expect(parent?.boundsMemory == true && parent?.boundsProcesses == true)
        #expect(parent.map(\.order).map(CgroupParent.directories) == delegation.directories)
        #expect(try CgroupParent.find("off") == nil)
        for (setting, word) in [
            ("relative", "full path"), ("/tmp", "is no cgroup"), (delegation.order + ":/nowhere", "is no cgroup"),
            ("\(OwnCgroups.now().version1.values.first ?? "/sys/fs/cgroup")", "no cgroup can be made in it"),
        ] {
            let problem = asOrdinaryUser { () -> String? in
                do { _ = try CgroupParent.find(setting) } catch { return "\(error)" }
                return nil
            }
            #expect(problem?.contains(word) == true, "\(setting): \(problem ?? "usable")")
        }
        // This test's own cgroup is root's.
        #expect(asOrdinaryUser { try! CgroupParent.find("auto") } == nil)
    }
}

@Suite(.enabled(if: Delegation.isPossibleInVersion2, "needs root, and a cgroup hierarchy of version 2"))
struct `A cgroup of version 2` {
    let delegation = Delegation(version2: ())!

    @Test func `is entered from a cgroup beside it, and killed as a whole`() throws {
        let trial = try Trial()
        try trial.start(
            try trial.order(`What is left when guard and shim were killed`.script, cgroupParent: delegation.order),
            within: delegation.directories[0] + "/main")
        try trial.waitForFile("up")
        let beginning = try trial.beginning()
        #expect(beginning.cgroups == [delegation.directories[0] + "/a.1"])
        try trial.killBoth()
        let orphan = try trial.number("orphan")
        #expect(!isGone(orphan))
        // The one blow; nothing is looked for.
        AttemptCgroup(directories: beginning.cgroups).kill()
        try waitUntil("the end of all") { isGone(orphan) && isGone(beginning.script.pid) }
        try asOrdinaryUser {
            try Strays.kill(marked: "SR_TRIAL=nobody's", session: beginning.script, cgroups: beginning.cgroups)
        }
        #expect(!delegation.has("a.1"))
    }

    @Test func `ends with the script, whatever the script has made in it`() throws {
        let trial = try Trial()
        let script = """
            #!/bin/sh
            own=\(delegation.directories[0])/a.1
            mkdir $own/inner $own/inner/most
            (setsid sh -c "echo 0 > $own/inner/most/cgroup.procs; touch up; exec sleep 1000" &)
            while [ ! -e up ]; do sleep 0.02; done
            exit 7
            """
        try trial.start(
            try trial.order(script, cgroupParent: delegation.order), within: delegation.directories[0] + "/main")
        #expect(try trial.waitForSupervisor()?.outcome == .exited(7))
        #expect(!delegation.has("a.1"))
    }

    @Test func `is refused where the worker's own cgroup would not let processes go`() throws {
        // The tests' own cgroup is root's.
        let problem = asOrdinaryUser { () -> String? in
            do { _ = try CgroupParent.find(delegation.order) } catch { return "\(error)" }
            return nil
        }
        #expect(problem?.contains("in common") == true, "\(problem ?? "usable")")
    }
}

@Suite struct `The cgroups that a process is in` {
    /// Debian 12 with systemd.
    static let unified = """
        24 30 0:22 / /proc rw,relatime - proc proc rw
        27 24 0:24 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
        """
    static let hybrid = """
        32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        39 31 0:36 / /sys/fs/cgroup/pids rw shared:3 master:1 - cgroup cgroup rw,pids
        41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
        """
    /// A container sees a part of the tree.
    static let part = "27 24 0:24 /box/inner /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

    func own(_ cgroup: String, _ mounts: String) -> OwnCgroups {
        OwnCgroups(cgroup: Array(cgroup.utf8), mountinfo: Array(mounts.utf8))
    }

    @Test func `are found in every hierarchy`() {
        let service = own("0::/system.slice/scriptrunner.service\n", Self.unified)
        #expect(service.version2 == "/sys/fs/cgroup/system.slice/scriptrunner.service")
        #expect(service.version1 == [:])
        #expect(service.candidates == ["/sys/fs/cgroup/system.slice/scriptrunner.service"])

        let both = own("9:pids:/\n4:memory:/a:b\n1:cpu,cpuacct:/\n0::/\n", Self.hybrid)
        #expect(both.version1 == ["memory": "/sys/fs/cgroup/memory/a:b", "pids": "/sys/fs/cgroup/pids"])
        #expect(both.version2 == "/sys/fs/cgroup/unified")

        #expect(own("0::/box/inner/x\n", Self.part).version2 == "/sys/fs/cgroup/x")
        #expect(own("0::/box/inner\n", Self.part).version2 == "/sys/fs/cgroup")
        #expect(own("0::/box/innermost\n", Self.part).version2 == nil)
        #expect(own("", "").candidates == [])
    }

    @Test(.enabled(if: Delegation.isPossibleInVersion2, "needs root, and a cgroup hierarchy of version 2"))
    func `may be one below what systemd delegated`() throws {
        let delegation = Delegation(version2: ())!
        let directory = delegation.directories[0]
        let path = "/" + directory.split(separator: "/").last! + "/main"
        let mounts = "27 24 0:24 / \(OwnCgroups.now().version2!) rw - cgroup2 cgroup2 rw\n"
        #expect(own("0::\(path)\n", mounts).candidates == [directory + "/main"])
        try #require(setxattr(directory, "user.delegate", "1", 1, 0) == 0)
        #expect(own("0::\(path)\n", mounts).candidates == [directory])
    }
}
