import FileStore
import JobQueue
import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import Cleaning

/// What a program that has ended left.
struct Ended {
    /// `nil`: ended by a signal.
    let status: CInt?
    let output: String
    let errors: String
}

extension TestSite {
    /// The settings file of this site.
    func configure(_ more: String = "") throws -> String {
        let path = scratch("ScriptRunner.conf")
        let text = """
            path_to_db=\(scratch.databasePath)
            inbox_dir=\(scratch("inbox"))
            outbox_dir=\(scratch("outbox"))
            state_dir=\(scratch("state"))
            \(more)

            """
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).write(Array(text.utf8))
        return path
    }

    /// Starts the built program.
    func launch(_ arguments: [String], settings: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, name) in [(CInt(1), "output"), (2, "errors")] {
            posix_spawn_file_actions_addopen(&actions, number, scratch(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        let program = BuiltProgram.path("cleaner")
        var argv = ([program] + arguments).map { strdup($0) } + [nil]
        var environment = [strdup("SCRIPTRUNNER_CONF=\(settings)"), nil]
        defer { (argv + environment).forEach { free($0) } }
        var pid = pid_t()
        let failed = posix_spawn(&pid, program, &actions, nil, &argv, &environment)
        guard failed == 0 else { throw SystemError("posix_spawn", program, code: failed) }
        return pid
    }

    /// Waits for the end of a program that was started.
    func wait(for pid: pid_t) throws -> Ended {
        var status: CInt = 0
        guard retryingOnInterrupt({ waitpid(pid, &status, 0) }) == pid else { throw SystemError("waitpid", nil) }
        func text(_ name: String) throws -> String {
            String(decoding: try Descriptor.open(scratch(name), O_RDONLY).readAll(limit: 1 << 20), as: UTF8.self)
        }
        return Ended(
            status: clinux_exited(status) != 0 ? clinux_exit_status(status) : nil, output: try text("output"),
            errors: try text("errors"))
    }

    func program(_ arguments: String..., settings: String) throws -> Ended {
        try wait(for: try launch(arguments, settings: settings))
    }

    /// A site where a job, its script copy and a file have expired, and a job with its file has not.
    func fill() throws -> (gone: [(Job, String)], stays: (Job, String)) {
        let gone = try atOnce {
            try (0..<30).map { _ in
                let file = try upload(keeping: .milliseconds(0))
                return (try finish(keeping: .milliseconds(0)), path(file))
            }
        }
        let file = try upload(keeping: .milliseconds(0))
        let job = try run([JobParameter(name: "a", kind: .input, value: file.name, file: file.id)], script: "stays")
        return (gone, (job, path(file)))
    }
}

@Suite struct `The program cleaner` {
    let site: TestSite
    init() throws { site = try TestSite() }

    @Test func `explains itself, and refuses what it does not know`() throws {
        let help = try site.program("--help", settings: "/nowhere")
        #expect(help.status == 0 && help.output.hasPrefix("usage: cleaner [--dry-run]") && help.errors == "")
        let wrong = try site.program("--dry-run", "--force\n", settings: "/nowhere")
        #expect(wrong.status == 64 && wrong.output == "")
        #expect(wrong.errors.hasPrefix("cleaner: unknown argument \"--force\\n\"\nusage: cleaner"))
    }

    @Test func `tells what is wrong with settings and folders in one line`() throws {
        let settings = try site.configure("retention_days=never")
        let wrong = try site.program(settings: settings)
        #expect(wrong.status == 78 && wrong.output == "")
        #expect(wrong.errors == "\(settings):5: retention_days: \"never\" is no number of days from 1 to 3650\n")
        _ = try site.configure("shared_retention_days=-1")
        #expect(
            try site.program(settings: settings).errors
                == "\(settings):5: shared_retention_days: \"-1\" is no number of days from 0 to 3650\n")
        _ = try site.configure()
        rename(site.scratch("outbox"), site.scratch("elsewhere"))
        let missing = try site.program("--dry-run", settings: settings)
        #expect(missing.status == 78)
        #expect(missing.errors.hasPrefix("\(settings):3: outbox_dir: \(site.scratch("outbox")): No such file"))
    }

    @Test func `tells a database that is about to come from one that never will do`() throws {
        let settings = try site.configure("# a comment")
        try site.database.setUserVersion(Storage.version - 1)
        let outdated = try site.program(settings: settings)
        #expect(outdated.status == 75 && outdated.errors.split(separator: "\n").count == 1)
        try site.database.setUserVersion(Storage.version + 1)
        let newer = try site.program(settings: settings)
        #expect(newer.status == 78 && newer.errors.hasPrefix("\(settings):1: path_to_db: "))
        unlink(site.scratch.databasePath)
        let missing = try site.program("--dry-run", settings: settings)
        #expect(missing.status == 75 && missing.errors.hasPrefix("cleaner: \(site.scratch.databasePath): no database"))
    }

    @Test func `lists in a dry run what it then removes, and is quiet when there is nothing`() throws {
        let settings = try site.configure()
        let (gone, stays) = try site.fill()
        let before = try site.everything()
        let dry = try site.program("--dry-run", settings: settings)
        #expect(dry.status == 0 && dry.errors == "")
        #expect(try site.everything() == before)
        #expect(dry.output.contains("  job \(gone[0].0.id), expired \(site.start.readable)\n"))
        #expect(dry.output.contains("jobs: 30 would be removed, "))
        let real = try site.program(settings: settings)
        #expect(real.status == 0 && real.errors == "")
        let lines = real.output.split(separator: "\n").map { String($0.prefix { $0 != "," }) }
        #expect(lines == ["jobs: 30 removed", "script copies: 1 removed", "files: 30 removed"])
        #expect(!gone.contains { site.hasOutputs($0.0) || site.hasAttempt($0.0) || site.isThere($0.1) })
        #expect(site.hasOutputs(stays.0) && site.hasAttempt(stays.0) && site.isThere(stays.1))
        let again = try site.program(settings: settings)
        #expect(again.status == 0 && again.output == "" && again.errors == "")
    }

    @Test func `leaves the field to another that runs`() throws {
        let settings = try site.configure()
        let (gone, _) = try site.fill()
        let second = try alone(in: site.scratch("state")) {
            (try site.program(settings: settings), try site.program("--dry-run", settings: settings))
        }
        #expect(second?.0.status == 0 && second?.0.output == "another cleaner is running\n")
        #expect(site.hasOutputs(gone[0].0))
        #expect(second?.1.output.contains("would be removed") == true)
    }

    @Test func `ends with 1 when something could not be removed`() throws {
        let settings = try site.configure()
        let (gone, _) = try site.fill()
        site.write(".trash", in: site.scratch("outbox"))
        let ended = try site.program(settings: settings)
        #expect(ended.status == 1)
        #expect(ended.errors.contains(" cleaner cleaning-failed thing=\"job \(gone[0].0.id), expired "))
        #expect(ended.errors.contains(" cleaner cleaning-failed-more kind=jobs count=10\n"))
        #expect(ended.output.hasPrefix("files: 30 removed, "))
    }

    @Test func `may be killed at any moment, and the next run finishes`() throws {
        let settings = try site.configure()
        let (gone, stays) = try site.fill()
        var kills = 0
        // Each run is given a little longer than the one before, until one comes to its end.
        for pause in 0... {
            let pid = try site.launch([], settings: settings)
            usleep(useconds_t(pause * 300))
            kill(pid, SIGKILL)
            guard try site.wait(for: pid).status == nil else { break }
            kills += 1
            // Whatever is known of a job that is still there is whole or going; what is in use is untouched.
            #expect(site.hasOutputs(stays.0) && site.hasAttempt(stays.0) && site.isThere(stays.1))
        }
        #expect(kills > 5)
        let last = try site.program(settings: settings)
        #expect(last.status == 0 && last.errors == "")
        #expect(!gone.contains { site.hasOutputs($0.0) || site.hasAttempt($0.0) || site.isThere($0.1) })
        #expect(try site.count("SELECT count(*) FROM jobs") == 1)
        #expect(try site.count("SELECT count(*) FROM files") == 1)
        #expect(try site.count("SELECT count(*) FROM pragma_foreign_key_check") == 0)
        for trash in ["outbox/.trash", "inbox/.trash", "state/attempts/.trash"] {
            #expect(try Descriptor.directory(site.scratch(trash)).entries() == [])
        }
        #expect(site.hasOutputs(stays.0) && site.hasAttempt(stays.0) && site.isThere(stays.1))
    }

    @Test(.enabled(if: getuid() == 0, "only root can be refused as root"))
    func `does not let root leave its files in another user's folders`() throws {
        let settings = try site.configure()
        giveAway(site.scratch("state"))
        let refused = try site.program(settings: settings)
        #expect(refused.status == 78)
        #expect(refused.errors.hasPrefix("\(settings):4: state_dir: "))
        #expect(!site.isThere("state/cleaner.lock"))
        #expect(try site.program("--dry-run", settings: settings).status == 0)
    }
}
