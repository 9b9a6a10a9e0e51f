import JobQueue
import Linux

/// What one look at a live job's attempt has found: read from the disk before the transaction that stores it.
struct Finding {
    /// What is to be recorded, in this order.
    enum News {
        /// The script runs, or has run.
        case began(LocalExecutor.Begun)
        /// A stop is wished and about to be told.
        case stopping
        /// It is over. `hasRun`: instructions of the script may have been executed.
        case ended(Verdict, at: Instant, hasRun: Bool, logTail: String)
        /// It never began and never will; the job may be tried again.
        case cameToNothing(String)
    }

    let job: Job
    let news: [News]
}
