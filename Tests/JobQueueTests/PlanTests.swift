import Linux
import Scripts
import Storage
import TestSupport
import Testing

@testable import JobQueue
@testable import SQLite

@Suite struct `The queue's queries` {
    @Test func `step through an index, and never sort or scan`() throws {
        let queue = try Queue()
        let user = UserID(1)
        let job = try queue.job(try queue.submit("ada"))
        let head = Head(job)
        let queries: [SQL] = [
            JobStore.nextPriorityQuery(below: nil), JobStore.nextPriorityQuery(below: 0),
            JobStore.headQuery(after: user, atPriority: 0, at: noon),
            JobStore.headQuery(after: head, atPriority: 0, at: noon),
            JobStore.nextHeadQuery(after: head, atPriority: 0, at: noon), JobStore.liveQuery,
            JobStore.nextDueQuery(after: noon), JobStore.higherQuery(than: 0, upTo: 9, at: noon),
            JobStore.ownQuery(before: job, upTo: 9, at: noon),
            JobStore.waitingQuery(of: user, atPriority: 0, upTo: 9, at: noon),
            JobStore.nextRequesterQuery(after: user, atPriority: 0), JobStore.attemptsQuery(of: job.id),
        ]
        for query in queries {
            let plan = try queue.database.all("EXPLAIN QUERY PLAN \(query)") { $0.text(3) }
            #expect(!plan.isEmpty)
            #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") || $0.hasPrefix("CORRELATED") }, "\(query.text): \(plan)")
        }
    }

    @Test func `look at no more of a long queue than there are requesters and scripts`() throws {
        let queue = try Queue()
        let steps = { (count: Int) throws -> Int in
            try queue.database.write { for _ in 1...count { for name in ["a", "b"] { _ = try queue.submit(name) } } }
            let before = queue.database.instructions
            _ = try queue.jobs.plan(
                upTo: 1, fitting: Machine(cpus: 2, memory: 2048), Limits(defaultNeeds: Needs(cpus: 1)), at: noon)
            return queue.database.instructions - before
        }
        let few = try steps(10)
        let many = try steps(2000)
        #expect(many == few)
    }
}
