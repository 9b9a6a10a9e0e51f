import Linux
import TestSupport
import Testing

@testable import Supervision

@Suite struct `A limit` {
    /// What /proc/self/limits tells of the script, by the names there: soft and hard.
    func limits(_ limits: Limits, through wrapper: [String] = []) throws -> [String: [String]] {
        let trial = try Trial()
        let order = try trial.order("#!/bin/sh\nexec cat /proc/self/limits\n", limits: limits)
        #expect(try trial.run(order, through: wrapper)?.outcome == .exited(0))
        var found: [String: [String]] = [:]
        for line in try trial.log().split(separator: "\n").dropFirst() {
            let (name, values) = (line.prefix(25), line.dropFirst(25).split(separator: " "))
            found[name.split(separator: " ").joined(separator: " ")] = values.prefix(2).map(String.init)
        }
        return found
    }

    @Test func `binds the script, soft and hard`() throws {
        let found = try limits(
            Limits(cpuSeconds: 100, addressSpace: 1 << 30, openFiles: 99, processes: 5000, fileSize: 1 << 20))
        #expect(found["Max cpu time"] == ["100", "105"])
        #expect(found["Max address space"] == ["1073741824", "1073741824"])
        #expect(found["Max open files"] == ["99", "99"])
        #expect(found["Max processes"] == ["5000", "5000"])
        #expect(found["Max file size"] == ["1048576", "1048576"])
        #expect(found["Max core file size"] == ["0", "0"])
    }

    @Test func `of none is what the supervisor itself has, but for cores`() throws {
        let found = try limits(Limits(), through: ["/usr/bin/prlimit", "--nofile=300:400", "--cpu=1000:1001", "--"])
        #expect(found["Max open files"] == ["300", "400"])
        #expect(found["Max cpu time"] == ["1000", "1001"])
        #expect(found["Max core file size"] == ["0", "0"])
    }

    @Test func `above what the supervisor may have is taken down to it`() throws {
        let wrapper = ["/usr/bin/prlimit", "--nofile=300:400", "--cpu=1000:1001", "--"]
        let found = try limits(Limits(cpuSeconds: .max, openFiles: 1000), through: wrapper)
        #expect(found["Max open files"] == ["400", "400"])
        #expect(found["Max cpu time"] == ["1001", "1001"])
    }

    @Test func `of processor time or file size comes as its signal`() throws {
        let busy = try Trial()
        let spin = try busy.order("#!/bin/sh\nwhile :; do :; done\n", limits: Limits(cpuSeconds: 1))
        #expect(try busy.run(spin)?.outcome == .signalled(Int(SIGXCPU)))
        let large = try Trial()
        let fill = try large.order("#!/bin/sh\nexec head -c 100000 /dev/zero > big\n", limits: Limits(fileSize: 10_000))
        #expect(try large.run(fill)?.outcome == .signalled(Int(SIGXFSZ)))
        #expect(try large.file("big").utf8.count == 10_000)
    }

    @Test func `leaves the supervisor itself alone`() throws {
        // One page of address space would hold no supervisor; the script cannot even be executed.
        let trial = try Trial()
        let record = try trial.run(
            try trial.order("#!/bin/sh\ntouch ran\n", limits: Limits(addressSpace: 4096, fileSize: 1)))
        #expect(record != nil && record?.outcome != .exited(0))
        #expect(!trial.has("ran"))
    }

    @Test func `bounds a fork bomb, and ends it`() throws {
        let trial = try Trial()
        let others = try ProcessTable.all().filter { owner($0.pid) == ordinaryUser }.reduce(0) {
            $0 + $1.status.threads
        }
        let script = "#!/usr/bin/perl\nopen F, '>up'; while (1) { fork }\n"
        let order = try trial.order(script, grace: 0, limits: Limits(processes: Int64(others) + 150))
        try trial.start(order)
        try trial.waitForFile("up")
        let session = try trial.beginning().script.pid
        func members() throws -> Int { try ProcessTable.all().count { $0.status.session == session } }
        try waitUntil("a few dozen of them") { try members() > 30 }
        #expect(try trial.requestStop())
        #expect(try trial.waitForSupervisor()?.stop == .requested)
        #expect(try members() == 0)
    }

    @Test func `is not what decides whom the kernel takes when memory runs out: the script comes first`() throws {
        let trial = try Trial()
        let script = "#!/bin/sh\ncat /proc/self/oom_score_adj /proc/$PPID/oom_score_adj\n"
        #expect(try trial.run(try trial.order(script))?.outcome == .exited(0))
        let own = try Descriptor.open("/proc/self/oom_score_adj", O_RDONLY).readAll(limit: 99)
        #expect(try trial.log() == "500\n" + String(decoding: own, as: UTF8.self))
    }

    private func owner(_ pid: Int32) -> uid_t? {
        var status = stat()
        return stat("/proc/\(pid)", &status) == 0 ? status.st_uid : nil
    }
}
