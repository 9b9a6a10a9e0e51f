internal import SQLite
internal import Storage

extension JobStore {
    /// The live jobs that are about to begin or to be ended: the ones that a worker has to look at without being called.
    public func inTransition() throws -> [Job] {
        try database.all(Self.inTransitionQuery, Job.init)
    }

    static let inTransitionQuery: SQL = """
        SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
         WHERE state IN ('starting', 'stopping')
        UNION ALL
        SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
         WHERE state = 'running' AND stop_requested_at IS NOT NULL
        """

    /// The live job whose folders are named so; `nil` when it is over, or was never ours.
    public func live(ofFolders uid: String) throws -> Job? {
        try database.first(
            """
            SELECT \(Job.columns) FROM jobs JOIN users ON users.id = user_id
             WHERE uid = \(uid) AND state IN ('starting', 'running', 'stopping')
            """, Job.init)
    }
}
