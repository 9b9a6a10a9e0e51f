import Accounts
import JobQueue
import Linux
import Storage
import TestSupport
import Testing

@testable import Execution

@Suite struct `A script that is not for everybody` {
    static let script = "#!/bin/sh\n##~~ @syntax 2\n##~~ @access group:wetlab user:grace@example.org\ntouch ran\n"
    static let wetlab = GroupName("wetlab")!

    @Test func `is run for who is in one of its groups when it starts`() throws {
        let shop = try Shop()
        _ = try GroupStore(shop.database).add(shop.user, to: Self.wetlab)
        let job = try shop.submit(text: Self.script)
        #expect(try shop.runToEnd(job).state == .succeeded)
        #expect(try shop.hasOutput(job, "ran"))
    }

    @Test func `is not run for who has left its group since the job was submitted`() throws {
        let shop = try Shop()
        let groups = GroupStore(shop.database)
        _ = try groups.add(shop.user, to: Self.wetlab)
        _ = try groups.add(shop.user, to: GroupName("Wetlab")!)
        let job = try shop.submit(text: Self.script)
        _ = try groups.remove(shop.user, from: Self.wetlab)
        let end = try shop.runToEnd(job)
        #expect(end.state == .failed)
        #expect(
            end.reason == "The script test.sh may not be used by ada@example.org any more, so the job was not run. "
                + "Please ask the admin.")
        #expect(try !shop.hasOutput(job, "ran"))
        #expect(try shop.subjects(job).contains { $0.contains("Failed") })
    }

    @Test func `is not run either once it is for others, even where edited scripts are run`() throws {
        for lines in [[], ["on_script_change=run"]] {
            let shop = try Shop(lines)
            let job = try shop.submit(text: "#!/bin/sh\ntouch ran\n")
            try shop.script("test.sh", Self.script)
            #expect(try shop.runToEnd(job).reason?.contains("may not be used by ada@example.org any more") == true)
            #expect(try !shop.hasOutput(job, "ran"))
        }
    }

    @Test func `is run for who is named`() throws {
        let shop = try Shop()
        let job = try shop.submit(
            text: "#!/bin/sh\n##~~ @syntax 2\n##~~ @access user:Ada@Example.org\ntouch ran\n")
        #expect(try shop.runToEnd(job).state == .succeeded)
    }
}
