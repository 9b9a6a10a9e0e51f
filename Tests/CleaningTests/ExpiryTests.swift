import Accounts
import FileStore
import JobQueue
import Linux
import Mail
import SQLite
import Storage
import TestSupport
import Testing

@testable import Cleaning

@Suite struct `What has expired` {
    let site: TestSite
    init() throws { site = try TestSite() }

    @Test func `goes at its time and not a millisecond before: a session`() throws {
        let sessions = SessionStore(site.database)
        _ = try sessions.begin(for: site.user(), userAgent: "a", lasting: .hours(1), at: site.start)
        _ = try sessions.begin(for: site.user(), userAgent: "b", lasting: .hours(2), at: site.start)
        let end = site.start + .hours(1)
        #expect(try site.clean(at: end - .milliseconds(1)) == [])
        #expect(try site.count("SELECT count(*) FROM sessions") == 2)
        #expect(try site.clean(at: end) == ["sessions: 1 removed"])
        #expect(try site.count("SELECT count(*) FROM sessions WHERE user_agent = 'b'") == 1)
    }

    @Test func `goes at its time and not a millisecond before: a file with its folder`() throws {
        let file = try site.upload("a \"b\".txt")
        let other = try site.upload(keeping: .days(8))
        let end = site.start + week
        #expect(try site.clean(at: end - .milliseconds(1)) == [])
        #expect(site.isThere(site.path(file)))
        let lines = try site.clean(at: end)
        #expect(lines.count == 1 && lines[0].hasPrefix("files: 1 removed, ") && lines[0].hasSuffix(" freed"))
        #expect(!site.isThere("inbox/\(file.owner)/\(file.uid)"))
        #expect(try site.inbox.files(of: site.user()) == [other])
        #expect(site.isThere(site.path(other)))
        #expect(try Descriptor.directory(site.scratch("inbox/.trash")).entries() == [])
    }

    @Test func `goes at its time and not a millisecond before: a job with everything`() throws {
        let file = try site.upload(keeping: .days(30))
        let job = try site.finish(.failed, [JobParameter(name: "a", kind: .input, value: file.name, file: file.id)])
        // It had a second attempt.
        try site.database.write { try site.database.run("UPDATE jobs SET attempt = 2 WHERE id = \(job.id)") }
        try site.makeFolders(of: job, attempt: 2)
        let other = try site.finish(keeping: .days(8))
        let end = site.start + week

        #expect(try site.clean(at: end - .milliseconds(1)) == [])
        #expect(try site.job(job.id) != nil)
        #expect(site.hasOutputs(job) && site.hasAttempt(job, 1) && site.hasAttempt(job, 2))

        let lines = try site.clean(at: end)
        #expect(lines.count == 1 && lines[0].hasPrefix("jobs: 1 removed, "), "\(lines)")
        #expect(try site.job(job.id) == nil)
        for rows in [
            "SELECT count(*) FROM events WHERE job_id = \(job.id)",
            "SELECT count(*) FROM attempts WHERE job_id = \(job.id)",
            "SELECT count(*) FROM job_parameters WHERE job_id = \(job.id)",
        ] as [SQL] {
            #expect(try site.count(rows) == 0)
        }
        #expect(!site.hasOutputs(job) && !site.hasAttempt(job, 1) && !site.hasAttempt(job, 2))
        for trash in ["outbox/.trash", "state/attempts/.trash"] {
            #expect(try Descriptor.directory(site.scratch(trash)).entries() == [])
        }
        // Its input has a time of its own, and the other job is untouched.
        #expect(site.isThere(site.path(file)))
        #expect(try site.job(other.id) != nil)
        #expect(site.hasOutputs(other) && site.hasAttempt(other))
        #expect(try site.jobs.events(of: other.id).count == 4)
    }

    @Test(arguments: JobState.allCases.filter(\.isOver)) func `goes however the job ended`(state: JobState) throws {
        let job = try site.finish(state)
        try site.clean(at: site.start + week)
        #expect(try site.job(job.id) == nil)
    }

    @Test func `goes after the last job that refers to it: a script copy`() throws {
        let first = try site.finish(script: "one")
        _ = try site.finish(script: "one", keeping: .days(8))
        _ = try site.finish(script: "two", keeping: .days(9))
        try site.clean(at: site.start + week)
        #expect(try site.jobs.scriptCopy(first.scriptHash) == Array("one".utf8))
        #expect(try site.clean(at: site.start + .days(8)).last == "script copies: 1 removed")
        #expect(try site.jobs.scriptCopy(first.scriptHash) == nil)
        #expect(try site.count("SELECT count(*) FROM script_copies") == 1)
    }

