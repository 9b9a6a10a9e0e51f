import FileStore
import JobQueue
import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import Cleaning

@Suite struct `What a job has left` {
    let site: TestSite
    init() throws { site = try TestSite() }

    enum Stage: CaseIterable { case awaiting, queued, held, starting, running, stopping }

    /// A job that reads the output of another, and follows one more.
    func follower(of source: Job, after others: [JobID] = []) throws -> JobID {
        let file = JobParameter(name: "f", kind: .result, value: "result", source: source.id)
        return try site.jobs.submit(
            script: "s.sh", content: Array("#!/bin/sh\n".utf8), parameters: [file], after: others, by: site.user(),
            nonce: SubmissionNonce(), at: site.start
        ).job
    }

    @Test(arguments: Stage.allCases)
    func `stays as long as a job that is not over reads it, however old it is`(stage: Stage) throws {
        let source = try site.finish()
        let slow = stage == .awaiting ? try site.run() : nil
        let reader = try follower(of: source, after: slow.map { [$0.id] } ?? [])
        if stage == .held { _ = try site.jobs.hold(reader, at: site.start) }
        if ![.awaiting, .queued, .held].contains(stage) {
            #expect(try site.jobs.claimNext(at: site.start)?.job.id == reader)
        }
        let process = StartedProcess(bootID: "b", guardPID: 1, scriptPID: 2, scriptStart: 3)
        if [.running, .stopping].contains(stage) {
            try site.jobs.started(reader, attempt: 1, as: process, at: site.start)
        }
        if stage == .stopping { try site.jobs.stopping(reader, attempt: 1, at: site.start) }

        let before = try site.everything()
        #expect(try site.clean(at: site.start + .days(400)) == [])
        #expect(try site.clean(at: site.start + .days(400), dryRun: true) == [])
        #expect(try site.everything() == before)
        #expect(site.hasOutputs(source))

        if [.awaiting, .queued, .held].contains(stage) {
            _ = try site.jobs.stop(reader, of: site.user(), keepingFor: .days(30), at: site.start)
        } else {
            try site.jobs.ended(reader, attempt: 1, Ending(state: .lost), keepingFor: .days(30), at: site.start)
        }
        try site.clean(at: site.start + week)
        #expect(try site.job(source.id) == nil && !site.hasOutputs(source))
        // What has read it keeps the name.
        #expect(try site.jobs.parameters(of: reader).map(\.source) == [source.id])
        #expect(try site.jobs.followed(by: reader).map(\.id) == slow.map { [$0.id] } ?? [])
        if let slow { try site.jobs.ended(slow.id, attempt: 1, Ending(state: .lost), keepingFor: week, at: site.start) }
        try site.clean(at: site.start + .days(30))
        #expect(try site.count("SELECT count(*) FROM jobs") == 0)
        #expect(try site.count("SELECT count(*) FROM job_dependencies") == 0)
    }

    @Test func `goes at its time where those that followed it are over, and they stay`() throws {
        let source = try site.finish(keeping: .days(1))
        let reader = try follower(of: source)
        _ = try site.jobs.claimNext(at: site.start)
        let process = StartedProcess(bootID: "b", guardPID: 1, scriptPID: 2, scriptStart: 3)
        try site.jobs.started(reader, attempt: 1, as: process, at: site.start)
        try site.jobs.ended(
            reader, attempt: 1, Ending(state: .succeeded, exitCode: 0), keepingFor: week, at: site.start)
        try site.clean(at: site.start + .days(1))
        #expect(try site.job(source.id) == nil)
        #expect(try site.job(reader)?.state == .succeeded)
    }

    @Test func `is put back when a run was killed over it and a job reads it after all`() throws {
        let source = try site.finish()
        _ = try follower(of: source)
        try site.outbox.trash.take(OutputFolder(jobUID: source.uid))
        #expect(try site.clean(at: site.start + .days(400)) == ["wanted again: 1 put back: \(source.uid)"])
        #expect(site.hasOutputs(source))
    }
}
