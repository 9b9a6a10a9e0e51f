internal import EventLog
internal import FileStore
internal import JobQueue
internal import Linux
internal import Mail
internal import SQLite
internal import Storage

/// A kind of thing that has rows, which tell when it expires, and folders.
protocol Expiring {
    associatedtype Thing

    /// Things whose time is over, in the order of their expiry; those after `last`.
    func expired(after last: Thing?, limit: Int) throws -> [Thing]
    /// Whether it may go: its time is over, and nobody uses it. Asked again in the transaction that removes it.
    func isDue(_ thing: Thing) throws -> Bool
    /// Moves its folders into the trash; what is not in its place is fine.
    func discard(_ thing: Thing) throws(SystemError)
    /// Deletes at most `limit` of its rows.
    func forget(_ thing: Thing, limit: Int) throws -> (rows: Int, isGone: Bool)
    /// Deletes its folders from the trash; says how many bytes became free.
    func erase(_ thing: Thing) throws(SystemError) -> Int64
    /// Bytes of disk that it takes.
    func size(of thing: Thing) -> Int64
    /// Number, name and expiry.
    func description(of thing: Thing) -> String
}

extension Cleaning {
    /// Removes all things of a kind whose time is over and that nobody uses.
    func removeExpired<Kind: Expiring>(
        _ kind: Kind, _ tally: Tally, each visit: (Kind.Thing) -> Void = { _ in }
    ) throws {
        var last: Kind.Thing?
        while true {
            var page = try kind.expired(after: last, limit: Self.page)
            guard let end = page.last else { return }
            last = end
            if report.isDryRun {
                for thing in page where try kind.isDue(thing) {
                    tally.add(kind.description(of: thing), freed: kind.size(of: thing))
                    visit(thing)
                }
                continue
            }
            while !page.isEmpty {
                for thing in try removeSome(of: &page, kind, tally) {
                    visit(thing)
                    var freed: Int64 = 0
                    do throws(SystemError) { freed = try kind.erase(thing) } catch {
                        tally.failed(kind.description(of: thing), error)
                    }
                    tally.add(kind.description(of: thing), freed: freed)
                }
            }
        }
    }

    /// Takes the first things off `page` and, as far as they are due, moves their folders into the trash and deletes their
    /// rows, in one transaction. A thing of many rows stays at the head of `page` for more transactions.
    ///
    /// - Returns: the things of which no row is left.
    private func removeSome<Kind: Expiring>(
        of page: inout [Kind.Thing], _ kind: Kind, _ tally: Tally
    ) throws -> [Kind.Thing] {
        var rest = page[...]
        var gone: [Kind.Thing] = []
        do {
            try write {
                var room = Self.mostRows
                while room > 0, let thing = rest.first {
                    guard try kind.isDue(thing) else {
                        rest.removeFirst()
                        continue
                    }
                    do throws(SystemError) { try kind.discard(thing) } catch {
                        tally.failed(kind.description(of: thing), error)
                        rest.removeFirst()
                        continue
                    }
                    let (rows, isGone) = try kind.forget(thing, limit: room)
                    room -= rows
                    guard isGone else { continue }
                    gone.append(thing)
                    rest.removeFirst()
                }
            }
            page = Array(rest)
            return gone
        } catch let error as SQLiteError where error.isRefusedBySchema {
            // Nothing of the transaction has happened. The others try again without the one that may not go.
            guard let thing = rest.first else { throw error }
            tally.failed(kind.description(of: thing), error)
            page.remove(at: page.count - rest.count)
            return []
        }
    }
}

/// Jobs: outputs, attempts with their logs, and all rows.
struct ExpiringJobs: Expiring {
    let cleaning: Cleaning

    init(_ cleaning: Cleaning) { self.cleaning = cleaning }

    func expired(after last: ExpiredJob?, limit: Int) throws -> [ExpiredJob] {
        try cleaning.jobs.expired(after: last, limit: limit, at: cleaning.now)
    }

    func isDue(_ job: ExpiredJob) throws -> Bool { try cleaning.isDue(job.id) }

    func discard(_ job: ExpiredJob) throws(SystemError) {
        try cleaning.outbox.trash.take(OutputFolder(jobUID: job.uid))
        for attempt in attempts(of: job) { try cleaning.attempts.trash.take(attempt) }
    }

    func forget(_ job: ExpiredJob, limit: Int) throws -> (rows: Int, isGone: Bool) {
        let mails = try cleaning.mails.forget(about: job.id, limit: limit)
        guard mails < limit else { return (mails, false) }
        let (rows, isGone) = try cleaning.jobs.forget(job.id, limit: limit - mails)
        return (mails + rows, isGone)
    }

    func erase(_ job: ExpiredJob) throws(SystemError) -> Int64 {
        var freed = try cleaning.outbox.trash.erase(OutputFolder(jobUID: job.uid))
        for attempt in attempts(of: job) { freed += try cleaning.attempts.trash.erase(attempt) }
        return freed
    }

    func size(of job: ExpiredJob) -> Int64 {
        attempts(of: job).reduce(cleaning.outbox.trash.sizeOfAll(OutputFolder(jobUID: job.uid))) {
            $0 + cleaning.attempts.trash.sizeOfAll($1)
        }
    }

    func description(of job: ExpiredJob) -> String { "job \(job.id), expired \(job.expiresAt.readable)" }

    private func attempts(of job: ExpiredJob) -> [AttemptFolder] {
        (0..<job.attempts).map { AttemptFolder(jobUID: job.uid, number: $0 + 1) }
    }
}

/// Files of the inbox.
struct ExpiringFiles: Expiring {
    let cleaning: Cleaning

    init(_ cleaning: Cleaning) { self.cleaning = cleaning }

    func expired(after last: InboxFile?, limit: Int) throws -> [InboxFile] {
        try cleaning.inbox.expired(after: last, limit: limit, at: cleaning.now)
    }

    func isDue(_ file: InboxFile) throws -> Bool { try cleaning.inbox.isExpired(file.id, at: cleaning.now) }
    func discard(_ file: InboxFile) throws(SystemError) { try cleaning.inbox.trash.take(file.folder) }

    func forget(_ file: InboxFile, limit: Int) throws -> (rows: Int, isGone: Bool) {
        try cleaning.inbox.forget(file.id, limit: limit)
    }

    func erase(_ file: InboxFile) throws(SystemError) -> Int64 { try cleaning.inbox.trash.erase(file.folder) }
    func size(of file: InboxFile) -> Int64 { cleaning.inbox.trash.sizeOfAll(file.folder) }

    func description(of file: InboxFile) -> String {
        "file \(file.id) \(EventLog.inQuotes(file.name)), expired \(file.expiresAt.readable)"
    }
}

extension Trash {
    /// A run that was broken off may have left a folder in the trash whose row is there.
    fileprivate func sizeOfAll(_ name: Name) -> Int64 { sizeInPlace(of: name) + size(of: name) }
}

extension Cleaning {
    /// A mail that nobody has taken yet tells of the job and leads to its page: so long the job stays.
    func isDue(_ job: JobID) throws -> Bool {
        try jobs.isExpired(job, at: now) && !mails.isWaiting(about: job)
    }
}