    @Test func `stays with the job while a mail about it waits, until that was sent or given up`() throws {
        let jobs = try [site.finish(), site.finish(), site.finish()]
        for job in jobs {
            let mail = JobMail.started(job: job.id, script: "s", link: "l", at: site.start)
            try site.mails.enqueue(mail, about: job.id, attempt: 1, to: "ada@example.org", at: site.start)
        }
        let end = site.start + .days(30)
        #expect(try site.clean(at: end) == [])
        #expect(jobs.allSatisfy { site.hasOutputs($0) && site.hasAttempt($0) })

        try site.mails.sent(#require(try site.mails.due(at: end)), at: end)
        try site.mails.failed(#require(try site.mails.due(at: end)), because: "no such user", forGood: true, at: end)
        try site.clean(at: end)
        #expect(try jobs.map { try site.job($0.id) != nil } == [false, false, true])
        #expect(try site.count("SELECT count(*) FROM mails") == 1)
        #expect(site.hasOutputs(jobs[2]))
    }

    @Test func `goes in slices when it has many rows, and takes only what is its own`() throws {
        let parameters = (0..<250).map { JobParameter(name: "p\($0)", kind: .text, value: "v") }
        let jobs = try (0..<5).map { _ in try site.finish(.succeeded, parameters) }
        let other = try site.finish(.succeeded, parameters, keeping: .days(8))
        #expect(try site.jobs.forget(jobs[0].id, limit: 100) == (100, false))
        #expect(try site.job(jobs[0].id) != nil)
        #expect(try site.clean(at: site.start + week).first?.hasPrefix("jobs: 5 removed") == true)
        #expect(try site.count("SELECT count(*) FROM jobs") == 1)
        #expect(try site.count("SELECT count(*) FROM job_parameters") == 250)
        #expect(try site.jobs.parameters(of: other.id) == parameters)
    }

    @Test func `goes when no job needs it any more: a secret`() throws {
        let secrets = Secrets(stateDirectory: site.scratch("state"))
        let (needed, over, orphan) = (try secrets.keep("a"), try secrets.keep("b"), try secrets.keep("c"))
        _ = try site.finish(.succeeded, [JobParameter(name: "s", kind: .secret, value: over)], keeping: .days(30))
        _ = try site.queue([JobParameter(name: "s", kind: .secret, value: needed)])
        try site.clean(at: site.start)
        #expect([needed, over, orphan].allSatisfy { secrets.find($0) != nil })
        let later = site.start + .hours(2)
        #expect(try site.clean(at: later, dryRun: true).contains { $0.contains("secret \(orphan)") })
        #expect(secrets.find(orphan) != nil)
        try site.clean(at: later)
        #expect(secrets.find(needed)?.text == "a")
        #expect(secrets.find(over) == nil && secrets.find(orphan) == nil)
    }

    @Test func `is forgotten by past jobs, which keep its name: a file`() throws {
        let file = try site.upload()
        let parameters = (0..<150).map { JobParameter(name: "p\($0)", kind: .input, value: file.name, file: file.id) }
        let job = try site.finish(.succeeded, parameters, keeping: .days(30))
        #expect(try site.inbox.forget(file.id, limit: 100) == (100, false))
        #expect(try site.clean(at: site.start + week).first?.hasPrefix("files: 1 removed") == true)
        let left = try site.jobs.parameters(of: job.id)
        #expect(left.count == 150 && left.allSatisfy { $0.value == "data.txt" && $0.file == nil })
        #expect(!site.isThere("inbox/\(file.owner)/\(file.uid)"))
    }

    @Test func `goes by the hundreds, and a second run finds nothing to do`() throws {
        let jobs = try site.atOnce {
            for _ in 0..<130 { _ = try site.upload() }
            return try (0..<130).map { _ in try site.finish() }
        }
        let lines = try site.clean(at: site.start + week)
        #expect(
            lines.map { String($0.prefix { $0 != "," }) } == [
                "jobs: 130 removed", "script copies: 1 removed", "files: 130 removed",
            ])
        #expect(!jobs.contains(where: site.hasOutputs))
        let after = try site.everything()
        #expect(try site.clean(at: site.start + week) == [])
        #expect(try site.everything() == after)
    }

    @Test func `goes without what links in it lead to`() throws {
        let job = try site.finish()
        mkdir(site.scratch("precious"), 0o755)
        site.write("data", in: site.scratch("precious"))
        let folder = site.scratch("outbox/\(job.uid)")
        symlink(site.scratch("precious"), folder + "/folder")
        symlink("../../precious/data", folder + "/file")
        link(site.scratch("precious/data"), folder + "/second name")
        // The folder of another job is replaced by a link altogether.
        let linked = try site.finish()
        rename(site.scratch("outbox/\(linked.uid)"), site.scratch("moved"))
        symlink(site.scratch("moved"), site.scratch("outbox/\(linked.uid)"))
        try site.clean(at: site.start + week)
        #expect(try site.count("SELECT count(*) FROM jobs") == 0)
        #expect(!site.isThere("outbox/\(job.uid)") && !site.isThere("outbox/\(linked.uid)"))
        #expect(site.isThere("precious/data") && site.isThere("moved/result"))
    }
}

@Suite struct `What a job uses that is not over` {
    enum Stage: CaseIterable { case queued, held, starting, running, stopping }

