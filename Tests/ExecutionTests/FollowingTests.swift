import FileStore
import JobQueue
import Linux
import Mail
import SQLite
import Settings
import Storage
import TestSupport
import Testing

@testable import Execution

extension Shop {
    func submit(_ name: String, _ parameters: [JobParameter] = [], after jobs: [JobID]) throws -> JobID {
        let content = try Descriptor.open(scratch("scripts/" + name), O_RDONLY).readAll(limit: 1 << 20)
        return try self.jobs.submit(
            script: name, content: content, parameters: parameters, after: jobs, by: user, nonce: SubmissionNonce(),
            at: Instant.now()
        ).job
    }

    func result(_ path: String, of job: JobID) -> JobParameter {
        JobParameter(name: "f", kind: .result, value: path, source: job)
    }

    func ended(_ job: JobID) throws -> (subject: String, body: String)? {
        try database.first("SELECT subject, body FROM mails WHERE job_id = \(job) AND kind = 'ended'") {
            ($0.text(0), $0.text(1))
        }
    }
}

private let first = """
    #!/bin/sh
    ##~~ @syntax 2
    ##~~ out [output .csv]
    while [ -e "$(dirname "$0")/../outbox/stop" ]; do sleep 0.02; done
    echo one > "$SR_OUT"
    """
private let second = """
    #!/bin/sh
    ##~~ @syntax 2
    ##~~ f [file .csv max=1K]
    ##~~ out [output]
    touch ran
    printf '%s' "$SR_F_NAMES" > name
    cat "$1" > "$2"
    echo two >> "$2"
    """
private let third = "#!/bin/sh\n##~~ input - a file\ncat \"$1\" > all\n"

@Suite struct `A chain of jobs` {
    let shop: Shop
    let chain: [JobID]

    init() throws {
        shop = try Shop(["machine_cpus=4", "default_cpus=1"])
        try shop.script("first.sh", first)
        try shop.script("second.sh", second)
        try shop.script("third.sh", third)
        try Shop.write("", to: shop.settings.outboxDir + "/stop")
        func output(_ name: String) -> JobParameter { JobParameter(name: "out", kind: .output, value: name) }
        let one = try shop.submit("first.sh", [output("one.csv")])
        let two = try shop.submit("second.sh", [shop.result("one.csv", of: one), output("two.txt")], after: [])
        let three = try shop.submit(
            "third.sh", [JobParameter(name: "input", kind: .result, value: "two.txt", source: two)], after: [one])
        chain = [one, two, three]
        try shop.run(one, until: .running)
    }

    func letGo() { unlink(shop.settings.outboxDir + "/stop") }

    func checkEnd() throws {
        for job in chain {
            let end = try shop.job(job)
            #expect(end.state == .succeeded, "\(end.reason ?? "")")
            #expect(try shop.path(job).filter { $0 == .running }.count == 1)
        }
        #expect(try shop.output(chain[1], "name") == "one.csv")
        #expect(try shop.output(chain[2], "all") == "one\ntwo\n")
    }

    @Test func `runs one after another, each with what the one before has left`() throws {
        for _ in 1...3 { try shop.step() }
        #expect(try chain.map(shop.state) == [.running, .queued, .queued])
        letGo()
        try waitUntil("the first is over") {
            try shop.step()
            return try shop.state(chain[0]).isOver
        }
        // In the same pass.
        #expect(try shop.state(chain[1]) == .starting)
        _ = try shop.runToEnd(chain[2])
        try checkEnd()
        #expect(try shop.subjects(chain[2]).map { $0.suffix(9) } == ["] Started", " Complete"])
    }

    @Test func `goes on whoever is killed in between`() throws {
        letGo()
        try waitUntil("the last is over") {
            _ = try shop.replaceWorker()
            try shop.step()
            return try shop.state(chain[2]).isOver
        }
        try checkEnd()
    }

