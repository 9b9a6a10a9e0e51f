public import SQLite
public import Storage

extension Database {
    /// Puts a job of `requester` into the database, for what only has to belong to one: its mails, for example.
    public func insertJob(of requester: String = "ada@example.org") throws -> JobID {
        try write {
            try run("INSERT OR IGNORE INTO users (email, created_at) VALUES (\(requester), 0)")
            try run("INSERT OR IGNORE INTO script_copies VALUES (zeroblob(32), x'', 0)")
            try run(
                """
                INSERT INTO jobs (uid, nonce, user_id, script, script_hash, queued_at)
                VALUES (lower(hex(randomblob(16))), randomblob(16), (SELECT id FROM users WHERE email = \(requester)),
                    's.sh', zeroblob(32), 0)
                """)
            return JobID(lastInsertedRow)
        }
    }
}
