import JobQueue
import Scripts
import Storage

/// What the jobs of a sweep were given: what differs, and what is the same in all.
struct SweepValues {
    let jobs: [Job]
    /// For each job, its values by parameter; several files are one value.
    let values: [[String: String]]
    /// The parameters that are not the same in all jobs.
    let varied: [String]
    let common: [(name: String, value: String)]

    init(of sweep: SweepID, _ store: JobStore) throws {
        var names: [String] = []
        let jobs = try store.jobs(of: sweep)
        let all = try jobs.map { job in
            var values: [String: String] = [:]
            for parameter in try store.parameters(of: job.id) {
                if values[parameter.name] == nil, !names.contains(parameter.name) { names.append(parameter.name) }
                let value = parameter.kind == .secret ? "(not shown)" : parameter.words
                values[parameter.name] = values[parameter.name].map { "\($0)\n\(value)" } ?? value
            }
            return values
        }
        var (varied, common): ([String], [(String, String)]) = ([], [])
        for name in names {
            let values = Set(all.map { $0[name] })
            if values.count == 1, let value = values.first ?? nil {
                common.append((name, value))
            } else {
                varied.append(name)
            }
        }
        (self.jobs, values, self.varied, self.common) = (jobs, all, varied, common)
    }

    /// What differs, as a table for the form of the script.
    func table(for script: Script) -> String {
        let names = varied.filter { name in script.parameters.contains { $0.name == name && $0.canStandInATable } }
        return Table.text([names] + values.map { row in names.map { row[$0] ?? "" } })
    }
}
