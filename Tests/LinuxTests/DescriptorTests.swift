import Linux
import TestSupport
import Testing

/// What went wrong, of a call that has to fail.
func code(_ body: () throws -> Void) -> CInt? {
    do {
        try body()
        return nil
    } catch { return (error as? SystemError)?.code }
}

@Suite struct `Opening beneath a directory` {
    let scratch = ScratchDirectory()
    let root: String

    /// `root` holds a file, a folder with a file, and links; beside it lies what must not be reached.
    init() throws {
        root = scratch("root")
        for folder in ["root", "root/folder", "outside"] { mkdir(scratch(folder), 0o755) }
        for (file, content) in [
            ("root/file", "inside"), ("root/folder/file", "deeper"), ("outside/secret", "secret"),
        ] {
            try Descriptor.open(scratch(file), O_WRONLY | O_CREAT).write(content.utf8)
        }
        symlink("../outside", scratch("root/way-out"))
        symlink("../outside/secret", scratch("root/secret"))
        symlink(scratch("outside/secret"), scratch("root/absolute"))
        symlink("file", scratch("root/harmless"))
        symlink("/proc/self/root", scratch("root/magic"))
    }

    @Test(arguments: [
        ("file", "inside"), ("folder/file", "deeper"), ("folder/../file", "inside"), ("./file", "inside"),
    ])
    func `finds what is inside`(path: String, content: String) throws {
        let bytes = try Descriptor.directory(root).open(beneath: path, O_RDONLY).readAll(limit: 100)

        #expect(bytes == Array(content.utf8))
    }

    @Test(arguments: [
        ("../outside/secret", EXDEV), ("folder/../../outside/secret", EXDEV), ("..", EXDEV), ("/etc/passwd", EXDEV),
        ("/", EXDEV), ("way-out/secret", ELOOP), ("way-out", ELOOP), ("secret", ELOOP), ("absolute", ELOOP),
        ("magic/etc/passwd", ELOOP), ("harmless", ELOOP), ("", ENOENT), ("missing", ENOENT), ("file/more", ENOTDIR),
        ("file\0", EINVAL), ("folder\0/../../outside", EINVAL),
    ])
    func `refuses every way out, every link, and what the kernel would read otherwise`(path: String, why: CInt) throws {
        let directory = try Descriptor.directory(root)

        #expect(code { _ = try directory.open(beneath: path, O_RDONLY) } == why)
        #expect(code { _ = try directory.open(beneath: Array(path.utf8), O_RDONLY) } == why)
    }

    @Test func `refuses a link even where a file shall be made`() throws {
        symlink("../outside/new", scratch("root/new"))
        let directory = try Descriptor.directory(root)

        #expect(code { _ = try directory.open(beneath: "new", O_WRONLY | O_CREAT) } == ELOOP)
        #expect(code { _ = try directory.open(beneath: "../new", O_WRONLY | O_CREAT) } == EXDEV)
        #expect(access(scratch("outside/new"), F_OK) != 0)
    }

    @Test func `takes names that are no UTF-8`() throws {
        let name: FileName = [0x66, 0xFF, 0xC0]
        let directory = try Descriptor.directory(root)
        try directory.open(beneath: name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o400).write("bytes".utf8)

        let found = try directory.open(beneath: name, O_RDONLY)

        #expect(try found.readAll(limit: 10) == Array("bytes".utf8))
        #expect(try found.status().st_mode & 0o777 == 0o400)
        #expect(try directory.entries().contains(name))
    }

    @Test func `makes a file without a name in both ways of saying the path`() throws {
        let directory = try Descriptor.directory(root)

        for unnamed in [
            try directory.open(beneath: ".", O_WRONLY | O_TMPFILE, mode: 0o400).status(),
            try directory.open(beneath: [UInt8(ascii: ".")], O_WRONLY | O_TMPFILE, mode: 0o400).status(),
        ] {
            #expect(unnamed.st_nlink == 0)
            #expect(unnamed.st_mode & 0o777 == 0o400)
        }
    }
}

@Suite struct `A descriptor` {
    let scratch = ScratchDirectory()

    private func isOpen(_ number: CInt) -> Bool { clinux_fcntl_int(number, F_GETFD, 0) >= 0 }

    @Test func `is closed by every program that is started`() throws {
        mkdir(scratch("folder"), 0o755)
        let directory = try Descriptor.directory(scratch.path)
        let beneath = try directory.open(beneath: "folder", O_RDONLY | O_DIRECTORY)

        #expect(clinux_fcntl_int(directory.number, F_GETFD, 0) & FD_CLOEXEC != 0)
        #expect(clinux_fcntl_int(beneath.number, F_GETFD, 0) & FD_CLOEXEC != 0)
    }

