import FileStore
import JobQueue
import Linux
import Settings
import Storage
import TestSupport
import Testing

@testable import Execution
@testable import Supervision

@Suite struct `What a script is given` {
    static let tell = """
        #!/bin/sh
        ##~~ first - text
        ##~~ input - a file
        ##~~ input_shared - another
        ##~~ output - a name
        ##~~ last - text
        printf '%s\\0' "$@" > arguments
        cat "$2" "$3" > contents
        /usr/bin/env > environment
        pwd > folder
        """

    func file(_ shop: Shop, _ name: String, _ text: String) throws -> InboxFile {
        try asOrdinaryUser {
            let inbox = Inbox(root: shop.settings.inboxDir, database: shop.database)
            let upload = try inbox.beginUpload(named: name, by: shop.user, most: 1 << 20, leavingFree: 0)
            var text = text
            try text.withUTF8 { try upload.write(UnsafeRawBufferPointer($0)) }
            return try inbox.keep(upload, for: .days(7), at: Instant.now())
        }
    }

    func parameters(_ shop: Shop) throws -> [JobParameter] {
        let input = try file(shop, "my data, here.txt", "mine\n")
        try Shop.write("ours\n", to: shop.settings.inboxDir + "/shared/common.txt")
        return [
            JobParameter(name: "first", kind: .text, value: " a,b=\"c\"\n'$(touch pwned)' \u{1F9EC}"),
            JobParameter(name: "input", kind: .input, value: input.name, file: input.id),
            JobParameter(name: "input_shared", kind: .shared, value: "common.txt"),
            JobParameter(name: "output", kind: .output, value: "result.txt"),
            JobParameter(name: "last", kind: .text, value: ""),
        ]
    }

    @Test func `are the values in the order of its annotations, files as full paths`() throws {
        let shop = try Shop()
        try shop.script("tell.sh", Self.tell)
        let job = try shop.submit("tell.sh", try parameters(shop))
        #expect(try shop.runToEnd(job).state == .succeeded)
        let arguments = try shop.output(job, "arguments").split(separator: "\0", omittingEmptySubsequences: false)
        #expect(arguments.count == 6)
        #expect(arguments[0] == " a,b=\"c\"\n'$(touch pwned)' \u{1F9EC}")
        #expect(arguments[1].hasSuffix("/my data, here.txt") && arguments[1].hasPrefix(shop.settings.inboxDir))
        #expect(arguments[2] == shop.settings.inboxDir + "/shared/common.txt")
        #expect(arguments[3] == (try shop.outbox(job)) + "/result.txt")
        #expect(arguments[4] == "")
        #expect(try shop.output(job, "contents") == "mine\nours\n")
        #expect(try !shop.hasOutput(job, "pwned"))
        #expect(try shop.output(job, "folder") == (try shop.outbox(job)) + "\n")
    }

    @Test func `is a fixed environment, whatever the worker's own is`() throws {
        setenv("LD_PRELOAD_CANARY", "evil", 1)
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\nexec /usr/bin/env > environment\n")
        _ = try shop.runToEnd(job)
        let names = try shop.output(job, "environment").split(separator: "\n").map { $0.prefix { $0 != "=" } }
        #expect(
            Set(names) == [
                "PATH", "HOME", "LANG", "SHELL", "USER", "LOGNAME", "SR_JOB", "SR_ATTEMPT", "SR_SCRIPT",
                "SR_REQUESTER", "SR_RUN", "PWD",
            ])
    }

    @Test func `is nothing at all once it was edited, unless the admin says otherwise`() throws {
        for (lines, state) in [([], JobState.failed), (["on_script_change=run"], .succeeded)] {
            let shop = try Shop(lines)
            let job = try shop.submit(text: "#!/bin/sh\nexit 0\n")
            try shop.script("test.sh", "#!/bin/sh\n# edited\ntouch ran\n")
            let end = try shop.runToEnd(job)
            #expect(end.state == state)
            #expect((end.reason?.contains("was changed") == true) == (state == .failed))
        }
    }

    @Test func `is refused when the script is gone, or wants other parameters, or a file is gone`() throws {
        let gone = try Shop()
        let orphan = try gone.submit(text: "#!/bin/sh\n")
        unlink(gone.scratch("scripts/test.sh"))
        #expect(try gone.runToEnd(orphan).reason?.contains("not offered any more") == true)

        let other = try Shop(["on_script_change=run"])
        let job = try other.submit(text: "#!/bin/sh\n##~~ a - x\n", [JobParameter(name: "a", kind: .text, value: "1")])
        try other.script("test.sh", "#!/bin/sh\n##~~ b - x\n")
        #expect(try other.runToEnd(job).reason?.contains("other parameters") == true)

        let missing = try Shop()
        try missing.script("tell.sh", Self.tell)
        let parameters = try parameters(missing)
        unlink(missing.settings.inboxDir + "/shared/common.txt")
        let end = try missing.runToEnd(try missing.submit("tell.sh", parameters))
        #expect(end.state == .failed)
        #expect(end.reason?.contains("common.txt") == true)
    }
}

@Suite struct `A verdict` {
    func record(_ outcome: ExitRecord.Outcome, _ stop: ExitRecord.Stop) -> ExitRecord {
        ExitRecord(
            outcome: outcome, stop: stop, endedAt: 9, maxRSS: 1, userTime: 2, systemTime: 3, logBytes: 4)
    }

    @Test func `follows the record`() throws {
        let table: [(ExitRecord.Outcome, ExitRecord.Stop, JobState, Int?, Int?)] = [
            (.exited(0), .none, .succeeded, 0, nil),
            (.exited(3), .none, .failed, 3, nil),
            (.signalled(9), .none, .failed, nil, 9),
            (.exited(0), .requested, .cancelled, 0, nil),
            (.signalled(15), .requested, .cancelled, nil, 15),
            (.signalled(9), .timeLimit, .timedOut, nil, 9),
            (.exited(1), .outputLimit, .outputLimit, 1, nil),
            (.notStarted(errno: 2), .none, .failed, nil, nil),
        ]
        for (outcome, stop, state, code, signal) in table {
            let verdict = Verdict(record(outcome, stop), begun: nil)
            #expect(verdict.ending.state == state, "\(outcome) \(stop)")
            #expect(verdict.ending.exitCode == code)
            #expect(verdict.ending.signal == signal)
            #expect(!verdict.sentence.isEmpty || outcome == .exited(0))
        }
    }
}
