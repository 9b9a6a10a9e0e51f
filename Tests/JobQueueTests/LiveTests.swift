import SQLite
import TestSupport
import Testing

@testable import JobQueue

@Suite struct `What a worker asks at every step` {
    @Test(arguments: [JobStore.inTransitionQuery, JobStore.unwarnedQuery, JobStore.liveQuery])
    func `looks at live jobs alone, however many are over`(query: SQL) throws {
        let queue = try Queue()
        let database = try Database(path: queue.scratch.databasePath)

        let plan = try database.all("EXPLAIN QUERY PLAN \(query)") { $0.text(3) }

        #expect(plan.contains { $0.hasPrefix("SEARCH jobs USING INDEX jobs_live") }, "\(plan)")
        #expect(plan.allSatisfy { !$0.hasPrefix("SCAN") }, "\(plan)")
    }
}
