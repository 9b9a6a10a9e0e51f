public import Linux

/// Everything that outlives the processes of one attempt: `state_dir/attempts/JOB-UID.NUMBER`, readable by its owner alone.
///
/// | name | what |
/// |---|---|
/// | `order` | what to run |
/// | `lock` | held by the supervisor's two processes: held means alive; the kernel frees it when both are gone |
/// | `start` | the ticket: who decided that the attempt runs, or never will |
/// | `exit`, `exit2` | the exit record, with its place on the disk from the beginning; the second for when the first fails |
/// | `log` | what the script writes |
/// | `ctl.sock` | takes the wish to stop |
/// | `trouble` | what the supervisor has to say; usually empty |
public struct AttemptDirectory: ~Copyable {
    let descriptor: Descriptor

    /// Makes the directory of a new attempt with its order and the place for its exit record. When it returns, it is on the
    /// disk that this attempt was begun; what stands in the directory is made durable with the ticket.
    ///
    /// - Returns: `nil` when there is such a directory already: the attempt was begun before.
    public static func make(in attempts: String, named name: String, order: Order) throws(SystemError)
        -> AttemptDirectory?
    {
        let parent = try Descriptor.directory(attempts)
        guard try parent.makeDirectory(name, mode: 0o700) else { return nil }
        do throws(SystemError) {
            let attempt = AttemptDirectory(descriptor: try parent.open(beneath: name, O_RDONLY | O_DIRECTORY))
            try attempt.reserveRecords()
            // Read before the script runs or never: after a crash of the machine nobody asks for it.
            try attempt.descriptor.open(beneath: "order", O_WRONLY | O_CREAT | O_EXCL).write(order.encoded)
            try parent.sync()
            return attempt
        } catch {
            // Half a directory would have to be revoked first, which a full disk does not allow.
            _ = try? parent.remove(Array(name.utf8))
            throw error
        }
    }

    /// Opens the directory of an attempt; `nil` when there is none.
    public static func open(in attempts: String, named name: String) throws(SystemError) -> AttemptDirectory? {
        do throws(SystemError) {
            return AttemptDirectory(
                descriptor: try Descriptor.directory(attempts).open(beneath: name, O_RDONLY | O_DIRECTORY))
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    init(descriptor: consuming Descriptor) { self.descriptor = descriptor }

    // MARK: What it tells

    /// The directory's own name, which is the attempt's.
    func name() throws(SystemError) -> String {
        let link = Descriptor.link(to: descriptor)
        let path = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, initialized in
            initialized = max(0, link.terminated { readlink($0, buffer.baseAddress!, buffer.count) })
        }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else {
            throw SystemError("readlink", String(decoding: link, as: UTF8.self))
        }
        return String(decoding: path[(slash + 1)...], as: UTF8.self)
    }

    /// What to run.
    func order() throws -> Order {
        try Order(decoding: try descriptor.open(beneath: "order", O_RDONLY).readAll(limit: 16 << 20))
    }

    /// The ticket; `nil` while nobody has decided.
    public func ticket() throws(SystemError) -> Ticket? {
        guard let bytes = try read("start", limit: 65_536) else { return nil }
        guard let ticket = Ticket(decoding: bytes) else { throw SystemError("read", "start", code: EBADMSG) }
        return ticket
    }

    /// What the supervisor had to say, for a log; usually empty.
    public func trouble() -> String {
        guard let bytes = try? read("trouble", limit: 65_536) else { return "" }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(3).joined(separator: "; ")
    }

    /// Whether a supervisor lives, told by its lock. Never by time.
    public func isAlive() throws(SystemError) -> Bool {
        guard let file = try openIfThere("lock", O_RDWR) else { return false }
        var lock = AttemptDirectory.wholeFile
        guard clinux_fcntl_lock(file.number, F_OFD_GETLK, &lock) == 0 else { throw SystemError("fcntl", "lock") }
        return lock.l_type != Int16(F_UNLCK)
    }

    // MARK: What it decides

    /// Puts down a ticket, if nobody has: the arbiter between a supervisor that is about to start the script and a worker
    /// that wants to try again. When it says `true`, the ticket is on the disk.
    func put(_ ticket: Ticket) throws(SystemError) -> Bool {
        let file = try descriptor.open(beneath: ".", O_WRONLY | O_TMPFILE)
        try file.write(ticket.encoded)
        try file.sync()
        let (directory, link) = (descriptor.number, Descriptor.link(to: file))
        let failed = link.terminated { link in
            "start".withCString { linkat(AT_FDCWD, link, directory, $0, AT_SYMLINK_FOLLOW) }
        }
        guard failed == 0 else {
            guard errno == EEXIST else { throw SystemError("linkat", "start") }
            return false
        }
        try descriptor.sync()
        return true
    }

    /// Makes sure that this attempt never runs; says `false` when it runs or ran.
    public func revoke() throws(SystemError) -> Bool {
        if try put(.revoked) { return true }
        return try ticket() == .revoked
    }

    /// Asks the supervisor to end the script. Says whether it could be asked.
    @discardableResult
    public func requestStop() -> Bool { knock(at: "ctl.sock", below: descriptor) }

    /// Tells the worker that there is something to import. If nobody hears it, the worker finds it by itself.
    ///
    /// - Parameter name: the attempt's, so that the worker knows where to look.
    func ringWorker(_ name: String) {
        // attempts/NAME lies two below state_dir.
        knock(at: "../../worker.sock", below: descriptor, saying: name)
    }

    /// Takes the lock for the supervisor; `nil` when another supervisor has it.
    func takeLock() throws(SystemError) -> Descriptor? {
        let file = try descriptor.open(beneath: "lock", O_RDWR | O_CREAT)
        var lock = AttemptDirectory.wholeFile
        guard clinux_fcntl_lock(file.number, F_OFD_SETLK, &lock) == 0 else { return nil }
        return file
    }

    private static var wholeFile: flock {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        return lock
    }

    func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8]? {
        guard let file = try openIfThere(name, O_RDONLY) else { return nil }
        return try file.readAll(limit: limit)
    }

    func openIfThere(_ name: String, _ flags: CInt) throws(SystemError) -> Descriptor? {
        do throws(SystemError) {
            let file = try descriptor.open(beneath: name, flags)
            return file
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }
}
