import Linux
import TestSupport
import Testing

@Suite struct `Deleting a tree` {
    let scratch = ScratchDirectory()

    init() { mkdir(scratch("tree"), 0o755) }

    /// A file of 10,000 bytes.
    func write(_ name: String) throws {
        try Descriptor.open(scratch(name), O_WRONLY | O_CREAT).write(Array(repeating: 7, count: 10_000))
    }

    func remove() throws -> Int64 { try Descriptor.directory(scratch.path).remove(Array("tree".utf8)) }
    func isThere(_ name: String) -> Bool {
        var status = stat()
        return lstat(scratch(name), &status) == 0
    }

    @Test func `deletes links and never what they lead to`() throws {
        mkdir(scratch("elsewhere"), 0o755)
        try write("elsewhere/kept")
        symlink(scratch("elsewhere"), scratch("tree/folder"))
        symlink("../elsewhere/kept", scratch("tree/file"))
        link(scratch("elsewhere/kept"), scratch("tree/second name"))
        mkfifo(scratch("tree/pipe"), 0o600)
        _ = try remove()
        #expect(!isThere("tree"))
        #expect(isThere("elsewhere/kept"))
        // Of a link to the folder itself, only the link goes.
        symlink("elsewhere", scratch("tree"))
        _ = try remove()
        #expect(!isThere("tree"))
        #expect(isThere("elsewhere/kept"))
    }

    @Test func `frees what the measure told before, and counts no file that has another name`() throws {
        mkdir(scratch("tree/a"), 0o755)
        try write("tree/a/b")
        let measured = try Descriptor.directory(scratch.path).allocated(Array("tree".utf8))
        #expect(measured >= 10_000)
        try write("other")
        link(scratch("other"), scratch("tree/other"))
        #expect(try Descriptor.directory(scratch.path).allocated(Array("tree".utf8)) == measured)
        #expect(try remove() == measured)
        #expect(try remove() == 0)
    }

    @Test func `gets to the bottom of a tree that is deeper than descriptors and paths go`() throws {
        // Each level costs some descriptors, and a process has a thousand.
        var here = try Descriptor.directory(scratch("tree"))
        for level in 1...3000 {
            try here.makeDirectory("d", mode: 0o755)
            if level % 100 == 0 { _ = try here.open(beneath: "file", O_WRONLY | O_CREAT) }
            here = try here.open(beneath: "d", O_RDONLY | O_DIRECTORY)
        }
        _ = try Descriptor.directory(scratch.path).allocated(Array("tree".utf8))
        _ = try remove()
        #expect(!isThere("tree"))
    }

    @Test func `opens folders that their owner closed`() throws {
        giveAway(scratch.path)
        giveAway(scratch("tree"))
        try asOrdinaryUser {
            mkdir(scratch("tree/closed"), 0o755)
            mkdir(scratch("tree/closed/inner"), 0o755)
            chmod(scratch("tree/closed/inner"), 0o000)
            chmod(scratch("tree/closed"), 0o000)
            _ = try remove()
            #expect(!isThere("tree"))
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root can make what its owner cannot delete"))
    func `deletes all it can before it tells what it could not`() throws {
        for name in ["tree/a", "tree/m", "tree/m/roots", "tree/z"] {
            mkdir(scratch(name), 0o755)
            // Another test may have set the umask.
            chmod(scratch(name), 0o755)
        }
        for path in [scratch.path, scratch("tree"), scratch("tree/a"), scratch("tree/z")] { giveAway(path) }
        asOrdinaryUser {
            let error = #expect(throws: SystemError.self) { try remove() }
            #expect(error?.subject == "roots")
            #expect(!isThere("tree/a"))
            #expect(isThere("tree/m/roots"))
            #expect(!isThere("tree/z"))
        }
    }

    @Test func `copes with more entries than one reading of the directory returns`() throws {
        let tree = try Descriptor.directory(scratch("tree"))
        for number in 1...5000 { _ = try tree.open(beneath: "file with a long name, number \(number)", O_CREAT) }
        #expect(try tree.entries().count == 5000)
        #expect(throws: SystemError.self) { try tree.entries(limit: 4999) }
        _ = try remove()
        #expect(!isThere("tree"))
    }
}
