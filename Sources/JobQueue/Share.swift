public import Linux
public import Scripts
public import Settings
internal import Storage

/// What an attempt is given of the machine.
public enum Share: Sendable, Equatable {
    /// All of it: no other job runs beside it.
    case whole
    /// Memory in bytes.
    case part(cpus: Int, memory: Int64)

    /// What a job is given that needs `needs`.
    ///
    /// CPUs without memory: as large a share of the memory. Memory without CPUs: one CPU. Neither: the same of `standard`,
    /// and if that says nothing either, the whole machine. More than the machine has (it has shrunk since the job was
    /// submitted): the whole machine.
    public init(of needs: Needs, otherwise standard: Needs, on machine: Machine) {
        let wanted = needs == .undeclared ? standard : needs
        guard wanted != .undeclared else {
            self = .whole
            return
        }
        let cpus = wanted.cpus ?? 1
        guard cpus <= machine.cpus else {
            self = .whole
            return
        }
        let memory = wanted.memory ?? Share.proportion(cpus, of: machine)
        self = memory <= machine.memory ? .part(cpus: cpus, memory: memory) : .whole
    }

    private static func proportion(_ cpus: Int, of machine: Machine) -> Int64 {
        // The product may be larger than 64 bits; the quotient is not, because cpus <= machine.cpus.
        let product = machine.memory.multipliedFullWidth(by: Int64(cpus))
        return max(1, Int64(machine.cpus).dividingFullWidth(product).quotient)
    }

    /// As attempts.cpus and attempts.memory keep it.
    init(cpus: Int?, memory: Int64?) {
        if let cpus, let memory { self = .part(cpus: cpus, memory: memory) } else { self = .whole }
    }

    /// `nil`: all of them.
    public var cpus: Int? { if case .part(let cpus, _) = self { cpus } else { nil } }
    /// Bytes; `nil`: all of it.
    public var memory: Int64? { if case .part(_, let memory) = self { memory } else { nil } }
}

extension Needs {
    /// Why a job of such a script could never run on this machine, as a sentence; `nil` when it could.
    public func excess(on machine: Machine) -> String? {
        if let cpus, cpus > machine.cpus {
            return "This script needs \(cpus) CPUs, and the machine has only \(machine.cpus) for jobs."
        }
        if let memory, memory > machine.memory {
            return "This script needs \(readableMemory(memory)) of memory, and the machine has only "
                + "\(readableMemory(machine.memory)) for jobs."
        }
        return nil
    }
}

/// What the settings say about how much may run at once.
public struct Limits: Sendable, Equatable {
    /// What a script gets that declares no needs; `.undeclared`: the whole machine.
    public var defaultNeeds: Needs
    /// How many jobs run at once; `nil`: as many as fit.
    public var running: Int?
    /// How many jobs of one requester; `nil`: as many as fit.
    public var runningPerUser: Int?

    public init(defaultNeeds: Needs = .undeclared, running: Int? = nil, runningPerUser: Int? = nil) {
        self.defaultNeeds = defaultNeeds
        self.running = running
        self.runningPerUser = runningPerUser
    }

    /// Those that the admin has set.
    public init(_ settings: Settings) {
        self.init(
            defaultNeeds: Needs(cpus: settings.defaultCPUs, memory: settings.defaultMemory),
            running: settings.maxRunningJobs, runningPerUser: settings.maxRunningPerUser)
    }
}

/// Who has what of the machine.
struct Occupancy {
    private(set) var count = 0
    private(set) var ofUser: [UserID: Int] = [:]
    private var ofScript: [String: Int] = [:]
    private var ofUserAndScript: [UserID: [String: Int]] = [:]
    private var cpus = 0
    private var memory: Int64 = 0
    /// A job has the machine to itself.
    private var isWhole = false

    mutating func add(_ user: UserID, _ script: String, _ share: Share) {
        count += 1
        ofUser[user, default: 0] += 1
        ofScript[script, default: 0] += 1
        ofUserAndScript[user, default: [:]][script, default: 0] += 1
        switch share {
        case .whole: isWhole = true
        case .part(let cpus, let memory):
            self.cpus += cpus
            self.memory += memory
        }
    }

    /// What is left: nothing where the machine has shrunk under its jobs.
    func free(on machine: Machine) -> (cpus: Int, memory: Int64) {
        isWhole ? (0, 0) : (max(0, machine.cpus - cpus), max(0, machine.memory - memory))
    }

    func hasRoom(for share: Share, on machine: Machine) -> Bool {
        switch share {
        case .whole: return count == 0
        case .part(let cpus, let memory):
            let free = free(on: machine)
            return cpus <= free.cpus && memory <= free.memory
        }
    }

    /// Which limit keeps one more job of this kind from starting, whatever is free.
    func limit(on head: Head, _ limits: Limits) -> LimitReached? {
        if let most = limits.runningPerUser, ofUser[head.user, default: 0] >= most { return .perUser(most) }
        if let most = head.perUserLimit, ofUserAndScript[head.user]?[head.script] ?? 0 >= most {
            return .scriptPerUser(most)
        }
        if let most = head.totalLimit, ofScript[head.script, default: 0] >= most { return .script(most) }
        return nil
    }
}

/// A limit on the number of jobs that run at once.
public enum LimitReached: Sendable, Equatable {
    /// `max_running_per_user`.
    case perUser(Int)
    /// The script's own, for one requester and all together.
    case scriptPerUser(Int)
    case script(Int)
}
