import Linux
import SQLite
import TestSupport
import Testing

@testable import Storage

@Suite struct `The database file` {
    let scratch = ScratchDirectory()

    @Test func `is made once, in WAL mode, for its owner alone`() throws {
        try Storage.migrate(scratch.databasePath)
        try Storage.migrate(scratch.databasePath)
        let database = try Database(path: scratch.databasePath)
        #expect(try database.first("PRAGMA journal_mode") { $0.text(0) } == "wal")
        #expect(try database.first("PRAGMA synchronous") { $0.int(0) } == 2)
        #expect(try database.first("PRAGMA foreign_keys") { $0.int(0) } == 1)
        #expect(try database.first("PRAGMA user_version") { $0.int(0) } == Storage.version)
        var status = stat()
        #expect(stat(scratch.databasePath, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func `is refused when it is missing, older, newer or somebody else's`() throws {
        let path = scratch.databasePath
        #expect(throws: Storage.Problem.missing(path: path)) { try Storage.open(path, as: .home) }
        try Storage.migrate(path, to: [])
        #expect(throws: Storage.Problem.missing(path: path)) { try Storage.open(path, as: .home) }
        try Storage.migrate(path)
        do {
            let database = try Database(path: path)
            try database.setUserVersion(Storage.version + 1)
        }
        #expect(throws: Storage.Problem.newer(path: path, version: Storage.version + 1)) {
            try Storage.open(path, as: .home)
        }
        #expect(throws: Storage.Problem.newer(path: path, version: Storage.version + 1)) { try Storage.migrate(path) }

