import Linux
import Synchronization
import TestSupport
import Testing

@testable import Execution
@testable import Supervision

@Suite struct `Looking at an attempt` {
    let scratch = ScratchDirectory()

    /// Whoever looks is held up between two of the things that it reads, by a pipe in the place of the second record.
    @Test func `tells how it began even when it began and ended meanwhile`() throws {
        let order = Order(
            program: "/x", arguments: ["x"], environment: [], workingDirectory: "/", grace: 0, maxLogBytes: 0)
        let name = String(repeating: "0", count: 32) + ".1"
        _ = try AttemptDirectory.make(in: scratch.path, named: name, order: order)
        let pipe = scratch("\(name)/exit2")
        unlink(pipe)
        mkfifo(pipe, 0o600)
        let script = ProcessIdentity(pid: 4_000_000, start: 1, bootID: ProcessIdentity.currentBoot)
        let record = ExitRecord(
            outcome: .exited(3), stop: .none, endedAt: 2, maxRSS: 0, userTime: 0, systemTime: 0, logBytes: 0)

        let path = scratch.path
        /// Written by one thread, and read when that has ended.
        final class Answer: @unchecked Sendable { var standing: LocalExecutor.Standing? }
        let answer = Answer()
        let asked = Mutex(false)
        withThreads(2) { index in
            if index == 0 {
                answer.standing = try? LocalExecutor(attemptsDir: path, supervisor: "/none").poll(name)
                asked.withLock { $0 = true }
                return
            }
            // Opening waits for the reader, who has seen by then that there is no ticket.
            guard let writer = try? Descriptor.open(pipe, O_WRONLY) else { return }
            guard let attempt = try? AttemptDirectory.open(in: path, named: name) else { return }
            _ = try? attempt.put(.started(Ticket.Beginning(script: script, guardPID: 1, at: 1)))
            try? Descriptor.open(path + "/\(name)/exit", O_WRONLY).write(record.encoded)
            _ = consume writer
            // A second look comes by the same pipe.
            while !asked.withLock({ $0 }) {
                if let again = try? Descriptor.open(pipe, O_WRONLY | O_NONBLOCK) { _ = consume again }
                usleep(1000)
            }
        }
        let began = LocalExecutor.Begun(
            script: script, guardPID: 1, at: Instant(milliseconds: 1), supervisors: [], cgroups: [])
        #expect(answer.standing == .ended(record, begun: began))
    }
}