    @Test func `wakes the worker no more often than a single job does`() throws {
        try shop.database.write { _ = try shop.database.run("DELETE FROM mails") }
        try shop.step()
        #expect(try asOrdinaryUser { try shop.worker.patience() } == Int64(shop.settings.pollInterval) * 1000)
        letGo()
    }

    @Test(arguments: ["stopped", "killed", "overlooked"])
    func `is cancelled with mails from where one of it does not succeed`(how: String) throws {
        let secrets = Secrets(stateDirectory: shop.settings.stateDir)
        try shop.script("secret.sh", "#!/bin/sh\n##~~ @syntax 2\n##~~ s [secret]\n")
        let secret = try asOrdinaryUser { try secrets.keep("open") }
        let last = try shop.submit(
            "secret.sh", [JobParameter(name: "s", kind: .secret, value: secret)], after: [chain[2]])
        switch how {
        case "stopped":
            _ = try shop.jobs.stop(chain[0], of: shop.user, keepingFor: .days(7), at: Instant.now())
            _ = try shop.runToEnd(chain[0])
        case "killed":
            let script = try #require(
                try shop.database.first("SELECT script_pid FROM attempts WHERE job_id = \(chain[0])") { $0.int(0) })
            kill(pid_t(script), SIGKILL)
            _ = try shop.runToEnd(chain[0])
        default:
            // As a worker of an earlier release would have ended it.
            try shop.database.write {
                _ = try shop.database.run(
                    "UPDATE jobs SET state = 'failed', ended_at = 1, expires_at = 2 WHERE id = \(chain[0])")
            }
            _ = try shop.replaceWorker()
        }
        for (job, cause) in zip([chain[1], chain[2], last], [chain[0], chain[0], chain[2]]) {
            let end = try shop.job(job)
            #expect(end.state == .cancelled)
            #expect(try shop.subjects(job) == ["Job #\(job) [\(end.script)] Cancelled"])
            #expect(end.reason?.hasPrefix("Job #\(cause), which it was to follow, ") == true)
            #expect(try shop.ended(job)?.body.contains(end.reason ?? "?") == true)
        }
        #expect(secrets.find(secret) == nil)
        letGo()
    }

    @Test func `is cancelled with one mail where several were submitted together`() throws {
        let job = try shop.jobs.submit(
            script: "third.sh", content: Array(third.utf8), sweep: [[], [], []], after: [chain[0]], by: shop.user,
            nonce: SubmissionNonce(), at: Instant.now()
        ).job
        let sweep = try #require(try shop.job(job).sweep)
        _ = try shop.jobs.stop(chain[0], of: shop.user, keepingFor: .days(7), at: Instant.now())
        _ = try shop.runToEnd(chain[0])
        let jobs = try shop.jobs.jobs(of: sweep)
        #expect(jobs.map(\.state) == [.cancelled, .cancelled, .cancelled])
        #expect(try jobs.flatMap { try shop.subjects($0.id) } == ["Sweep #\(sweep) [third.sh] 3 of 3 Not Complete"])
        letGo()
    }

    @Test func `is cancelled from where the worker may not run one of it`() throws {
        unlink(shop.scratch("scripts/second.sh"))
        letGo()
        let end = try shop.runToEnd(chain[2])
        #expect(try shop.state(chain[1]) == .failed)
        #expect(end.reason == "Job #\(chain[1]), which it was to follow, failed. So it was not started.")
    }

    @Test func `is cancelled from where one of it cannot be started however often it is tried`() throws {
        try shop.script("second.sh", second)
        unlink(shop.scratch("programs/supervisor"))
        letGo()
        try waitUntil("the last is over") {
            try shop.step()
            shop.clock.putForward(.minutes(1))
            return try shop.state(chain[2]).isOver
        }
        #expect(try shop.job(chain[1]).reason?.hasPrefix("The job could not be started 5 times.") == true)
        #expect(try shop.subjects(chain[2]).count == 1)
    }
}

@Suite struct `A file that another job has left` {
    let shop: Shop
    let source: JobID

