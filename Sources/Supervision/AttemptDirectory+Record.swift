public import Linux

// The exit record has two files of the same size. The second is for the case that the first cannot be written: a write or
// an fdatasync that failed once proves nothing when it is tried again on the same file, because the kernel may have
// forgotten the data and reports the failure only once (fsync(2)).
extension AttemptDirectory {
    static let recordFiles = (first: "exit", second: "exit2")

    /// How it ended; `nil` while it has not, or nobody recorded it.
    ///
    /// - Throws: `SystemError` when neither file tells, and one could not be read.
    public func exitRecord() throws(SystemError) -> ExitRecord? {
        var failure: SystemError?
        // The second is written only after the first has failed, and knows of it.
        for name in [AttemptDirectory.recordFiles.second, AttemptDirectory.recordFiles.first] {
            do throws(SystemError) {
                if let bytes = try read(name, limit: ExitRecord.fileSize), let record = ExitRecord(decoding: bytes) {
                    return record
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return nil
    }

    /// Takes the places on the disk. A file system that cannot reserve blocks is given some to keep.
    func reserveRecords() throws(SystemError) {
        for name in [AttemptDirectory.recordFiles.first, AttemptDirectory.recordFiles.second] {
            let file = try descriptor.open(beneath: name, O_WRONLY | O_CREAT | O_EXCL)
            if fallocate(file.number, 0, 0, ExitRecord.fileSize) == 0 { continue }
            guard errno == EOPNOTSUPP else { throw SystemError("fallocate", name) }
            try file.write([UInt8](repeating: 0, count: ExitRecord.fileSize))
            try file.sync()
        }
    }

    /// Writes how it ended, and returns when that is on the disk.
    ///
    /// - Throws: `SystemError` when both files failed: then nobody knows how it ended.
    func write(_ record: ExitRecord, _ progress: Progress) throws(SystemError) {
        var record = record
        record.hadStorageTrouble = progress.hadStorageTrouble
        if !progress.recordHasFailed {
            do throws(SystemError) {
                return try write(record, into: AttemptDirectory.recordFiles.first)
            } catch {
                // Noted before the second is tried, so that nobody who goes on from here tries the first again.
                progress.recordHasFailed = true
                Supervisor.complain("\(error)")
            }
        }
        record.hadStorageTrouble = true
        try write(record, into: AttemptDirectory.recordFiles.second)
    }

    /// Makes a record durable whose writer was killed, perhaps before it had waited for the disk.
    func settle(_ record: ExitRecord, _ progress: Progress) throws(SystemError) {
        if !progress.recordHasFailed {
            do throws(SystemError) {
                let first = AttemptDirectory.recordFiles.first
                return try syncData(of: descriptor.open(beneath: first, O_WRONLY), first)
            } catch {
                progress.recordHasFailed = true
                Supervisor.complain("\(error)")
            }
        }
        try write(record, progress)
    }

    private func write(_ record: ExitRecord, into name: String) throws(SystemError) {
        if let file = try openIfThere(name, O_WRONLY) { return try write(record, into: file, name) }
        // A directory that was laid down before an upgrade has no second file.
        try write(record, into: descriptor.open(beneath: name, O_WRONLY | O_CREAT), name)
        try descriptor.sync()
    }

    private func write(_ record: ExitRecord, into file: borrowing Descriptor, _ name: String) throws(SystemError) {
        do throws(SystemError) { try file.write(record.encoded) } catch {
            throw SystemError("write", name, code: error.code)
        }
        try syncData(of: file, name)
    }

    private func syncData(of file: borrowing Descriptor, _ name: String) throws(SystemError) {
        guard fdatasync(file.number) == 0 else { throw SystemError("fdatasync", name) }
    }
}
