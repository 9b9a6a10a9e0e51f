import Accounts
import FileStore
import JobQueue
import Linux
import Mail
import Sodium
import Storage
import TestSupport
import Testing

@testable import Accounts
@testable import Cleaning
@testable import FileStore
@testable import JobQueue
@testable import Mail
@testable import SQLite

@Suite struct `A dry run` {
    @Test func `changes nothing at all, and says what a real run then does`() throws {
        let site = try TestSite()
        _ = try SessionStore(site.database).begin(
            for: site.user(), userAgent: "a", lasting: .hours(1), at: site.start)
        let file = try site.upload("a \"b\" ü.txt")
        let job = try site.finish()
        _ = try site.finish(script: "stays", keeping: .days(30))
        let uid = String(repeating: "0", count: 32)
        for folder in ["outbox/\(uid)", "state/attempts/\(uid).1", "inbox/7", "inbox/7/\(uid)", "inbox/.incoming"] {
            mkdir(site.scratch(folder), 0o700)
        }
        site.write("x", in: site.scratch("outbox/\(uid)"))
        site.write(uid, in: site.scratch("inbox/.incoming"))
        site.write("old\nname", in: site.scratch("inbox/shared"))
        site.write("genome", in: site.scratch("inbox/shared"))
        mkdir(site.scratch("outbox/.trash"), 0o700)
        mkdir(site.scratch("outbox/.trash/\(uid)"), 0o700)
        let end = site.start + week
        let before = try site.everything()

        let dry = try site.clean(at: end, dryRun: true, keepingShared: .days(2))

        #expect(try site.everything() == before)
        #expect(
            dry.filter { $0.hasPrefix("  ") } == [
                "  folder \(uid)",
                "  session 1 of user 1, expired \((site.start + .hours(1)).readable)",
                "  job \(job.id), expired \(end.readable)",
                "  script copy \(job.scriptHash.hex)",
                "  file \(file.id) \"a \\\"b\\\" ü.txt\", expired \(end.readable)",
                "  shared file \"genome\"",
                "  folder \(uid).1",
                "  folder \(uid)",
                "  folder 7/\(uid)",
                "  upload \(uid)",
            ])
        let real = try site.clean(at: end, keepingShared: .days(2))
        #expect(dry.filter { !$0.hasPrefix("  ") }.map { $0.replacing("would be removed", with: "removed") } == real)
        #expect(real.count == 10)
        #expect(try site.clean(at: end, dryRun: true, keepingShared: .days(2)) == [])
    }
}

@Suite struct `A run` {
    let site: TestSite
    init() throws { site = try TestSite() }

    @Test func `goes on after a failure with one thing, and tells of it at the end`() throws {
        let jobs = try (0..<5).map { _ in try site.finish() }
        let file = try site.upload()
        try site.database.run(
            """
            CREATE TRIGGER keep BEFORE DELETE ON jobs WHEN OLD.id = 3
            BEGIN SELECT RAISE (ABORT, 'this one stays'); END
            """)
        let lines = try site.clean(at: site.start + week, failing: true)
        #expect(lines.first?.hasPrefix("jobs: 4 removed") == true)
        #expect(try jobs.map { try site.job($0.id) != nil } == [false, false, true, false, false])
        #expect(!site.isThere(site.path(file)))
        // What belongs to it was not lost: its rows are whole, and its folders wait in the trash for the next run.
        #expect(try site.jobs.events(of: jobs[2].id).count == 4)
        #expect(site.isThere("outbox/.trash/\(jobs[2].uid)/result"))
        try site.database.run("DROP TRIGGER keep")
        try site.clean(at: site.start + week)
        #expect(try site.job(jobs[2].id) == nil && !site.isThere("outbox/.trash/\(jobs[2].uid)"))
    }

    @Test func `keeps the rows of what it cannot move into the trash`() throws {
        let job = try site.finish()
        let file = try site.upload()
        // Something that is no folder has taken the trash's name.
        site.write(".trash", in: site.scratch("outbox"))
        try site.clean(at: site.start + week, failing: true)
        #expect(try site.job(job.id) != nil && site.hasOutputs(job))
        #expect(try site.jobs.events(of: job.id).count == 4)
        #expect(!site.isThere(site.path(file)))
    }

