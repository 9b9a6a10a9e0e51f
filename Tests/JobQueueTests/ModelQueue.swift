import Linux
import Scripts
import Storage

@testable import JobQueue

/// The order of the queue as docs/queue-order.md tells it, in the plainest form: a list that is looked through.
struct ModelQueue {
    struct ModelJob {
        let id: JobID
        let user: UserID
        let script: String
        let terms: Terms
        var priority = 0
        var isHeld = false
        var notBefore = noon
        var isQueued = true
        var isLive = false
    }

    var jobs: [ModelJob] = []
    var lastStart: [UserID: Instant] = [:]
    /// The job whose turn it is and that waits for room.
    var turn: JobID?

    private func live(_ fits: (ModelJob) -> Bool) -> Int { jobs.filter { $0.isLive && fits($0) }.count }

    private func share(_ job: ModelJob, _ machine: Machine, _ limits: Limits) -> Share {
        Share(of: job.terms.needs, otherwise: limits.defaultNeeds, on: machine)
    }

    /// CPUs and memory that are free; `nil` while a job has the machine to itself.
    func free(_ machine: Machine, _ limits: Limits) -> (cpus: Int, memory: Int64)? {
        var free = (cpus: machine.cpus, memory: machine.memory)
        for job in jobs where job.isLive {
            guard case .part(let cpus, let memory) = share(job, machine, limits) else { return nil }
            free.cpus -= cpus
            free.memory -= memory
        }
        return free
    }

    func isLimited(_ job: ModelJob, _ limits: Limits) -> Bool {
        live { $0.user == job.user } >= limits.runningPerUser ?? .max
            || live { $0.user == job.user && $0.script == job.script } >= job.terms.perUserLimit ?? .max
            || live { $0.script == job.script } >= job.terms.totalLimit ?? .max
    }

    /// Starts what may start, and says what that was.
    mutating func claim(upTo most: Int, _ machine: Machine, _ limits: Limits, at now: Instant) -> [JobID] {
        var started: [JobID] = []
        while started.count < most, live({ _ in true }) < limits.running ?? .max {
            guard let free = free(machine, limits), free.cpus > 0 else { break }
            let ready = jobs.indices.filter {
                jobs[$0].isQueued && !jobs[$0].isHeld && jobs[$0].notBefore <= now && !isLimited(jobs[$0], limits)
            }
            guard let top = ready.map({ jobs[$0].priority }).max() else {
                turn = nil
                break
            }
            let keeper = jobs.first { $0.id == turn && $0.isQueued && !$0.isHeld }?.user
            let next = ready.filter { jobs[$0].priority == top }.min { left, right in
                func rank(_ job: ModelJob) -> (Int, Int, Instant, JobID) {
                    (
                        live { $0.user == job.user }, job.user == keeper ? 0 : 1,
                        lastStart[job.user] ?? Instant(milliseconds: 0), job.id
                    )
                }
                return rank(jobs[left]) < rank(jobs[right])
            }!
            let fits =
                switch share(jobs[next], machine, limits) {
                case .whole: live { _ in true } == 0
                case .part(let cpus, let memory): cpus <= free.cpus && memory <= free.memory
                }
            guard fits else {
                turn = live { $0.user == jobs[next].user } == 0 ? jobs[next].id : nil
                break
            }
            if turn == jobs[next].id { turn = nil }
            jobs[next].isQueued = false
            jobs[next].isLive = true
            lastStart[jobs[next].user] = now + .milliseconds(Int64(started.count))
            started.append(jobs[next].id)
        }
        return started
    }
}
