internal import EventLog
internal import Linux
internal import Settings

/// The pages and the worker of an installed ScriptRunner, behind a web server that is there anyway.
struct InstalledSite {
    /// The folder of the pages' sockets; `none` when the web server starts the pages itself.
    let sockets: String

    /// Serves until a signal says stop. Returns the exit status.
    ///
    /// - Throws: ``Advice``, `SettingsProblem`, `SystemError`.
    func serve() throws -> CInt {
        guard getuid() != 0 else {
            throw Advice("serve: nothing of ScriptRunner runs as root; start it as its own user")
        }
        let layout = Layout.current
        let settings = try Settings.load()
        try settings.check([
            (.stateDir, .write), (.databaseFolder, .write), (.inboxDir, .write), (.outboxDir, .write),
            (.scriptDir, .read),
        ])
        umask(0o027)
        let environment = programEnvironment(settings: settings.file)
        var children = [Child("worker", layout.programs + "/worker", environment: environment, output: 2)]
        if sockets != "none" {
            guard let folder = try? Descriptor.directory(sockets) else {
                throw Advice("serve: \(sockets): \(String(cString: strerror(errno))); make the folder for the sockets")
            }
            // Two that serve from one folder would take each other's sockets away. Held as long as we live.
            guard flock(folder.number, LOCK_EX | LOCK_NB) == 0 else {
                throw Advice("serve: \(sockets): somebody serves from here already; stop it first")
            }
            // The web server's user is in our group.
            children += try pageChildren(layout, listeningIn: folder, mode: 0o660, environment, output: 2)
            _ = folder.release()
        }
        var family = try Family(children, log: EventLog(program: "scriptrunner", now: Instant.now))
        let outcome = family.keep { true }
        family.dismiss()
        switch outcome {
        case .toldToStop: return 0
        case .refused(let name), .failed(let name): throw Advice("\(name) does not start; see above")
        }
    }
}

/// The page programs, each with its socket in `folder`. The sockets stay open as long as we live, so that a visitor
/// waits while a program is started again, and is not refused.
///
/// - Parameter mode: who may connect.
func pageChildren(
    _ layout: Layout, listeningIn folder: borrowing Descriptor, mode: mode_t, _ environment: [String], output: CInt
) throws -> [Child] {
    var children: [Child] = []
    for page in Layout.pages {
        let listener = try Sockets.listen("\(page).sock", in: folder, mode: mode)
        children.append(
            Child(
                page, "\(layout.cgiBin)/\(page)", environment: environment, input: listener.release(), output: output))
    }
    return children
}
