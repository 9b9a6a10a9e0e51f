import Accounts
import FileStore
import JobQueue
internal import Linux
import Scripts
import Settings
import Sodium
import Storage
import Supervision

/// Makes of a job what its supervisor is to run, or finds why it cannot be run.
struct Commission {
    let settings: Settings
    let catalogue: Catalogue
    let groups: GroupStore
    let inbox: Inbox
    let outbox: Outbox
    let secrets: Secrets
    let results: Results
    let machine: Machine
    /// Where attempts get a cgroup of their own; `nil`: nowhere.
    let cgroups: CgroupParent?

    /// Why a job is not run, as a sentence for its requester.
    struct Refusal: Error, Equatable {
        let sentence: String
    }

    /// What to run for this attempt.
    ///
    /// - Throws: ``Refusal``, or what the stores throw.
    func order(for attempt: Attempt, _ parameters: [JobParameter]) throws -> Order {
        let job = attempt.job
        guard let script = catalogue.script(named: job.script), let (_, hash) = catalogue.snapshot(of: script) else {
            throw Refusal(sentence: "The script \(job.script) is not offered any more, so the job was not run.")
        }
        // Whoever submitted it may have left a group meanwhile, or the script may be for others now.
        let isAdmitted = try script.access?.admits(job.requesterEmail) { try groups.groups(of: job.requester) }
        guard isAdmitted ?? true else {
            throw Refusal(
                sentence:
                    "The script \(job.script) may not be used by \(job.requesterEmail) any more, so the job was not "
                    + "run. Please ask the admin.")
        }
        guard hash == job.scriptHash || settings.onScriptChange == .run else {
            throw Refusal(
                sentence: "The script was changed after this job was submitted, so the job was not run. "
                    + "Submit it again to run the script as it is now.")
        }
        let folder = outbox.path(job.uid)
        let delivery = try Delivery(parameters, to: script, for: attempt, inbox, secrets, results, folder, on: machine)
        return Order(
            program: script.path, arguments: [script.path] + delivery.handover.arguments,
            environment: environment(of: attempt, folder) + delivery.handover.variables, workingDirectory: folder,
            grace: settings.killGrace.milliseconds, maxLogBytes: settings.maxLogBytes,
            timeLimit: job.timeLimit?.milliseconds ?? 0, limits: limits, memory: memory(of: job),
            processes: Int64(settings.maxProcesses ?? 0), cgroupParent: cgroups?.order ?? "")
    }

    /// What each process of a script may have, as the settings say.
    private var limits: Supervision.Limits {
        Supervision.Limits(
            cpuSeconds: (settings.maxCPUTime?.milliseconds ?? 0) / 1000, addressSpace: settings.maxAddressSpace ?? 0,
            openFiles: Int64(settings.maxOpenFiles ?? 0),
            // The kernel counts all processes of our user then: only where a cgroup cannot count the attempt's alone.
            processes: cgroups?.boundsProcesses == true ? 0 : Int64(settings.maxProcesses ?? 0),
            fileSize: settings.maxFileBytes ?? 0)
    }

    /// What all processes of the script may use together: what was declared, by the script or for all scripts that declare
    /// nothing. Bytes; 0: as much as there is.
    private func memory(of job: Job) -> Int64 {
        job.needs.memory ?? (job.needs.cpus == nil ? settings.defaultMemory : nil) ?? 0
    }

    /// All that the script sees in its environment; nothing is inherited. docs/script-authors.md lists it for authors.
    private func environment(of attempt: Attempt, _ folder: String) -> [String] {
        let job = attempt.job
        return Handover.environment(
            folder: folder, user: Commission.userName, job: "\(job.id)", attempt: attempt.number, script: job.script,
            requester: job.requesterEmail) + [LocalExecutor.mark(of: attempt.name)]
    }

    /// The name of the user that jobs run as.
    private static let userName: String = {
        guard let entry = getpwuid(getuid()) else { return String(getuid()) }
        return String(cString: entry.pointee.pw_name)
    }()
}

extension Attempt {
    /// Names the attempt's directory.
    var name: String { "\(job.uid).\(number)" }
}

extension Job {
    /// Names the directory of the present attempt.
    var attemptName: String { "\(uid).\(attempt)" }
}