        let foreign = scratch("other.sqlite")
        do {
            let database = try Database(path: foreign, creating: true)
            try database.run("CREATE TABLE recipes (name TEXT)")
        }
        #expect(throws: Storage.Problem.foreign(path: foreign)) { try Storage.migrate(foreign) }
        let text = scratch("text")
        let file = try Descriptor.open(text, O_WRONLY | O_CREAT)
        try file.write(Array(repeating: UInt8(ascii: "x"), count: 5000))
        #expect(throws: Storage.Problem.foreign(path: text)) { try Storage.open(text, as: .home) }
    }

    @Test func `is not there yet or whole for whoever opens it while it is made, and never somebody else's`() {
        for round in 1...40 {
            let path = scratch("fresh\(round).sqlite")
            withThreads(4) { index in
                while true {
                    do {
                        if index == 0 { try Storage.migrate(path) }
                        _ = try Storage.open(path, as: .home)
                        return
                    } catch Storage.Problem.missing {
                        continue
                    } catch {
                        Issue.record(error)
                        return
                    }
                }
            }
        }
    }

    /// A database of an earlier release, after so many migrations, in which somebody has these jobs.
    private func former(_ count: Int, jobs: [Int]) throws -> Database {
        try Storage.migrate(scratch.databasePath, to: Array(migrations[..<count]))
        let database = try Database(path: scratch.databasePath)
        let hash = [UInt8](repeating: 1, count: 32)
        try database.write {
            try database.run("INSERT INTO users (id, email, created_at) VALUES (1, 'a@b', 0)")
            try database.run("INSERT INTO script_copies VALUES (\(hash), x'00', 0)")
            for job in jobs {
                try database.run(
                    """
                    INSERT INTO jobs (id, uid, nonce, user_id, script, script_hash, queued_at)
                    VALUES (\(job), lower(hex(randomblob(16))), randomblob(16), 1, 's', \(hash), 0)
                    """)
            }
        }
        return database
    }

    @Test func `of the release before is brought to this one with all that it holds`() throws {
        let path = scratch.databasePath
        do {
            let database = try former(2, jobs: [7])
            try database.write {
                for id in [3, 9] {
                    try database.run(
                        """
                        INSERT INTO mails (id, job_id, attempt, kind, recipient, subject, body, created_at, due_at, tries)
                        VALUES (\(id), 7, \(id), 'ended', 'a@b', 'S', 'B', 5, 6, 2)
                        """)
                }
                try database.run("DELETE FROM mails WHERE id = 9")
            }
        }

        try Storage.migrate(path)

        let database = try Database(path: path)
        let mail = try database.first("SELECT id, attempt, kind, due_at, tries, state, sent_at IS NULL FROM mails") {
            "\($0.int(0)) \($0.int(1)) \($0.text(2)) \($0.int(3)) \($0.int(4)) \($0.text(5)) \($0.bool(6))"
        }
        #expect(mail == "3 3 ended 6 2 queued true")
        #expect(try database.first("SELECT count(*) FROM queue WHERE id = 1 AND drained_at IS NULL") { $0.int(0) } == 1)
        let job = try database.first("SELECT retries_left, reruns_left, vain_starts, total_limit FROM jobs") {
            "\($0.int(0)) \($0.int(1)) \($0.int(2)) \($0.isNull(3))"
        }
        #expect(job == "0 0 0 true")
        // What the release before writes is still taken, and no number comes again.
        try database.write {
            try database.run(
                """
                INSERT INTO mails (job_id, attempt, kind, recipient, subject, body, created_at, due_at)
                VALUES (7, 1, 'started', 'a@b', 'S', 'B', 5, 6)
                """)
            #expect(database.lastInsertedRow == 10)
            try database.run("INSERT INTO attempts (job_id, number, generation, claimed_at) VALUES (7, 1, 1, 5)")
        }
        for (kind, job, attempt) in [("reminder", 7, 2), ("started", 7, 1), ("warning", 8, 1)] {
            #expect(throws: SQLiteError.self, "\(kind) \(job) \(attempt)") {
                try database.write {
                    try database.run(
                        """
                        INSERT INTO mails (job_id, attempt, kind, recipient, subject, body, created_at, due_at)
                        VALUES (\(job), \(attempt), \(kind), 'a@b', 'S', 'B', 5, 6)
                        """)
                }
            }
        }
        let plan = try database.all(
            "EXPLAIN QUERY PLAN SELECT due_at FROM mails WHERE state = 'queued' ORDER BY due_at"
        ) {
            $0.text(3)
        }
        #expect(plan.contains { $0.contains("mails_due") })
        #expect(try database.first("PRAGMA integrity_check") { $0.text(0) } == "ok")
        #expect(try database.first("PRAGMA foreign_key_check") { $0.text(0) } == nil)
    }

    @Test func `of a release without rich forms keeps its parameters, and takes secrets from now on`() throws {
        let path = scratch.databasePath
        do {
            let database = try former(3, jobs: [7])
            try database.write {
                try database.run(
                    "INSERT INTO files VALUES (5, 1, lower(hex(randomblob(16))), 'f', 1, zeroblob(32), 0, 1)")
                try database.run("INSERT INTO job_parameters VALUES (7, 0, 'a', 'input', 'f', 5)")
                try database.run("INSERT INTO job_parameters VALUES (7, 1, 'b', 'text', 'x', NULL)")
            }
        }

        try Storage.migrate(path)

        let database = try Database(path: path)
        func rows() throws -> [String] {
            try database.all("SELECT position, name, kind, value, file_id FROM job_parameters ORDER BY position") {
                "\($0.int(0)) \($0.text(1)) \($0.text(2)) \($0.text(3)) \($0.optionalInt64(4) ?? 0)"
            }
        }
        #expect(try rows() == ["0 a input f 5", "1 b text x 0"])
        func insert(_ position: Int, _ kind: String, from job: Int? = nil) throws {
            try database.write {
                try database.run(
                    """
                    INSERT INTO job_parameters (job_id, position, name, kind, value, file_id, source_job)
                    VALUES (7, \(position), 'c', \(kind), 'n', NULL, \(job))
                    """)
            }
        }
        try insert(2, "secret")
        #expect(throws: SQLiteError.self) { try insert(3, "other") }
        // A file that another job leaves is one of a job that is named.
        try insert(3, "result", from: 6)
        #expect(throws: SQLiteError.self) { try insert(4, "result") }
        #expect(throws: SQLiteError.self) { try insert(4, "text", from: 6) }
        #expect(throws: SQLiteError.self) { try database.write { try database.run("DELETE FROM files WHERE id = 5") } }
        #expect(try database.first("PRAGMA integrity_check") { $0.text(0) } == "ok")
    }

    @Test func `of the release before takes jobs that follow others, and what that release still writes`() throws {
        let path = scratch.databasePath
        try Storage.migrate(path, to: Array(migrations[..<5]))
        let hash = [UInt8](repeating: 1, count: 32)
        let job: SQL = """
            INSERT INTO jobs (uid, nonce, user_id, script, script_hash, queued_at)
            VALUES (lower(hex(randomblob(16))), randomblob(16), 1, 's', \(hash), 0)
            """
        let parameter: SQL = """
            INSERT INTO job_parameters (job_id, position, name, kind, value, file_id) VALUES (1, 0, 'a', 'secret', 'n', NULL)
            """
        let former = try Database(path: path)
        try former.write {
            try former.run("INSERT INTO users (id, email, created_at) VALUES (1, 'a@b', 0)")
            try former.run("INSERT INTO script_copies VALUES (\(hash), x'00', 0)")
            for _ in 1...3 { try former.run(job) }
            try former.run("UPDATE jobs SET held = 1 WHERE id = 2")
            try former.run(parameter)
        }

        try Storage.migrate(path)

        let database = try Database(path: path)
        let jobs = try database.all("SELECT held, awaits, held_by_admin FROM jobs ORDER BY id") {
            "\($0.int(0)) \($0.int(1)) \($0.int(2))"
        }
        #expect(jobs == ["0 0 0", "1 0 0", "0 0 0"])
        #expect(
            try database.first("SELECT source_job IS NULL FROM job_parameters WHERE kind = 'secret'") { $0.bool(0) }
                == true)
        try database.write { try database.run("INSERT INTO job_dependencies VALUES (3, 1)") }
        // A program of the release before that has the database open.
        try former.write {
            try former.run("DELETE FROM job_parameters")
            try former.run(parameter)
            try former.run(job)
            try former.run("UPDATE jobs SET held = 0 WHERE id = 2")
        }
        #expect(throws: SQLiteError.self) { try former.write { try former.run("DELETE FROM jobs WHERE id = 3") } }
        #expect(try database.first("PRAGMA integrity_check") { $0.text(0) } == "ok")
        #expect(try database.first("PRAGMA foreign_key_check") { $0.text(0) } == nil)
    }

    @Test(arguments: Role.allCases) func `gives no program but the admin's the right to another's table`(role: Role)
        throws
    {
        let database = try scratch.database(as: role)
        let mayMakeUsers = role == .signup || role == .admin
        let insert: SQL = "INSERT INTO users (email, created_at) VALUES ('a@b', 0)"
        if mayMakeUsers {
            try database.write { try database.run(insert) }
        } else {
            #expect(throws: SQLiteError.self) { try database.write { try database.run(insert) } }
        }
        #expect(throws: SQLiteError.self) { try database.write { try database.run("DROP TABLE events") } }
    }
}

