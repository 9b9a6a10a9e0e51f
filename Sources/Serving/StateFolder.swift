internal import Linux
internal import Settings

/// The folder that holds all that a local site keeps: settings, database, files, mails, logs.
struct StateFolder: Sendable {
    let path: String

    var settingsFile: String { path + "/etc/ScriptRunner.conf" }
    var scripts: String { path + "/scripts" }
    var mail: String { path + "/mail" }
    var log: String { path + "/log" }
    var run: String { path + "/run" }
    var httpd: String { path + "/httpd" }
    /// What our programs tell.
    var logFile: String { log + "/scriptrunner.log" }
    /// What the web server tells; httpd-conf/ names the same files.
    var serverLog: String { log + "/httpd-error.log" }
    var accessLog: String { log + "/httpd-access.log" }

    /// Absolute, made of what the user typed and the current folder.
    init(_ given: String) throws(Advice) {
        guard !given.isEmpty else { throw Advice("--state wants a folder", status: EX_USAGE) }
        if given.hasPrefix("/") {
            path = given.count > 1 && given.last == "/" ? String(given.dropLast()) : given
        } else {
            guard let current = getcwd(nil, 0) else { throw Advice("there is no current folder") }
            defer { free(current) }
            path = String(cString: current) + "/" + given
        }
    }

    /// In every folder of ours, and held locked by the one who serves from it. A checkout or an installation has a
    /// settings file in the same place as we have; this it has not.
    private static let lockName = "serve.lock"