    @Test func `needs no attempts folder, which the first attempt makes`() throws {
        rmdir(site.attemptsDir)
        #expect(try site.clean(at: site.start) == [])
        _ = try site.jobs.stop(site.queue().id, of: site.user(), keepingFor: week, at: site.start)
        try site.clean(at: site.start + week)
        #expect(try site.count("SELECT count(*) FROM jobs") == 0)
    }

    @Test func `gives the database's free pages back`() throws {
        try site.atOnce {
            for number in 0..<40 {
                _ = try site.finish(script: String(repeating: "#", count: 100_000) + "\(number)")
            }
        }
        var status = stat()
        try site.database.checkpoint()
        #expect(stat(site.scratch.databasePath, &status) == 0 && status.st_size > 4_000_000)
        try site.clean(at: site.start + week)
        #expect(stat(site.scratch.databasePath, &status) == 0 && status.st_size < 400_000)
        #expect(try site.count("PRAGMA freelist_count") == 0)
    }

    @Test func `keeps the database's log small, however much it removes`() throws {
        let parameters = (0..<50).map { JobParameter(name: "p\($0)", kind: .text, value: "v") }
        try site.atOnce { for _ in 0..<300 { _ = try site.finish(.succeeded, parameters) } }
        _ = try site.database.first("PRAGMA wal_checkpoint(TRUNCATE)") { $0.int(0) }
        var status = stat()
        #expect(stat(site.scratch.databasePath + "-wal", &status) == 0 && status.st_size == 0)
        try site.clean(at: site.start + week)
        #expect(stat(site.scratch.databasePath + "-wal", &status) == 0)
        #expect((1...8_000_000).contains(status.st_size), "\(status.st_size)")
    }

    @Test func `is the only one`() throws {
        mkdir(site.scratch("state"), 0o700)
        let inner = try alone(in: site.scratch("state")) { try alone(in: site.scratch("state")) { true } }
        #expect(inner == .some(nil))
        #expect(try alone(in: site.scratch("state")) { true } == true)
        #expect(throws: SystemError.self) { try alone(in: site.scratch("nowhere")) { true } }
    }
}

@Suite struct `The cleaner's queries` {
    @Test func `find by index, never by a scan of a table or a sort`() throws {
        let site = try TestSite()
        let (now, hash) = (site.start, [UInt8](repeating: 0, count: 32))
        let queries: [SQL] = [
            SessionStore.expiredQuery(after: nil, limit: 20, at: now),
            SessionStore.deleteExpiredStatement(limit: 100, at: now),
            JobStore.expiredQuery(after: nil, limit: 20, at: now),
            JobStore.forgetEvents(of: JobID(1), limit: 100), JobStore.forgetAttempts(of: JobID(1), limit: 100),
            JobStore.forgetParameters(of: JobID(1), limit: 100), JobStore.forgetFollowed(by: JobID(1), limit: 100),
            JobStore.forgetFollowers(of: JobID(1), limit: 100), JobStore.neededQuery(JobID(1)),
            // The checks of foreign keys are in the plan too.
            "DELETE FROM jobs WHERE id = \(1)", "SELECT id FROM jobs WHERE uid = \("")",
            JobStore.scriptCopiesQuery(after: [], limit: 100), JobStore.usersQuery(of: hash, limit: 1),
            "DELETE FROM script_copies WHERE hash = \(hash)",
            JobStore.sharedInUseQuery,
            MailStore.waitingQuery(about: JobID(1)), MailStore.forgetMails(about: JobID(1), limit: 100),
            Inbox.expiredQuery(after: nil, limit: 20, at: now), Inbox.liveUserQuery(of: FileID(1)),
            Inbox.forgetReferences(FileID(1), limit: 100),
            "DELETE FROM files WHERE id = \(1)", "SELECT id FROM files WHERE uid = \("") AND user_id = \(1)",
        ]
        // Indexes that hold only the few jobs that are not over may be walked through.
        let small = ["SCAN jobs USING INDEX jobs_queued", "SCAN jobs USING INDEX jobs_held"]
        for query in queries {
            let plan = try site.database.all("EXPLAIN QUERY PLAN \(query)") { $0.text(3) }
            #expect(!plan.isEmpty)
            #expect(
                plan.allSatisfy { small.contains($0) || !$0.hasPrefix("SCAN") && !$0.contains("TEMP B-TREE") },
                "\(query.text): \(plan)")
        }
    }
}
