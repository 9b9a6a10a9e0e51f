import Linux

/// The programs that this build made, beside the tests.
public enum BuiltProgram {
    /// The full path of a program, where the ordinary user reaches it too.
    public static func path(_ name: String) -> String {
        guard isRoots else { return folder + "/" + name }
        return copies.path + "/" + name
    }

    /// The folder of the modules that this build made, for tests of what does not compile.
    public static var modules: String { folder + "/Modules" }

    /// Whether these tests run as root, also in a thread that is the ordinary user for a while.
    private static var isRoots: Bool {
        var (real, effective, saved) = (uid_t(1), uid_t(1), uid_t(1))
        getresuid(&real, &effective, &saved)
        return saved == 0
    }

    /// The checkout may lie where only root comes, so an ordinary user gets copies.
    private static let copies: ScratchDirectory = asRoot {
        let scratch = ScratchDirectory()
        chmod(scratch.path, 0o755)
        for name in ["supervisor", "worker", "mailer", "cleaner", "webprobe"] {
            guard let source = try? Descriptor.open(folder + "/" + name, O_RDONLY),
                let bytes = try? source.readAll(limit: 1 << 30),
                let copy = try? Descriptor.open(scratch(name), O_WRONLY | O_CREAT | O_EXCL, mode: 0o755)
            else { continue }
            try? copy.write(bytes)
            fchmod(copy.number, 0o755)
        }
        // What is static is never released.
        atexit { BuiltProgram.copies.remove() }
        return scratch
    }

    private static let folder: String = {
        // The test runner may be a helper of the toolchain; the bundle's own image tells where the build lies.
        var information = Dl_info()
        guard dladdr(#dsohandle, &information) != 0, let name = information.dli_fname else { fatalError("dladdr") }
        let path = String(cString: name)
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))!
        return String(path[..<slash])
    }()
}

/// An ordinary user to run programs as that refuse root: nobody.
public let ordinaryUser: uid_t = 65534

/// Gives a file or folder to the ordinary user, if these tests run as root.
public func giveAway(_ path: String) {
    guard getuid() == 0 else { return }
    guard chown(path, ordinaryUser, ordinaryUser) == 0 else { fatalError("chown \(path)") }
}

/// Runs `body` as root in a thread that is the ordinary user for a while.
private func asRoot<Result>(_ body: () -> Result) -> Result {
    guard geteuid() != 0 else { return body() }
    clinux_thread_setresuid(0, 0, 0)
    clinux_thread_setresgid(0, 0, 0)
    defer {
        clinux_thread_setresgid(ordinaryUser, ordinaryUser, 0)
        clinux_thread_setresuid(ordinaryUser, ordinaryUser, 0)
    }
    return body()
}

/// Runs `body` as the ordinary user, if these tests run as root: only this thread, and only its file system identity and
/// what it starts.
public func asOrdinaryUser<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard getuid() == 0 else { return try body() }
    // The raw system calls change one thread; glibc's wrappers would change all.
    clinux_thread_setresgid(ordinaryUser, ordinaryUser, 0)
    clinux_thread_setresuid(ordinaryUser, ordinaryUser, 0)
    defer {
        clinux_thread_setresuid(0, 0, 0)
        clinux_thread_setresgid(0, 0, 0)
    }
    return try body()
}
