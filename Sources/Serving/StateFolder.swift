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
    var logFile: String { log + "/scriptrunner.log" }

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

    /// Makes the folder if it is missing, and makes sure that it is ours.
    ///
    /// - Throws: ``Advice``; `SystemError`.
    func claim() throws {
        guard mkdir(path, 0o755) != 0 else { return }
        guard errno == EEXIST else {
            throw Advice("\(path): \(String(cString: strerror(errno))); choose another folder by STATE=")
        }
        // Somebody's folder of other things is not turned into ours, nor its owner changed.
        let isOurs = try access(settingsFile, F_OK) == 0 || Descriptor.directory(path).entries().isEmpty
        guard isOurs else {
            throw Advice("\(path): is not empty and no state of ScriptRunner's; choose another folder by STATE=")
        }
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
        }
        if try root.open(beneath: "inbox", O_RDONLY | O_DIRECTORY).makeDirectory("shared", mode: 0o755) {
            try copyFiles(from: layout.examples + "/data", to: path + "/inbox/shared", mode: 0o644) { _ in true }
        }
        try writeSettings(port: port)
    }

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
            line.hasPrefix("base_url=http://localhost:") && !line.dropFirst(26).contains("/")
                ? "base_url=\(address)" : String(line)
        }
        let text = changed.joined(separator: "\n")
        if Array(text.utf8) != bytes { try replaceFile(settingsFile, with: Array(text.utf8)) }
    }

    private func replaceFile(_ path: String, with bytes: [UInt8]) throws {
        let fresh = path + ".new"
        do {
            let file = try Descriptor.open(fresh, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
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

    /// Gives the folder and all in it to a user, if it is another's. Links are not followed, and a file with a second name
    /// elsewhere is not given away: it could be anybody's.
    func give(to user: uid_t, _ group: gid_t) throws(SystemError) {
        let root = try Descriptor.directory(path)
        guard try root.status().st_uid != user else { return }
        try StateFolder.give(root, to: user, group)
    }

    private static func give(_ folder: borrowing Descriptor, to user: uid_t, _ group: gid_t) throws(SystemError) {
        for name in try folder.entries() {
            var status = stat()
            let number = folder.number
            guard name.terminated({ fstatat(number, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                try give(try folder.open(beneath: name, O_RDONLY | O_DIRECTORY), to: user, group)
            } else if status.st_nlink == 1 {
                _ = name.terminated { fchownat(number, $0, user, group, AT_SYMLINK_NOFOLLOW) }
            }
        }
        guard fchown(folder.number, user, group) == 0 else { throw SystemError("fchown", nil) }
    }
}
