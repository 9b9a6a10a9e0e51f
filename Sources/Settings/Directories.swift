internal import Linux

extension Settings {
    /// What a program wants of a folder.
    public enum Use: Sendable {
        case read, write
    }

    /// The folders that a setting can name.
    public enum Place: String, Sendable {
        case inboxDir = "inbox_dir"
        case outboxDir = "outbox_dir"
        case scriptDir = "script_dir"
        case stateDir = "state_dir"
        case mailDir = "mail_dir"
        case databaseFolder = "path_to_db"
    }

    /// Makes sure before anything is served that the folders are there and can be used.
    ///
    /// - Throws: ``SettingsProblem`` naming file, line and key.
    public func check(_ places: [(Place, Use)]) throws(SettingsProblem) {
        for (place, use) in places {
            let path =
                switch place {
                case .inboxDir: inboxDir
                case .outboxDir: outboxDir
                case .scriptDir: scriptDir
                case .stateDir: stateDir
                case .mailDir: mailDir
                case .databaseFolder: parent(of: pathToDb)
                }
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw problem(
                    with: place.rawValue,
                    "\(path): \(String(cString: strerror(errno))); make the folder or correct the path")
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw problem(with: place.rawValue, "\(path) is no folder")
            }
            let wanted = use == .write ? R_OK | W_OK | X_OK : R_OK | X_OK
            guard access(path, wanted) == 0 else {
                let verb = use == .write ? "write to" : "read"
                throw problem(
                    with: place.rawValue, "\(path): user \(getuid()) cannot \(verb) it; change its owner or mode")
            }
        }
    }
}
