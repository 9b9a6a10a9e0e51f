import FileStore
import JobQueue
import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import Cleaning

@Suite struct `A run after one that was broken off` {
    let site: TestSite
    init() throws { site = try TestSite() }

    var end: Instant { site.start + week }

    func throwAway(_ path: String, in root: String, as name: String) {
        mkdir(site.scratch("\(root)/.trash"), 0o700)
        #expect(rename(site.scratch("\(root)/\(path)"), site.scratch("\(root)/.trash/\(name)")) == 0)
    }

    func trash(_ root: String) throws -> Int {
        try Descriptor.directory(site.scratch("\(root)/.trash")).entries().count
    }

    @Test func `finishes a job whose folders are in the trash and whose rows are there, all or some`() throws {
        let jobs = try [site.finish(), site.finish()]
        throwAway(jobs[0].uid, in: "outbox", as: jobs[0].uid)
        throwAway(jobs[1].uid, in: "outbox", as: jobs[1].uid)
        throwAway("\(jobs[1].uid).1", in: "state/attempts", as: "\(jobs[1].uid).1")
        try site.database.write {
            try site.database.run("DELETE FROM events WHERE job_id = \(jobs[1].id)")
            try site.database.run("DELETE FROM attempts WHERE job_id = \(jobs[1].id)")
        }
        let dry = try site.clean(at: end, dryRun: true).last { $0.hasPrefix("jobs: ") }
        let lines = try site.clean(at: end)
        #expect(lines.first?.hasPrefix("jobs: 2 removed, ") == true)
        #expect(lines.first == dry?.replacing("would be removed", with: "removed"))
        #expect(try site.count("SELECT count(*) FROM jobs") == 0)
        #expect(try trash("outbox") == 0 && trash("state/attempts") == 0)
        #expect(!jobs.contains { site.hasOutputs($0) || site.hasAttempt($0) })
    }

    @Test func `finishes a file whose folder is in the trash and whose row is there`() throws {
        let file = try site.upload()
        throwAway("\(file.owner)/\(file.uid)", in: "inbox", as: "\(file.owner).\(file.uid)")
        try site.clean(at: end)
        #expect(try site.count("SELECT count(*) FROM files") == 0)
        #expect(try trash("inbox") == 0)
    }

    @Test func `empties the trash of what has no row any more`() throws {
        let job = try site.finish()
        let file = try site.upload()
        throwAway(job.uid, in: "outbox", as: job.uid)
        throwAway("\(job.uid).1", in: "state/attempts", as: "\(job.uid).1")
        throwAway("\(file.owner)/\(file.uid)", in: "inbox", as: "\(file.owner).\(file.uid)")
        _ = try site.jobs.forget(job.id, limit: 100)
        _ = try site.inbox.forget(file.id, limit: 100)
        let lines = try site.clean(at: site.start)
        #expect(lines.first?.hasPrefix("left in the trash by an earlier run: 3 removed, ") == true)
        #expect(try trash("outbox") == 0 && trash("state/attempts") == 0 && trash("inbox") == 0)
    }

    @Test func `removes folders whose rows are gone, when a power cut undid the renaming`() throws {
        let job = try site.finish()
        let file = try site.upload()
        _ = try site.jobs.forget(job.id, limit: 100)
        _ = try site.inbox.forget(file.id, limit: 100)
        try site.clean(at: end)
        #expect(!site.hasOutputs(job) && !site.hasAttempt(job) && !site.isThere(site.path(file)))
    }

    @Test func `puts a file back for which a job was queued since`() throws {
        let file = try site.upload()
        throwAway("\(file.owner)/\(file.uid)", in: "inbox", as: "\(file.owner).\(file.uid)")
        _ = try site.queue([JobParameter(name: "a", kind: .input, value: file.name, file: file.id)])
        #expect(try site.clean(at: end, dryRun: true).count == 1)
        #expect(!site.isThere(site.path(file)))
        let lines = try site.clean(at: end)
        #expect(lines == ["wanted again: 1 put back: \(file.owner).\(file.uid)"])
        #expect(site.isThere(site.path(file)))
        #expect(try site.inbox.file(file.id, of: file.owner) == file)
    }

    @Test func `puts outputs and attempts back when their time has not come after all`() throws {
        let job = try site.finish()
        throwAway(job.uid, in: "outbox", as: job.uid)
        throwAway("\(job.uid).1", in: "state/attempts", as: "\(job.uid).1")
        // As after the clock was set back.
        try site.clean(at: end - .milliseconds(1))
        #expect(site.hasOutputs(job) && site.hasAttempt(job))
        try site.clean(at: end)
        #expect(try site.job(job.id) == nil && !site.hasOutputs(job))
    }

    @Test func `leaves the folder of a new attempt and deletes what is in the trash of the old one`() throws {
        let job = try site.finish(.failed)
        throwAway(job.uid, in: "outbox", as: job.uid)
        try site.database.write {
            try site.database.run(
                "UPDATE jobs SET state = 'queued', ended_at = NULL, exit_code = NULL WHERE id = \(job.id)")
        }
        _ = try site.jobs.claimNext(at: site.start)
        site.write("new result", in: try site.outbox.make(job.uid))
        try site.clean(at: end)
        #expect(site.isThere("outbox/\(job.uid)/new result") && !site.hasOutputs(job))
        #expect(try trash("outbox") == 0)
    }

