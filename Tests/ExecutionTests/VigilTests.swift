import Linux
import Supervision
import TestSupport
import Testing

@testable import Execution

@Suite struct `A vigil` {
    /// A process of the test's own that waits for its end.
    private final class Sleeper {
        let pid: pid_t
        let identity: ProcessIdentity
        private var isBuried = false

        init() throws {
            pid = try spawn("/bin/sleep", arguments: ["sleep", "600"], environment: [])
            identity = try #require(ProcessIdentity(of: pid))
        }

        func end() {
            guard !isBuried else { return }
            kill(pid, SIGKILL)
            var status: CInt = 0
            _ = retryingOnInterrupt { waitpid(pid, &status, 0) }
            isBuried = true
        }

        deinit { end() }
    }

    private func isReadable(_ vigil: Vigil) -> Bool {
        var waiting = pollfd(fd: vigil.descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, 0) == 1
    }

    @Test func `tells each fall once, and wakes who waits for it`() throws {
        let vigil = try Vigil()
        let (first, second, other) = (try Sleeper(), try Sleeper(), try Sleeper())
        vigil.keep("one.1", over: [first.identity, second.identity])
        vigil.keep("other.1", over: [other.identity])
        // Once is enough.
        vigil.keep("one.1", over: [first.identity, second.identity])
        #expect(!isReadable(vigil) && vigil.takeFallen().isEmpty)

        first.end()
        #expect(isReadable(vigil))
        #expect(vigil.takeFallen() == ["one.1"])
        #expect(!isReadable(vigil) && vigil.takeFallen().isEmpty)

        second.end()
        #expect(vigil.takeFallen() == ["one.1"])
    }

    @Test func `counts as fallen who is gone already, and never a stranger who has the number now`() throws {
        let vigil = try Vigil()
        let living = try Sleeper()
        let former = ProcessIdentity(pid: living.pid, start: living.identity.start - 1, bootID: living.identity.bootID)
        vigil.keep("gone.1", over: [former])
        #expect(!isReadable(vigil) && vigil.hasFallen)
        #expect(vigil.takeFallen() == ["gone.1"])
        #expect(!vigil.hasFallen)
    }

    @Test func `tells nothing of an attempt that is over`() throws {
        let vigil = try Vigil()
        let process = try Sleeper()
        vigil.keep("over.1", over: [process.identity])
        vigil.end("over.1")
        process.end()
        #expect(!isReadable(vigil) && vigil.takeFallen().isEmpty)
    }
}