    /// Makes the folder if it is missing, and makes sure that it is ours.
    ///
    /// - Throws: ``Advice``; `SystemError`.
    func claim() throws -> Descriptor {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw Advice("\(path): \(String(cString: strerror(errno))); choose another folder by STATE=")
        }
        let folder = try orAdvice { () throws(SystemError) in try Descriptor.directory(path) }
        var status = stat()
        let isMarked =
            fstatat(folder.number, Self.lockName, &status, AT_SYMLINK_NOFOLLOW) == 0
            && status.st_mode & S_IFMT == S_IFREG
        // Somebody's folder of other things is not turned into ours, nor its owner changed.
        guard try isMarked || folder.entries().isEmpty else {
            throw Advice("\(path): is not empty and no state of ScriptRunner's; choose another folder by STATE=")
        }
        return folder
    }

    /// Takes the lock of the folder: one site is served from it at a time.
    ///
    /// - Parameter user: whom a fresh lock file is given to.
    /// - Throws: ``Advice`` when another holds it; `SystemError`.
    func lock(_ folder: borrowing Descriptor, for user: (number: uid_t, group: gid_t)?) throws -> Descriptor {
        let lock = try orAdvice { () throws(SystemError) in try StateFolder.openLock(folder, for: user) }
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else {
            throw Advice("\(path): a site is being served from here already; stop it, or choose another STATE=")
        }
        return lock
    }

    private func orAdvice(_ open: () throws(SystemError) -> Descriptor) throws(Advice) -> Descriptor {
        do throws(SystemError) { return try open() } catch {
            throw Advice("\(path): \(error.reason); change its owner, or choose another folder by STATE=")
        }
    }

    private static func openLock(
        _ folder: borrowing Descriptor, for user: (number: uid_t, group: gid_t)?
    ) throws(SystemError) -> Descriptor {
        do throws(SystemError) {
            let fresh = try folder.open(beneath: lockName, O_RDONLY | O_CREAT | O_EXCL)
            if let user { fchown(fresh.number, user.number, user.group) }
            return fresh
        } catch {
            guard error.code == EEXIST else { throw error }
            return try folder.open(beneath: lockName, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        }
    }

    /// Gives the folder, and what belongs to its present owner in it, to a user. Nothing of anybody else's changes
    /// hands, whatever the present owner does meanwhile: links are not followed, and a file with a second name
    /// elsewhere stays.
    func give(_ folder: borrowing Descriptor, to user: uid_t, _ group: gid_t) throws(SystemError) {
        let owner = try folder.status().st_uid
        guard owner != user else { return }
        try StateFolder.give(folder, of: owner, to: user, group)
    }

    private static func give(
        _ folder: borrowing Descriptor, of owner: uid_t, to user: uid_t, _ group: gid_t
    ) throws(SystemError) {
        for name in try folder.entries() {
            // Held open, what is looked at is what is given.
            guard let entry = try? folder.open(beneath: name, O_PATH | O_NOFOLLOW), let status = try? entry.status(),
                status.st_uid == owner
            else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                guard let child = try? folder.open(beneath: name, O_RDONLY | O_DIRECTORY),
                    let found = try? child.status(), found.st_uid == owner
                else { continue }
                try give(child, of: owner, to: user, group)
            } else if status.st_nlink == 1 {
                fchownat(entry.number, "", user, group, AT_EMPTY_PATH)
            }
        }
        guard fchown(folder.number, user, group) == 0 else { throw SystemError("fchown", nil) }
    }

    /// Makes what is missing in it, with the embedded defaults; what is there stays as it is.
    ///
    /// - Parameters:
    ///   - layout: where the examples come from.
    ///   - port: of the address that browsers use.
    /// - Throws: `SystemError`.
    func prepare(_ layout: Layout, port: Int) throws {
        let root = try Descriptor.directory(path)
        for (name, mode) in [
            ("etc", 0o755), ("db", 0o700), ("inbox", 0o700), ("outbox", 0o755), ("state", 0o700), ("mail", 0o755),
            ("log", 0o755), ("run", 0o755), ("httpd", 0o755),
        ] as [(String, mode_t)] {
            try root.makeDirectory(name, mode: mode)
        }
        for name in ["body", "fastcgi", "proxy", "uwsgi", "scgi"] {
            try root.open(beneath: "httpd", O_RDONLY | O_DIRECTORY).makeDirectory(name, mode: 0o700)
        }
        try root.open(beneath: "run", O_RDONLY | O_DIRECTORY).makeDirectory("fcgid", mode: 0o700)
        if try root.makeDirectory("scripts", mode: 0o755) {
            try copyFiles(from: layout.examples, to: scripts, mode: 0o755) { $0.mode & 0o100 != 0 }
            // What their examples name.
            try root.open(beneath: "scripts", O_RDONLY | O_DIRECTORY).makeDirectory("data", mode: 0o755)
            try copyFiles(from: layout.examples + "/data", to: scripts + "/data", mode: 0o644) { _ in true }
        }
        if try root.open(beneath: "inbox", O_RDONLY | O_DIRECTORY).makeDirectory("shared", mode: 0o755) {
            try copyFiles(from: layout.examples + "/data", to: path + "/inbox/shared", mode: 0o644) { _ in true }
        }
        try writeSettings(port: port)
    }

    private static let localAddress = "base_url=http://localhost:"

    private func writeSettings(port: Int) throws {
        let address = "http://localhost:\(port)"
        guard access(settingsFile, F_OK) == 0 else {
            let text = Settings.template(setting: ["base_url": address])
            return try replaceFile(settingsFile, with: Array(text.utf8))
        }
        // The port may be another this time; everything else in the file is the admin's.
        let bytes = try Descriptor.open(settingsFile, O_RDONLY).readAll(limit: 1 << 20)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        let changed = lines.map { line in
            guard line.hasPrefix(Self.localAddress) else { return String(line) }
            // A path that the admin has put behind it stays.
            return "base_url=\(address)" + line.dropFirst(Self.localAddress.count).drop(while: \.isNumber)
        }
        let text = changed.joined(separator: "\n")
        if Array(text.utf8) != bytes { try replaceFile(settingsFile, with: Array(text.utf8)) }
    }

    private func replaceFile(_ path: String, with bytes: [UInt8]) throws {
        let fresh = path + ".new"
        // What a broken start has left, or somebody has put there to have it written to.
        unlink(fresh)
        do {
            let file = try Descriptor.open(fresh, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try file.write(bytes)
            try file.sync()
        }
        guard rename(fresh, path) == 0 else { throw SystemError("rename", path) }
    }

    private func copyFiles(
        from source: String, to target: String, mode: mode_t,
        where isWanted: (_ status: (mode: mode_t, size: Int)) -> Bool
    ) throws {
        guard let folder = try? Descriptor.directory(source) else { return }
        let into = try Descriptor.directory(target)
        for name in try folder.entries() {
            guard let file = try? folder.open(beneath: name, O_RDONLY | O_NONBLOCK), let status = try? file.status(),
                status.st_mode & S_IFMT == S_IFREG, isWanted((status.st_mode, Int(status.st_size)))
            else { continue }
            let copy = try into.open(beneath: name, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
            try copy.write(try file.readAll(limit: 64 << 20))
            fchmod(copy.number, mode)
        }
    }
}
