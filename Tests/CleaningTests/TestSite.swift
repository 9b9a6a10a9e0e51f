import Accounts
import EventLog
import FileStore
import JobQueue
import Linux
import Mail
import SQLite
import Storage
import TestSupport

@testable import Cleaning

let week = Instant.Span.days(7)

/// A site of this test's own, with real folders and a real database. It was set up now, because the times of folders
/// cannot be made up; what the tests pass in is the time of the cleaning.
final class TestSite {
    let scratch = ScratchDirectory()
    let start = Instant.now()
    let database: Database
    let jobs: JobStore
    let mails: MailStore
    let inbox: Inbox
    let outbox: Outbox
    let attemptsDir: String

    init() throws {
        for folder in ["inbox", "inbox/shared", "outbox", "state", "state/attempts"] { mkdir(scratch(folder), 0o700) }
        database = try scratch.unrestrictedDatabase()
        jobs = JobStore(database, actor: "test")
        mails = MailStore(database)
        inbox = Inbox(root: scratch("inbox"), database: database)
        outbox = Outbox(root: scratch("outbox"))
        attemptsDir = scratch("state/attempts")
    }

    /// Cleans as the program does. Returns what it said.
    @discardableResult
    func clean(
        at instant: Instant, dryRun: Bool = false, keepingShared: Instant.Span = .days(0), failing: Bool = false
    ) throws -> [String] {
        var lines: [String] = []
        let database = try Storage.open(scratch.databasePath, as: .cleaner)
        let went = Cleaning(
            database, inbox: Inbox(root: scratch("inbox"), database: database), outbox: outbox,
            attempts: Attempts(root: attemptsDir), secrets: Secrets(stateDirectory: scratch("state")),
            sharedRetention: keepingShared, isDryRun: dryRun, at: instant,
            log: EventLog(program: "cleaner", now: Instant.now), say: { lines.append($0) }
        ).run()
        if went == failing { throw Surprise(lines: lines) }
        return lines
    }

    struct Surprise: Error {
        let lines: [String]
    }

    // MARK: People, files and jobs

    /// Sets many things up with one wait for the disk.
    func atOnce<Result>(_ body: () throws -> Result) throws -> Result { try database.write(body) }

    func user(_ name: String = "ada") throws -> UserID {
        if let known = try jobs.requester("\(name)@example.org") { return known }
        return try database.write {
            try database.run("INSERT INTO users (email, created_at) VALUES (\("\(name)@example.org"), 0)")
            return UserID(database.lastInsertedRow)
        }
    }

    func upload(_ name: String = "data.txt", keeping retention: Instant.Span = week) throws -> InboxFile {
        let upload = try inbox.beginUpload(named: name, by: user(), most: 1 << 20, leavingFree: 0)
        try Array("content".utf8).withUnsafeBytes { try upload.write($0) }
        return try inbox.keep(upload, for: retention, at: start)
    }

    /// A job that waits.
    func queue(_ parameters: [JobParameter] = [], script: String = "#!/bin/sh\n") throws -> Job {
        let submission = try jobs.submit(
            script: "s.sh", content: Array(script.utf8), parameters: parameters, by: user(), nonce: SubmissionNonce(),
            at: start)
        return try job(submission.job)!
    }

    /// A job whose one attempt runs, with its folders. No other job may wait meanwhile.
    func run(_ parameters: [JobParameter] = [], script: String = "#!/bin/sh\n") throws -> Job {
        let job = try queue(parameters, script: script)
        let claimed = try jobs.claimNext(at: start)
        precondition(claimed?.job.id == job.id)
        try makeFolders(of: job, attempt: 1)
        try jobs.started(
            job.id, attempt: 1, as: StartedProcess(bootID: "b", guardPID: 1, scriptPID: 2, scriptStart: 3), at: start)
        return try self.job(job.id)!
    }

    /// A job that ended at the start of this test and stays a week.
    func finish(
        _ state: JobState = .succeeded, _ parameters: [JobParameter] = [], script: String = "#!/bin/sh\n",
        keeping retention: Instant.Span = week
    ) throws -> Job {
        let job = try run(parameters, script: script)
        let ending = Ending(state: state, exitCode: state == .succeeded ? 0 : nil)
        if state == .cancelled { try jobs.stopping(job.id, attempt: 1, at: start) }
        try jobs.ended(job.id, attempt: 1, ending, keepingFor: retention, at: start)
        return try self.job(job.id)!
    }

    func job(_ id: JobID) throws -> Job? { try jobs.job(id) }

    func makeFolders(of job: Job, attempt: Int) throws {
        write("result", in: try outbox.make(job.uid))
        let folder = "\(attemptsDir)/\(job.uid).\(attempt)"
        mkdir(folder, 0o700)
        write("log", in: folder)
    }

    func write(_ name: String, in folder: String, bytes: Int = 5000) {
        guard let file = try? Descriptor.open("\(folder)/\(name)", O_WRONLY | O_CREAT | O_TRUNC),
            (try? file.write([UInt8](repeating: 7, count: bytes))) != nil
        else { fatalError("\(folder)/\(name)") }
    }

    // MARK: What is there

    func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(scratch(path), &status) == 0
    }

    func hasOutputs(_ job: Job) -> Bool { isThere("outbox/\(job.uid)/result") }
    func hasAttempt(_ job: Job, _ number: Int = 1) -> Bool { isThere("state/attempts/\(job.uid).\(number)/log") }
    func path(_ file: InboxFile) -> String { "inbox/\(file.owner)/\(file.uid)/\(file.name)" }

    func count(_ query: SQL) throws -> Int { try database.first(query) { $0.int(0) } ?? 0 }

    /// Everything in database and folders, down to what a mere rename would change.
    func everything() throws -> [String] {
        var lines: [String] = []
        let tables: [(SQL, CInt)] = [
            ("SELECT * FROM users", 6), ("SELECT * FROM sessions", 7), ("SELECT * FROM files", 8),
            ("SELECT * FROM script_copies", 3), ("SELECT * FROM jobs", 22), ("SELECT * FROM job_parameters", 7),
            ("SELECT * FROM job_dependencies", 2),
            ("SELECT * FROM attempts", 17), ("SELECT * FROM events", 8), ("SELECT * FROM mails", 13),
            ("SELECT * FROM sqlite_sequence", 2),
        ]
        for (table, columns) in tables {
            try database.each(table) { row in
                let values = (0..<columns).map { row.isNull($0) ? "NULL" : row.text($0) }
                lines.append("\(table) \(values)")
            }
        }
        for root in ["inbox", "outbox", "state"] { lines += try tree(root) }
        return lines
    }

    private func tree(_ path: String) throws -> [String] {
        var status = stat()
        guard lstat(scratch(path), &status) == 0 else { throw SystemError("lstat", path) }
        let line =
            "\(path) \(status.st_mode) \(status.st_ino) \(status.st_size) \(status.st_mtim) \(status.changedAt)"
        guard status.isFolder else { return [line] }
        let names = try Descriptor.directory(scratch(path)).entries()
        return try [line] + names.flatMap { try tree(path + "/" + String(decoding: $0, as: UTF8.self)) }
    }
}
