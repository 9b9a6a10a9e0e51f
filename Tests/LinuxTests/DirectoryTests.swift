import Linux
import TestSupport
import Testing

@Suite struct `Listing a directory` {
    let scratch = ScratchDirectory()

    private func make(_ names: [FileName]) throws -> Descriptor {
        let directory = try Descriptor.directory(scratch.path)
        for name in names { _ = try directory.open(beneath: name, O_WRONLY | O_CREAT) }
        return directory
    }

    @Test func `gives all names by their bytes, hidden ones too, again and again`() throws {
        let names: [FileName] = ["b", "B", ".hidden", "ä", "...", "a b"].map { Array($0.utf8) } + [[0xFF]]
        let directory = try make(names)
        let sorted = names.sorted { $0.lexicographicallyPrecedes($1) }

        #expect(try directory.entries() == sorted)
        #expect(try directory.entries() == sorted)
    }

    @Test func `gives nothing of an empty one`() throws {
        #expect(try make([]).entries(limit: 0) == [])
    }

    @Test func `says that there are more than were bargained for`() throws {
        let directory = try make(["a", "b", "c"].map { Array($0.utf8) })

        #expect(try directory.entries(limit: 3).count == 3)
        #expect(code { _ = try directory.entries(limit: 2) } == EFBIG)
    }

    @Test func `is an error when it breaks off, not a short list`() throws {
        // The network folder of a process that is gone can be opened, but not be listed.
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawn(&pid, "/bin/sleep", nil, nil, &arguments, clinux_environ()) == 0)
        let folder = try Descriptor.directory("/proc/\(pid)/net")
        kill(pid, SIGKILL)
        var status: CInt = 0
        _ = retryingOnInterrupt { waitpid(pid, &status, 0) }

        #expect(code { _ = try folder.entries() } == EINVAL)
    }
}

@Suite struct `Making and moving in a directory` {
    let scratch = ScratchDirectory()

    @Test func `a folder is made once`() throws {
        let directory = try Descriptor.directory(scratch.path)

        #expect(try directory.makeDirectory("folder", mode: 0o700))
        #expect(try !directory.makeDirectory("folder", mode: 0o700))
        #expect(code { _ = try directory.makeDirectory("none/folder", mode: 0o700) } == ENOENT)
    }

    @Test func `a file moves from one to another`() throws {
        let directory = try Descriptor.directory(scratch.path)
        try directory.makeDirectory("folder", mode: 0o700)
        let folder = try directory.open(beneath: "folder", O_RDONLY | O_DIRECTORY)
        _ = try directory.open(beneath: "old", O_WRONLY | O_CREAT)

        try directory.rename(Array("old".utf8), to: folder, as: Array("new".utf8))

        #expect(try folder.entries() == [Array("new".utf8)])
        #expect(try directory.entries() == [Array("folder".utf8)])
        #expect(code { try directory.rename(Array("old".utf8), to: folder, as: Array("new".utf8)) } == ENOENT)
    }
}

@Suite struct `Deleting from a directory` {
    let scratch = ScratchDirectory()
    let tree = Array("tree".utf8)

    init() {
        mkdir(scratch("tree"), 0o755)
        giveAway(scratch.path)
        giveAway(scratch("tree"))
    }

    private var isGone: Bool {
        var status = stat()
        return lstat(scratch("tree"), &status) != 0 && errno == ENOENT
    }

    private func remove() throws { try Descriptor.directory(scratch.path).remove(tree) }

    private func touch(_ path: String) throws { _ = try Descriptor.open(scratch(path), O_WRONLY | O_CREAT) }

    @Test func `takes files, folders and all that is in them`() throws {
        for folder in ["tree/a", "tree/a/b", "tree/a/b/c", "tree/1", "tree/1/1", "tree/1/2", "tree/2"] {
            mkdir(scratch(folder), 0o755)
        }
        for file in ["tree/file", "tree/a/file", "tree/a/b/c/file", "tree/1/2/3", "tree/3"] { try touch(file) }
        mkfifo(scratch("tree/a/pipe"), 0o600)

        try remove()

        #expect(isGone)
    }

    @Test func `takes a file, and nothing that is gone already`() throws {
        try touch("file")
        let directory = try Descriptor.directory(scratch.path)

        for _ in 1...2 { try directory.remove(Array("file".utf8)) }

        #expect(try directory.entries() == [tree])
    }

    @Test func `takes links and leaves what they lead to`() throws {
        mkdir(scratch("outside"), 0o755)
        try touch("outside/file")
        mkdir(scratch("tree/folder"), 0o755)
        symlink("../outside", scratch("tree/link"))
        symlink("../../outside", scratch("tree/folder/link"))
        symlink("/nowhere", scratch("tree/folder/dangling"))

        try remove()

        #expect(isGone)
        #expect(access(scratch("outside/file"), F_OK) == 0)

        symlink("outside", scratch("tree"))
        try remove()
        #expect(isGone)
        #expect(access(scratch("outside/file"), F_OK) == 0)
    }

    @Test func `takes trees that are deeper than a program has descriptors`() async throws {
        // Names that the moved folders would like to have, too.
        mkdir(scratch("tree/2"), 0o755)
        try touch("tree/2/file")
        try touch("tree/3")
        var folder = try Descriptor.directory(scratch("tree"))
        for _ in 1...200 {
            try folder.makeDirectory("d", mode: 0o755)
            folder = try folder.open(beneath: "d", O_RDONLY | O_DIRECTORY)
        }

        // A process of its own, because the limit is the whole process's.
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            try Descriptor.directory(path).remove(Array("tree".utf8))
        }

        #expect(isGone)
    }

    @Test func `takes what not even its owner can read or change`() throws {
        try asOrdinaryUser {
            for folder in ["tree/a", "tree/a/b", "tree/a/b/c", "tree/empty"] { mkdir(scratch(folder), 0o755) }
            try touch("tree/a/b/c/file")
            for folder in ["tree/a/b/c", "tree/a/b", "tree/a", "tree/empty"] { chmod(scratch(folder), 0) }
            chmod(scratch("tree"), 0o500)

            try remove()
        }

        #expect(isGone)
    }

    @Test func `says what it may not take`() throws {
        guard getuid() == 0 else { return }
        mkdir(scratch("tree/roots"), 0o700)
        try Descriptor.open(scratch("tree/roots/file"), O_WRONLY | O_CREAT).write("x".utf8)

        asOrdinaryUser { #expect(code { try remove() } == EACCES) }

        #expect(access(scratch("tree/roots/file"), F_OK) == 0)
    }
}