    @Test func `leaves in the trash what is not ours`() throws {
        for name in ["README", "ABCDEFABCDEFABCDEFABCDEFABCDEFAB", String(repeating: "a", count: 31)] {
            mkdir(site.scratch("outbox/.trash"), 0o700)
            mkdir(site.scratch("outbox/.trash/\(name)"), 0o700)
        }
        try site.clean(at: site.start + .days(100))
        #expect(try trash("outbox") == 3)
    }
}

@Suite struct `A folder without a row` {
    let site: TestSite
    init() throws { site = try TestSite() }

    static let uid = "0123456789abcdef0123456789abcdef"

    func folder(_ path: String) -> Instant {
        mkdir(site.scratch(path), 0o700)
        site.write("x", in: site.scratch(path))
        return changedAt(path)
    }

    func changedAt(_ path: String) -> Instant {
        var status = stat()
        lstat(site.scratch(path), &status)
        return status.changedAt
    }

    @Test(arguments: [
        ("outputs without a job", "outbox/\(uid)"), ("attempts without a job", "state/attempts/\(uid).12"),
        ("files without a row", "inbox/7/\(uid)"),
    ]) func `goes a day after its last change`(kind: String, path: String) throws {
        mkdir(site.scratch("inbox/7"), 0o700)
        let end = folder(path) + .days(1)
        #expect(try site.clean(at: end - .milliseconds(1)) == [])
        #expect(site.isThere(path))
        let lines = try site.clean(at: end)
        #expect(lines.count == 1 && lines[0].hasPrefix("\(kind): 1 removed, "))
        #expect(!site.isThere(path))
    }

    @Test func `goes a day after its last change: an unfinished upload`() throws {
        mkdir(site.scratch("inbox/.incoming"), 0o700)
        site.write(Self.uid, in: site.scratch("inbox/.incoming"))
        let end = changedAt("inbox/.incoming/\(Self.uid)") + .days(1)
        #expect(try site.clean(at: end - .milliseconds(1)) == [])
        #expect(try site.clean(at: end).first?.hasPrefix("unfinished uploads: 1 removed, ") == true)
        #expect(!site.isThere("inbox/.incoming/\(Self.uid)"))
    }

    @Test func `stays when its name is not of ours, or it is no folder`() throws {
        let job = try site.queue()
        var strangers = [
            "outbox/README", "outbox/\(Self.uid)0", "outbox/\(Self.uid.dropLast())", "outbox/\(Self.uid.uppercased())",
            "outbox/.hidden", "state/attempts/\(Self.uid)", "state/attempts/\(Self.uid).0",
            "state/attempts/\(Self.uid).01", "state/attempts/\(Self.uid).x", "state/attempts/\(Self.uid).-1",
            "state/attempts/\(Self.uid).1.1", "inbox/07", "inbox/lost+found", "inbox/7", "inbox/7/notes",
            "inbox/07/\(Self.uid)", "inbox/shared/\(Self.uid)", "inbox/.incoming", "inbox/.incoming/\(Self.uid)",
            // Ours, and known: an attempt of the job that the attempts' table does not have (yet).
            "state/attempts/\(job.uid).3",
        ]
        for path in strangers { _ = folder(path) }
        site.write("upload.txt", in: site.scratch("inbox/.incoming"))
        let other = String(Self.uid.reversed())
        site.write(other, in: site.scratch("outbox"))
        symlink("README", site.scratch("outbox/" + String(repeating: "a", count: 32)))
        symlink("../outbox/README", site.scratch("inbox/8"))
        strangers += ["inbox/.incoming/upload.txt", "outbox/\(other)", "outbox/" + String(repeating: "a", count: 32)]
        let before = try site.everything()
        #expect(try site.clean(at: site.start + .days(100)) == [])
        #expect(try site.everything() == before)
        #expect(strangers.allSatisfy(site.isThere))
    }

    @Test func `stays with its outputs while a supervisor of an unknown job lives`() throws {
        // As after yesterday's database was restored while today's jobs run.
        _ = folder("outbox/\(Self.uid)")
        _ = folder("state/attempts/\(Self.uid).1")
        do {
            let file = try Descriptor.open(site.scratch("state/attempts/\(Self.uid).1/lock"), O_RDWR | O_CREAT)
            var lock = flock()
            lock.l_type = Int16(F_WRLCK)
            #expect(clinux_fcntl_lock(file.number, F_OFD_SETLK, &lock) == 0)
            #expect(try site.clean(at: site.start + .days(100)) == [])
            #expect(site.isThere("outbox/\(Self.uid)/x") && site.isThere("state/attempts/\(Self.uid).1/x"))
            _ = file.number
        }
        try site.clean(at: site.start + .days(100))
        #expect(!site.isThere("outbox/\(Self.uid)") && !site.isThere("state/attempts/\(Self.uid).1"))
    }
}
