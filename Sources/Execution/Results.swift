import FileStore
import JobQueue
import Storage

/// What jobs have left for others of the same requester.
struct Results {
    let jobs: JobStore
    let outbox: Outbox

    /// Where a file is that another job has left, and its size. The script gets the file itself, not a copy:
    /// docs/decisions/0011-following-jobs.md says why.
    ///
    /// - Throws: `Commission.Refusal`.
    func file(_ row: JobParameter, of requester: UserID) throws -> (path: String, size: Int64) {
        guard let id = row.source, let job = try jobs.job(id), job.requester == requester, job.state == .succeeded
        else {
            throw Commission.Refusal(
                sentence:
                    "The job that was to leave the file \(row.value) for \(row.name) has not succeeded, or is not "
                    + "there any more. Choose another file and submit the job again.")
        }
        guard let file = outbox.file(row.value, of: job.uid) else {
            throw Commission.Refusal(
                sentence: "Job #\(id) has left no file \(row.value), which is wanted for \(row.name).")
        }
        return file
    }
}
