import Accounts
import FileStore
import JobQueue
import Linux
import Scripts
import Storage

/// A file that a job of the visitor's has left, or has been asked to leave, as the input of another.
struct ResultFile: Equatable {
    let job: JobID
    /// Below the job's output folder.
    let path: String
    /// Bytes; `nil`: the job is not over, so nobody knows yet.
    let size: Int64?

    /// The value of a form's list.
    var field: String { "result:\(job):\(path)" }

    /// The file's own name.
    var name: String { Linux.name(of: path) }

    /// The same of a parameter of an earlier job.
    static func field(_ parameter: JobParameter) -> String? {
        parameter.source.map { ResultFile(job: $0, path: parameter.value, size: nil).field }
    }

    /// What such a value names; `nil` when it is another kind of value.
    static func parts(ofField field: String) -> (job: JobID, path: String)? {
        let parts = field.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("result".utf8), let job = JobID(text: Substring(parts[1]))
        else { return nil }
        return (job, String(Substring(parts[2])))
    }
}

extension JobParameter {
    /// The value for people: of a file that another job leaves, which job that is, too.
    var words: String { source.map { "\(value), job #\($0)" } ?? value }
}

/// What the visitor's jobs leave for others of theirs.
struct Results {
    let site: Site
    let user: UserID

    /// So many jobs are looked at, the newest first: those that have succeeded, and those that are not over.
    static let mostJobs = 30
    /// So many files of one job are offered, and so many in all: a longer list is no choice.
    static let mostOfOne = 50
    static let mostFiles = 300

    /// What a form's lists offer, the newest jobs first.
    func offers() throws -> [ResultFile] {
        var files: [ResultFile] = []
        let coming = try site.jobs.recent(of: user, succeeded: false, limit: Self.mostJobs)
        for job in coming {
            files += try outputs(asked: job.id).map { ResultFile(job: job.id, path: $0, size: nil) }
        }
        for job in try site.jobs.recent(of: user, succeeded: true, limit: Self.mostJobs)
        where files.count < Self.mostFiles {
            let left = try site.outbox.outputs(of: job.uid).files
            files += left.lazy.compactMap { file in
                file.name.map { ResultFile(job: job.id, path: $0, size: file.size) }
            }.prefix(Self.mostOfOne)
        }
        return Array(files.sorted { ($1.job, $0.path) < ($0.job, $1.path) }.prefix(Self.mostFiles))
    }

    /// Why a job cannot start with this file, as a sentence for the form.
    struct Refusal: Error {
        let sentence: String
    }

    /// The file that a value of a form's list names.
    func find(_ job: JobID, _ path: String) throws -> Result<ResultFile, Refusal> {
        func refuse(_ sentence: String) -> Result<ResultFile, Refusal> {
            .failure(Refusal(sentence: sentence + " Choose another file, or upload one."))
        }
        switch try Followed(job, of: user, site.jobs) {
        case .unknown: return refuse("Job #\(job) is not there any more.")
        case .ended(let job): return refuse("Job #\(job.id) \(job.state.clause), so nothing that it left can be used.")
        case .coming(let job):
            guard let path = try outputs(asked: job.id).first(where: { $0 == path }) else {
                return refuse("Job #\(job.id) is not asked for a file \(path).")
            }
            return .success(ResultFile(job: job.id, path: path, size: nil))
        case .succeeded(let job):
            guard let file = site.outbox.file(path, of: job.uid) else {
                return refuse("Job #\(job.id) has left no file \(path).")
            }
            return .success(ResultFile(job: job.id, path: path, size: file.size))
        }
    }

    /// Makes sure that the files are there, in the transaction that queues their reader: from then on the cleaner leaves them
    /// alone.
    ///
    /// - Throws: `CannotFollow`.
    func ensure(_ parameters: some Sequence<JobParameter>) throws {
        for parameter in parameters {
            guard let job = parameter.source else { continue }
            guard case .success = try find(job, parameter.value) else { throw CannotFollow(job: job) }
        }
    }

    /// The names that a job has been given for its outputs.
    private func outputs(asked job: JobID) throws -> [String] {
        try site.jobs.parameters(of: job).filter { $0.kind == .output }.map(\.value)
    }
}

extension SubmitForm {
    /// The outputs that the form's lists offer, and those that are chosen already.
    func results() throws -> [ResultFile] {
        guard script.parameters.contains(where: { $0.type.isFile }) else { return [] }
        let results = Results(site: site, user: visitor.user.id)
        var files = try results.offers()
        for item in values.flatMap({ ValueType.items(of: $0.text) }) {
            guard let (job, path) = ResultFile.parts(ofField: item), !files.contains(where: { $0.field == item }),
                case .success(let file) = try results.find(job, path)
            else { continue }
            files.append(file)
        }
        return files
    }
}