    @Test(arguments: Stage.allCases) func `stays, whatever its age, until the job's own time`(stage: Stage) throws {
        let site = try TestSite()
        let file = try site.upload()
        site.write("genome", in: site.scratch("inbox/shared"))
        let parameters = [
            JobParameter(name: "a", kind: .input, value: file.name, file: file.id),
            JobParameter(name: "b", kind: .shared, value: "genome"),
        ]
        let job = try site.queue(parameters)
        if stage == .held {
            try site.database.write { try site.database.run("UPDATE jobs SET held = 1 WHERE id = \(job.id)") }
        }
        if ![.queued, .held].contains(stage) { _ = try site.jobs.claimNext(at: site.start) }
        try site.makeFolders(of: job, attempt: 1)
        let process = StartedProcess(bootID: "b", guardPID: 1, scriptPID: 2, scriptStart: 3)
        if [.running, .stopping].contains(stage) {
            try site.jobs.started(job.id, attempt: 1, as: process, at: site.start)
        }
        if stage == .stopping { try site.jobs.stopping(job.id, attempt: 1, at: site.start) }
        // An expiry may be left from an attempt that failed before.
        try site.database.write { try site.database.run("UPDATE jobs SET expires_at = 1 WHERE id = \(job.id)") }

        let before = try site.everything()
        #expect(try site.clean(at: site.start + .days(400), keepingShared: .days(1)) == [])
        #expect(try site.everything() == before)

        if [.queued, .held].contains(stage) {
            _ = try site.jobs.stop(job.id, of: site.user(), keepingFor: week, at: site.start)
        } else {
            try site.jobs.ended(job.id, attempt: 1, Ending(state: .lost), keepingFor: week, at: site.start)
            if stage == .starting { #expect(try site.job(job.id)?.state == .lost) }
        }
        // The job's own time has not come, but its files' has.
        try site.clean(at: site.start + week - .milliseconds(1), keepingShared: .days(1))
        #expect(try site.job(job.id) != nil && site.isThere(site.path(file)))
        #expect(!site.isThere("inbox/shared/genome"))
        try site.clean(at: site.start + week)
        #expect(try site.job(job.id) == nil)
        #expect(!site.isThere(site.path(file)) && !site.hasOutputs(job))
    }
}

@Suite struct `A shared file` {
    let site: TestSite
    init() throws {
        site = try TestSite()
        site.write("genome", in: site.scratch("inbox/shared"))
    }

    func changedAt(_ name: String) -> Instant {
        var status = stat()
        lstat(site.scratch("inbox/shared/" + name), &status)
        return status.changedAt
    }

    @Test func `stays for ever unless the admin sets a time`() throws {
        #expect(try site.clean(at: site.start + .days(4000)) == [])
        #expect(site.isThere("inbox/shared/genome"))
    }

    @Test func `goes so long after its last change, which no copy's date hides`() throws {
        // scp -p sets the time of the last writing, here to 1970.
        let times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
        utimensat(AT_FDCWD, site.scratch("inbox/shared/genome"), times, 0)
        let end = changedAt("genome") + week
        #expect(try site.clean(at: end - .milliseconds(1), keepingShared: week) == [])
        #expect(site.isThere("inbox/shared/genome"))
        #expect(try site.clean(at: end, keepingShared: week).first?.hasPrefix("shared files: 1 removed, ") == true)
        #expect(!site.isThere("inbox/shared/genome"))
    }

    @Test func `goes alone: folders, links and hidden files are the admin's`() throws {
        let shared = site.scratch("inbox/shared")
        mkdir(shared + "/folder", 0o755)
        site.write("inner", in: shared + "/folder")
        site.write(".hidden", in: shared)
        symlink("folder/inner", shared + "/link")
        mkfifo(shared + "/pipe", 0o600)
        try site.clean(at: site.start + .days(30), keepingShared: week)
        let left = try Descriptor.directory(shared).entries().map { String(decoding: $0, as: UTF8.self) }
        #expect(left == [".hidden", "folder", "link", "pipe"])
        #expect(site.isThere("inbox/shared/folder/inner"))
    }

    @Test func `is taken only if it is the very one that was found old`() throws {
        let limit = changedAt("genome")
        guard let file = try site.inbox.openShared("genome", unchangedSince: limit) else {
            Issue.record("not found")
            return
        }
        // Meanwhile the admin puts a new one into its place.
        site.write("new", in: site.scratch("inbox/shared"))
        rename(site.scratch("inbox/shared/new"), site.scratch("inbox/shared/genome"))
        let isGone = try site.inbox.unlinkShared("genome", which: file)
        #expect(!isGone)
        #expect(site.isThere("inbox/shared/genome"))
        unlink(site.scratch("inbox/shared/genome"))
        if let _ = try site.inbox.openShared("genome", unchangedSince: limit) { Issue.record("found") }
    }
}