    @Test func `is closed with its owner, unless it was released`() throws {
        // A pipe tells when its last writer is gone, however often the number is taken anew meanwhile.
        var ends: [CInt] = [0, 0]
        pipe2(&ends, O_CLOEXEC)
        let reader = Descriptor(owning: ends[0])
        do {
            let writer = Descriptor(owning: ends[1])
            try writer.write("x".utf8)
        }

        #expect(try reader.readAll(limit: 10) == [UInt8(ascii: "x")])

        let released = try Descriptor.directory(scratch.path).release()
        #expect(isOpen(released))
        close(released)
    }

    @Test func `says of a file that it is longer than was bargained for`() throws {
        try Descriptor.open(scratch("file"), O_WRONLY | O_CREAT).write([UInt8](repeating: 65, count: 40_000))

        #expect(try Descriptor.open(scratch("file"), O_RDONLY).readAll(limit: 40_000).count == 40_000)
        #expect(code { _ = try Descriptor.open(scratch("file"), O_RDONLY).readAll(limit: 39_999) } == EFBIG)
    }

    @Test func `names the call, the path and the reason when it cannot be had`() throws {
        let path = scratch("missing")
        do {
            _ = try Descriptor.open(path, O_RDONLY)
            Issue.record("there is no such file")
        } catch {
            #expect(error.code == ENOENT)
            #expect("\(error)" == "open \(path): No such file or directory")
        }
    }

    @Test func `says when it cannot be written`() throws {
        let reader = try Descriptor.open("/dev/null", O_RDONLY)
        let full = try Descriptor.open("/dev/full", O_WRONLY)

        #expect(code { try reader.write("x".utf8) } == EBADF)
        #expect(code { try full.write("x".utf8) } == ENOSPC)
    }
}

@Suite struct `A failed system call` {
    @Test func `is told with its subject, or without`() {
        #expect("\(SystemError("rename", "a.txt", code: EXDEV))" == "rename a.txt: Invalid cross-device link")
        #expect("\(SystemError("fsync", nil, code: EIO))" == "fsync: Input/output error")
        #expect(SystemError("fsync", nil, code: 99_999).reason == "Unknown error 99999")
    }

    @Test func `keeps errno as the call left it`() {
        _ = close(-1)

        #expect(SystemError("close", nil).code == EBADF)
    }

    @Test func `is repeated as long as it was only interrupted`() {
        var results = [(-1, EINTR), (-1, EINTR), (5, 0), (-1, EIO)][...]
        let call: () -> Int = {
            let (result, code) = results.removeFirst()
            errno = code
            return result
        }

        #expect(retryingOnInterrupt(call) == 5)
        #expect(retryingOnInterrupt(call) == -1)
        #expect(results.isEmpty)
    }
}

@Suite struct `A signal` {
    @Test func `is called by its usual name, or by its number`() {
        #expect(signalName(9) == "KILL")
        #expect(signalName(15) == "TERM")
        #expect(signalName(0) == "0")
        #expect(signalName(40) == "40")
        #expect(signalName(4000) == "4000")
    }
}

@Suite struct `A knock` {
    let scratch = ScratchDirectory()

    @Test func `is heard by whoever listens, however long the path is`() throws {
        var path = scratch.path
        for _ in 1...3 {
            path += "/" + String(repeating: "long", count: 40)
            mkdir(path, 0o755)
        }
        let directory = try Descriptor.directory(path)
        let isHeardByNobody = !knock(at: "bell", below: directory)
        #expect(isHeardByNobody)

        let listener = Descriptor(owning: socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        let bound = withSocketAddress("bell", below: directory) { address, size in
            bind(listener.number, __CONST_SOCKADDR_ARG(__sockaddr__: address), size)
        }
        #expect(bound == 0)
        let isHeard = knock(at: "bell", below: directory)
        #expect(isHeard)

        var heard: [UInt8] = [0, 0]
        let count = try heard.withUnsafeMutableBytes { try listener.read(into: $0) }
        #expect(heard[..<count] == [UInt8(ascii: "!")])
    }

    @Test func `never waits for one who does not listen`() throws {
        let directory = try Descriptor.directory(scratch.path)
        let listener = Descriptor(owning: socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        _ = withSocketAddress("bell", below: directory) { address, size in
            bind(listener.number, __CONST_SOCKADDR_ARG(__sockaddr__: address), size)
        }

        // A socket's queue holds a few hundred; the test ends because none of these blocks.
        var taken = 0
        while knock(at: "bell", below: directory) { taken += 1 }

        #expect(taken > 0)
    }
}
