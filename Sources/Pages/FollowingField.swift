import Accounts
import JobQueue
import Storage
import Web

/// Where a job stands that another one is to follow.
enum Followed {
    /// There is none of this number, or it is another's.
    case unknown
    /// It may still succeed.
    case coming(Job)
    case succeeded(Job)
    /// It has ended in another way.
    case ended(Job)

    init(_ id: JobID, of user: UserID, _ jobs: JobStore) throws {
        guard let job = try jobs.job(id), job.requester == user else {
            self = .unknown
            return
        }
        self = !job.state.isOver ? .coming(job) : job.state == .succeeded ? .succeeded(job) : .ended(job)
    }
}

/// The field of a form that names the jobs to follow.
struct FollowingField {
    /// As they go back into the form.
    private(set) var jobs: [JobID] = []
    private(set) var problem: String?
    /// Of these and of those whose files are read, the ones that have not succeeded yet.
    private(set) var awaited: [JobID] = []

    static let name = "after"

    init() {}

    /// - Parameters:
    ///   - sent: what came with the form.
    ///   - sources: for each job that the form makes, those that it follows anyway, for their files.
    init(_ sent: [String], sources: [[JobID]], of user: UserID, _ jobs: JobStore) throws {
        for text in sent where !text.isEmpty {
            guard let id = JobID(text: text) else {
                problem = problem ?? "\(text) is no number of a job."
                continue
            }
            switch try Followed(id, of: user, jobs) {
            case .unknown: problem = problem ?? "There is no job #\(id) of yours any more."
            case .ended(let job): problem = problem ?? "Job #\(id) \(job.state.clause), so nothing can follow it."
            case .coming, .succeeded: self.jobs.append(id)
            }
        }
        for id in Set(self.jobs + sources.joined()).sorted() {
            if case .coming = try Followed(id, of: user, jobs) { awaited.append(id) }
        }
        let count = sources.map { Set(self.jobs + $0).count }.max() ?? 0
        if count > JobStore.mostFollowed {
            problem = problem ?? "A job can follow \(JobStore.mostFollowed) others at most; these are \(count)."
        }
    }
}

extension SubmitForm {
    /// Where jobs to follow are chosen, if there are any.
    func followingControl() throws -> HTML? {
        var jobs = try site.jobs.recent(of: visitor.user.id, succeeded: false, limit: JobStore.mostFollowed)
        for id in following.jobs where !jobs.contains(where: { $0.id == id }) {
            if let job = try site.jobs.job(id) { jobs.append(job) }
        }
        let options: [HTML] = jobs.map { job in
            let mark: HTML? = following.jobs.contains(job.id) ? " selected" : nil
            return
                #"<option value="\#(job.id.number)"\#(mark)>#\#(job.id.number) \#(job.script), \#(job.state.words)</option>"#
        }
        let problem: HTML? = following.problem.map { #"<p class="problem" id="after-problem">\#($0)</p>"# }
        guard !jobs.isEmpty else { return problem.map { #"<div class="field" id="after">\#($0)</div>"# } }
        let isOpen: HTML? = following.jobs.isEmpty && problem == nil ? nil : " open"
        let described: HTML =
            problem == nil
            ? #" aria-describedby="after-help""#
            : #" aria-describedby="after-problem after-help" aria-invalid="true""#
        return """
            <details class="field"\(isOpen)><summary>Start after other jobs</summary>
            <label for="after">Start after</label>
            <p class="help" id="after-help">This job starts once all of the chosen ones have succeeded. If one of them does not, \
            it is cancelled.</p>
            <select id="after" name="\(FollowingField.name)" multiple size="\(min(8, jobs.count + 1))"\(described)>\(options)</select>
            \(problem)</details>
            """
    }
}
