internal import EventLog
internal import FileStore
internal import JobQueue
internal import Linux

// What is on the disk and not in the database: a crash or a power cut came between the two.

extension Cleaning {
    /// What the database says of a folder.
    private enum Standing {
        /// There is no row.
        case unknown
        /// Its row may go, and goes with the others.
        case due
        /// It has to stay.
        case wanted
    }

    // MARK: The trash of a run that was broken off

    /// Empties the trash of what has no row any more, and puts back what is wanted after all: after a run that was killed
    /// between rename and commit, a user may have queued a job for a file that was about to go.
    func settleTrash() {
        var wanted: [String] = []
        report.about("left in the trash by an earlier run") { tally in
            settle(outbox.trash, tally, &wanted) { try standing(ofJobWithFolders: $0.jobUID) }
            settle(attempts.trash, tally, &wanted) { try standing(ofJobWithFolders: $0.jobUID) }
            settle(inbox.trash, tally, &wanted) { folder in
                guard let file = try inbox.file(in: folder) else { return .unknown }
                return try inbox.isExpired(file, at: now) ? .due : .wanted
            }
        }
        guard !wanted.isEmpty else { return }
        report.tell(
            "wanted again: \(wanted.count) \(report.isDryRun ? "would be put back" : "put back"): "
                + wanted.joined(separator: ", "))
    }

    private func settle<Name>(
        _ trash: Trash<Name>, _ tally: Tally, _ wanted: inout [String], _ standing: (Name) throws -> Standing
    ) {
        do {
            for folder in try trash.folders() {
                let thing = "folder \(folder)"
                do {
                    let standing = try standing(folder)
                    if standing == .unknown || trash.isInPlace(folder) {
                        // In its place is what came after it: a new attempt begins with an empty folder.
                        let freed = try report.isDryRun ? trash.size(of: folder) : trash.erase(folder)
                        tally.add(thing, freed: freed)
                    } else if standing == .wanted {
                        if try report.isDryRun || trash.putBack(folder) { wanted.append("\(folder)") }
                    }
                } catch {
                    tally.failed(thing, error)
                }
            }
        } catch {
            tally.failed("trash", error)
        }
    }

    private func standing(ofJobWithFolders uid: String) throws -> Standing {
        guard let job = try jobs.job(ofFolders: uid) else { return .unknown }
        return try isDue(job) ? .due : .wanted
    }

    // MARK: Folders that nobody knows

    /// Removes folders without a row, and uploads that were never finished, once nobody has changed them for a day.
    func removeOrphans() {
        let limit = now - Self.orphanAge
        var alive: Set<String>?
        report.about("attempts without a job") { tally in
            let unknown = try attempts.folders(unchangedSince: Instant(milliseconds: .max)).filter {
                try jobs.job(ofFolders: $0.jobUID) == nil
            }
            // The database may have been restored from a copy of yesterday: what runs is left alone, known or not.
            let running = Set(unknown.filter(attempts.isAlive).map(\.jobUID))
            alive = running
            for folder in try attempts.folders(unchangedSince: limit) where !running.contains(folder.jobUID) {
                guard try jobs.job(ofFolders: folder.jobUID) == nil else { continue }
                remove(folder, attempts.trash, tally)
            }
        }
        report.about("outputs without a job") { tally in
            guard let alive else { return }
            for folder in try outbox.folders(unchangedSince: limit) where !alive.contains(folder.jobUID) {
                guard try jobs.job(ofFolders: folder.jobUID) == nil else { continue }
                remove(folder, outbox.trash, tally)
            }
        }
        report.about("files without a row") { tally in
            for folder in try inbox.folders(unchangedSince: limit) where try inbox.file(in: folder) == nil {
                remove(folder, inbox.trash, tally)
            }
        }
        report.about("secrets of jobs that are over", sizes: false) { tally in
            for name in try secrets.names(keptBefore: now - Self.secretAge) where try !jobs.needsSecret(name) {
                if !report.isDryRun { secrets.forget(name) }
                tally.add("secret \(name)")
            }
        }
        report.about("unfinished uploads") { tally in
            for (name, size) in try inbox.unfinishedUploads(unchangedSince: limit) {
                do throws(SystemError) {
                    if !report.isDryRun { try inbox.removeUnfinishedUpload(name) }
                    tally.add("upload \(name)", freed: size)
                } catch {
                    tally.failed("upload \(name)", error)
                }
            }
        }
    }

    private func remove<Name>(_ folder: Name, _ trash: Trash<Name>, _ tally: Tally) {
        let thing = "folder \(folder.path)"
        do throws(SystemError) {
            if report.isDryRun {
                tally.add(thing, freed: trash.sizeInPlace(of: folder))
            } else if try trash.take(folder) {
                tally.add(thing, freed: try trash.erase(folder))
            }
        } catch {
            tally.failed(thing, error)
        }
    }
}
