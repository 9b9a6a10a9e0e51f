import Linux
import TestSupport
import Testing

@testable import Supervision

/// Kills processes of a supervisor right before a chosen system call, by ptrace(2).
struct Tracer {
    enum Role { case guardProcess, shim, child }

    /// Whose system calls are counted: those of the guard from the taking of its lock on, all of the shim's, and all that
    /// the child makes before it becomes the script.
    let counted: Role
    /// Whom to kill before the counted process's system call number `call`; 1 is the first.
    let victims: [Role]
    let call: Int

    /// Runs an attempt to its end, whoever has to bring it about.
    ///
    /// - Returns: `false` when there was no such call any more.
    func run(_ trial: Trial, _ order: Order) throws -> Bool {
        // Tracees belong to a thread; in one of its own nothing else has to be waited for.
        let work = Work(trial, order)
        withThreads(1) { _ in work.result = Result { try trace(work.trial, work.order) } }
        return try work.result.get()
    }

    /// Used by one thread after the other.
    private final class Work: @unchecked Sendable {
        let trial: Trial
        let order: Order
        var result: Result<Bool, any Error> = .success(false)

        init(_ trial: Trial, _ order: Order) {
            self.trial = trial
            self.order = order
        }
    }

    private func trace(_ trial: Trial, _ order: Order) throws -> Bool {
        try trial.start(order, through: ["/bin/sh", "-c", "kill -STOP $$; exec $0"])
        let first = trial.supervisorPID
        var status: CInt = 0
        guard waitpid(first, &status, WUNTRACED) == first else { throw SystemError("waitpid", nil) }
        try ptrace(Request.seize, first, Request.options)
        kill(first, SIGCONT)

        var roles: [pid_t: Role] = [first: .guardProcess]
        // How many calls each has made; the guard's count begins with its lock.
        var calls: [pid_t: Int] = [:]
        var hasKilled = false
        while true {
            let pid = waitpid(-1, &status, CInt(bitPattern: UInt32(__WALL)) | CInt(__WNOTHREAD))
            guard pid > 0 else { return hasKilled }
            guard status & 0xFF == 0x7F else {
                roles[pid] = nil
                continue
            }
            var (request, deliver) = (Request.untilNextCall, UInt(0))
            let (signal, event) = ((status >> 8) & 0xFF, status >> 16)
            switch (signal, event) {
            case (SIGTRAP | 0x80, _):
                guard let number = entered(pid) else { break }
                // A process may be heard of before its parent tells of it.
                if roles[pid] == nil, let parent = ProcessStatus(pid).flatMap({ roles[$0.parent] }) {
                    roles[pid] = parent == .guardProcess ? .shim : .child
                }
                if roles[pid] == .guardProcess, calls[pid] == nil, number != Int(SYS_openat2) { break }
                calls[pid, default: 0] += 1
                if roles[pid] == counted, calls[pid] == call, !hasKilled {
                    hasKilled = true
                    // Both at once: neither shall see the other's end.
                    for (victim, role) in roles where victims.contains(role) { kill(victim, SIGKILL) }
                }
            case (_, Request.Event.fork):
                var made: UInt = 0
                withUnsafeMutablePointer(to: &made) { _ = try? ptrace(Request.message, pid, 0, UInt(bitPattern: $0)) }
                roles[pid_t(made)] = roles[pid] == .guardProcess ? .shim : .child
            case (_, Request.Event.exec):
                if roles[pid] == .child {
                    roles[pid] = nil
                    request = Request.detach
                }
            case (_, Request.Event.stop) where signal != SIGTRAP: request = Request.listen
            case (_, 0): deliver = UInt(signal)
            default: break
            }
            // Who was killed meanwhile takes no requests.
            _ = try? ptrace(request, pid, 0, deliver)
        }
    }

    /// The number of the system call that a process is about to make; `nil` when it comes back from one.
    private func entered(_ pid: pid_t) -> Int? {
        var information = [UInt64](repeating: 0, count: 16)
        let size = UInt(information.count * 8)
        let isTold = information.withUnsafeMutableBytes {
            (try? ptrace(Request.information, pid, size, UInt(bitPattern: $0.baseAddress))) != nil
        }
        // PTRACE_SYSCALL_INFO_ENTRY in the first byte, the number in the fourth word.
        return isTold && information[0] & 0xFF == 1 ? Int(truncatingIfNeeded: information[3]) : nil
    }

    /// The numbers of linux/ptrace.h.
    private enum Request {
        static let (untilNextCall, detach, seize, listen) = (24, 17, 0x4206, 0x4208)
        static let (message, information) = (0x4201, 0x420E)
        /// PTRACE_O_TRACESYSGOOD, _TRACEFORK, _TRACEEXEC.
        static let options: UInt = 1 | 2 | 0x10
        enum Event { static let (fork, exec, stop): (CInt, CInt, CInt) = (1, 4, 128) }
    }

    @discardableResult
    private func ptrace(_ request: Int, _ pid: pid_t, _ data: UInt) throws -> Int { try ptrace(request, pid, 0, data) }

    @discardableResult
    private func ptrace(_ request: Int, _ pid: pid_t, _ address: UInt, _ data: UInt) throws -> Int {
        let result = clinux_ptrace(request, pid, address, data)
        guard result >= 0 else { throw SystemError("ptrace", "\(request)") }
        return result
    }
}
