import FileStore
import Linux
import SQLite
import Storage
import TestSupport

let noon = Instant(milliseconds: 43_200_000)
let week = Instant.Span.days(7)

/// An inbox of this test's own, and its users ada (1) and grace (2).
final class InboxFixture {
    let scratch = ScratchDirectory()
    let database: Database
    let inbox: Inbox
    let ada = UserID(1)
    let grace = UserID(2)

    init() throws {
        mkdir(scratch("inbox"), 0o700)
        mkdir(scratch("inbox/shared"), 0o700)
        database = try scratch.unrestrictedDatabase()
        inbox = Inbox(root: scratch("inbox"), database: database)
        try database.write {
            try database.run("INSERT INTO users (email, created_at) VALUES ('ada@example.org', 0)")
            try database.run("INSERT INTO users (email, created_at) VALUES ('grace@example.org', 0)")
            try database.run("INSERT INTO script_copies VALUES (zeroblob(32), x'00', 0)")
        }
    }

    func begin(_ name: String = "data.txt", most: Int64 = 1 << 20) throws -> Upload {
        try inbox.beginUpload(named: name, by: ada, most: most, leavingFree: 0)
    }

    func keep(_ name: String = "data.txt", _ content: String = "content", of user: UserID? = nil) throws -> InboxFile {
        let upload = try inbox.beginUpload(named: name, by: user ?? ada, most: 1 << 20, leavingFree: 0)
        try upload.add(content)
        return try inbox.keep(upload, for: week, at: noon)
    }

    /// A job that waits, and reads the file if there is one.
    func queue(reading file: InboxFile? = nil) throws -> JobID {
        try database.write {
            try database.run(
                """
                INSERT INTO jobs (uid, nonce, user_id, script, script_hash, queued_at)
                VALUES (lower(hex(randomblob(16))), randomblob(16), 1, 's', zeroblob(32), 0)
                """)
            let job = JobID(database.lastInsertedRow)
            if let file {
                try database.run(
                    "INSERT INTO job_parameters (job_id, position, name, kind, value, file_id) VALUES (\(job), 0, 'a', 'input', \(file.name), \(file.id))"
                )
            }
            return job
        }
    }

    func move(_ job: JobID, to state: String) throws {
        let isOver = !["queued", "starting", "running", "stopping"].contains(state)
        try database.write {
            try database.run(
                "UPDATE jobs SET state = \(state), ended_at = \(isOver ? 1 : nil as Int?) WHERE id = \(job)")
        }
    }

    func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(scratch(path), &status) == 0
    }

    func write(_ path: String, _ content: String = "x") {
        guard let file = try? Descriptor.open(scratch(path), O_WRONLY | O_CREAT | O_TRUNC),
            (try? file.write(Array(content.utf8))) != nil
        else { fatalError(path) }
    }

    func read(_ path: String) throws -> String {
        String(decoding: try Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20), as: UTF8.self)
    }
}

extension Upload {
    func add(_ text: String) throws { try Array(text.utf8).withUnsafeBytes { try write($0) } }
}