@Suite struct `A job's state` {
    /// Every change there is; docs/job-states.md tells who makes it and why.
    static let allowed: [String: Set<String>] = [
        "queued": ["starting", "cancelled"],
        "starting": ["queued", "running", "stopping", "cancelled", "failed", "lost"],
        "running": ["stopping", "succeeded", "failed", "timed_out", "out_of_memory", "output_limit", "lost"],
        "stopping": ["succeeded", "failed", "cancelled", "timed_out", "out_of_memory", "output_limit", "lost"],
        "failed": ["queued"],
        "lost": ["queued"],
    ]
    static let states = [
        "queued", "starting", "running", "stopping", "succeeded", "failed", "cancelled", "timed_out", "out_of_memory",
        "output_limit", "lost",
    ]
    static let ends = Set(states[4...])

    @Test func `changes only as drawn, whoever asks`() throws {
        let scratch = ScratchDirectory()
        let database = try scratch.database()
        try database.write {
            try database.run("INSERT INTO users (id, email, created_at) VALUES (1, 'a@b', 0)")
            try database.run("INSERT INTO script_copies VALUES (\([UInt8](repeating: 1, count: 32)), x'00', 0)")
        }
        for from in Self.states {
            for to in Self.states {
                let job = try reach(from, database)
                let ended: Int? = Self.ends.contains(to) ? 1 : nil
                let code: Int? = to == "succeeded" ? 0 : nil
                let change: SQL = """
                    UPDATE jobs SET state = \(to), ended_at = \(ended), exit_code = \(code) WHERE id = \(job)
                    """
                if Self.allowed[from]?.contains(to) == true {
                    #expect(throws: Never.self) { try database.write { try database.run(change) } }
                } else {
                    let error = #expect(throws: SQLiteError.self) { try database.write { try database.run(change) } }
                    #expect(error?.isRefusedByTrigger == true, "\(from) -> \(to)")
                }
            }
        }
    }

    /// A new job that has come to `state` by allowed changes.
    private func reach(_ state: String, _ database: Database) throws -> Int64 {
        var paths: [String: [String]] = ["queued": []]
        var frontier = ["queued"]
        while let here = frontier.popLast() {
            for next in Self.allowed[here] ?? [] where paths[next] == nil {
                paths[next] = paths[here]! + [next]
                frontier.insert(next, at: 0)
            }
        }
        return try database.write {
            try database.run(
                """
                INSERT INTO jobs (uid, nonce, user_id, script, script_hash, queued_at)
                VALUES (lower(hex(randomblob(16))), randomblob(16), 1, 's', \([UInt8](repeating: 1, count: 32)), 0)
                """)
            let job = database.lastInsertedRow
            for step in paths[state]! {
                let ended: Int? = Self.ends.contains(step) ? 1 : nil
                let code: Int? = step == "succeeded" ? 0 : nil
                try database.run(
                    "UPDATE jobs SET state = \(step), ended_at = \(ended), exit_code = \(code) WHERE id = \(job)")
            }
            return job
        }
    }
}