    init() throws {
        shop = try Shop(["machine_cpus=4", "default_cpus=1"])
        try shop.script("second.sh", second)
        source = try shop.submit(
            text: "#!/bin/sh\nmkdir sub\necho one > one.csv\necho in > sub/in.csv\necho t > one.txt\n")
        _ = try shop.runToEnd(source)
    }

    private func read(_ path: String, of job: JobID) throws -> (JobID, Job) {
        let output = JobParameter(name: "out", kind: .output, value: "out.txt")
        let reader = try shop.submit("second.sh", [shop.result(path, of: job), output], after: [])
        return (reader, try shop.runToEnd(reader))
    }

    @Test(arguments: ["one.csv", "sub/in.csv"]) func `is read where it lies`(path: String) throws {
        let (reader, end) = try read(path, of: source)
        #expect(end.state == .succeeded, "\(end.reason ?? "")")
        #expect(try shop.output(reader, "name") == name(of: path))
        // It is there for others, and to be downloaded, as before.
        #expect(Outbox(root: shop.settings.outboxDir).file(path, of: try shop.job(source).uid) != nil)
    }

    @Test(arguments: ["gone", "link", "pipe", "folder", "second name", "folder that is a link"])
    func `is read only if it is a regular file of that job`(what: String) throws {
        let folder = try shop.outbox(source)
        let path = folder + "/one.csv"
        var named = "one.csv"
        if what != "folder that is a link" { unlink(path) }
        switch what {
        case "link": symlink("/etc/hostname", path)
        case "pipe": mkfifo(path, 0o644)
        case "folder": mkdir(path, 0o755)
        case "second name":
            try Shop.write("x", to: shop.scratch("elsewhere.csv"))
            link(shop.scratch("elsewhere.csv"), path)
        case "folder that is a link":
            mkdir(shop.scratch("elsewhere"), 0o755)
            try Shop.write("x", to: shop.scratch("elsewhere/x.csv"))
            symlink(shop.scratch("elsewhere"), folder + "/elsewhere")
            named = "elsewhere/x.csv"
        default: break
        }
        let (reader, end) = try read(named, of: source)
        #expect(end.state == .failed)
        #expect(end.reason == "Job #\(source) has left no file \(named), which is wanted for f.")
        #expect(try !shop.hasOutput(reader, "ran"))
    }

    @Test(arguments: ["../one.csv", "./one.csv", "/etc/hostname", "", "sub//in.csv", "sub/../one.csv", "one.csv/"])
    func `is called by no other path`(path: String) throws {
        let (_, end) = try read(path, of: source)
        #expect(end.state == .failed)
    }

    @Test func `is held against what the script takes once more`() throws {
        #expect(try read("one.txt", of: source).1.reason == "The parameter f will not do: The name has to end in .csv.")
        try Shop.write(String(repeating: "x", count: 1025), to: try shop.outbox(source) + "/one.csv")
        #expect(try read("one.csv", of: source).1.reason?.contains("at most 1 KiB are allowed here.") == true)
    }

    @Test func `is its requester's own`() throws {
        try shop.database.write {
            try shop.database.run("INSERT INTO users (email, created_at) VALUES ('grace@example.org', 0)")
            try shop.database.run("UPDATE jobs SET user_id = \(shop.database.lastInsertedRow) WHERE id = \(source)")
        }
        let other = try shop.submit("second.sh", [], after: [])
        try shop.database.write {
            // The page would not let it through.
            for (position, name, kind, value, job) in [
                (0, "f", "result", "one.csv", source), (1, "out", "output", "o.txt", nil),
            ] as [(Int, String, String, String, JobID?)] {
                try shop.database.run(
                    "INSERT INTO job_parameters VALUES (\(other), \(position), \(name), \(kind), \(value), NULL, \(job))"
                )
            }
        }
        let end = try shop.runToEnd(other)
        #expect(end.reason?.hasPrefix("The job that was to leave the file one.csv for f") == true)
    }
}
