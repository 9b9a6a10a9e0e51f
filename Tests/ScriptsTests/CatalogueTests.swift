import Linux
import TestSupport
import Testing

@testable import Scripts

@Suite struct `The catalogue of scripts` {
    let scratch = ScratchDirectory()
    let catalogue: Catalogue

    init() {
        chmod(scratch.path, 0o755)
        mkdir(scratch("scripts"), 0o755)
        chmod(scratch("scripts"), 0o755)
        catalogue = Catalogue(directory: scratch("scripts"), style: AnnotationStyle())
    }

    private func path(_ name: String) -> String { scratch("scripts/" + name) }

    private func write(_ name: String, _ text: String = "#!/bin/sh\n", mode: mode_t = 0o755) throws {
        let file = try Descriptor.open(path(name), O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(text.utf8)
        fchmod(file.number, mode)
    }

    private func names() throws -> [String] { try catalogue.scripts().map(\.name) }

    @Test func `offers every executable regular file by name, with annotations or without`() throws {
        try write("b.sh", "##~~ About\n##~~ input - a file\n")
        try write("a")
        try write("Zähler v2.py")

        let scripts = try catalogue.scripts()

        #expect(scripts.map(\.name) == ["Zähler v2.py", "a", "b.sh"])
        #expect(scripts.map(\.path) == [path("Zähler v2.py"), path("a"), path("b.sh")])
        #expect(scripts[2].about == ["About"])
        #expect(scripts[2].parameters.map(\.name) == ["input"])
        #expect(scripts[1].parameters == [])
        #expect(try catalogue.problems() == [])
        #expect(catalogue.script(named: "b.sh") == scripts[2])
    }

    @Test func `offers nothing else`() throws {
        try write("README", mode: 0o644)
        try write(".hidden")
        try write(".\u{301}hidden")
        try write("bell\u{7}")
        try write("line\nbreak")
        mkdir(path("folder"), 0o755)
        try write("folder/inside")
        mkfifo(path("pipe"), 0o777)
        symlink("missing", path("dangling"))
        symlink("loop", path("loop"))
        symlink("folder", path("link-to-folder"))
        symlink("README", path("link-to-text"))

        #expect(try names() == [])
        #expect(try catalogue.problems() == [])
        for name in [
            "README", ".hidden", ".\u{301}hidden", "bell\u{7}", "folder", "folder/inside", "pipe", "dangling", "loop",
            "link-to-folder", "link-to-text", "", ".", "..", "../scripts/a", "missing",
        ] {
            #expect(catalogue.script(named: name) == nil)
        }
    }

    @Test func `offers what only its owner's group or others may run, if this program is among them`() throws {
        for (name, mode) in [("mine", 0o700), ("group", 0o070), ("others", 0o005), ("nobody", 0o644)] {
            try write(name, mode: mode_t(mode))
        }

        // The owner is this program when it is no root; the ordinary user is a stranger to files of root.
        let offered = try asOrdinaryUser { try names() }

        #expect(offered == (getuid() == 0 ? ["others"] : ["mine"]))
    }

    @Test func `follows links to scripts that lie elsewhere`() throws {
        let elsewhere = scratch("original")
        try Descriptor.open(elsewhere, O_WRONLY | O_CREAT, mode: 0o755).write("##~~ n - a number\n".utf8)
        symlink(elsewhere, path("linked"))

        let script = try #require(catalogue.script(named: "linked"))

        #expect(script.name == "linked")
        #expect(script.path == path("linked"))
        #expect(script.parameters.map(\.name) == ["n"])
        #expect(try names() == ["linked"])
        #expect(catalogue.snapshot(of: script)?.content == Array("##~~ n - a number\n".utf8))
    }

    @Test func `shows an edit at once, however soon after the last one and of the same length`() throws {
        for round in 100...400 {
            try write("a", "##~~ p\(round) - x\n")
            #expect(catalogue.script(named: "a")?.parameters.first?.name == "p\(round)")
            #expect(try catalogue.scripts().first?.parameters.first?.name == "p\(round)")
        }
    }

    @Test func `shows at once what was replaced, made executable, or removed`() throws {
        try write("a", "##~~ x - 1\n")
        try write("b", "##~~ y - 1\n", mode: 0o644)
        #expect(try names() == ["a"])

        chmod(path("b"), 0o755)
        #expect(try names() == ["a", "b"])

        rename(path("b"), path("a"))
        #expect(catalogue.script(named: "a")?.parameters.map(\.name) == ["y"])
        #expect(catalogue.script(named: "b") == nil)
        #expect(try names() == ["a"])

        chmod(path("a"), 0o644)
        #expect(catalogue.script(named: "a") == nil)
        #expect(try names() == [])

        chmod(path("a"), 0o755)
        unlink(path("a"))
        #expect(try names() == [])
        #expect(catalogue.script(named: "a") == nil)
    }

    @Test func `does not read again what has not changed`() throws {
        try write("a", "##~~ x - 1\n")
        try waitUntil("the file's last change is past") {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME_COARSE, &now)
            var status = stat()
            stat(path("a"), &status)
            return (status.st_ctim.tv_sec, status.st_ctim.tv_nsec) < (now.tv_sec, now.tv_nsec)
        }
        #expect(try names() == ["a"])
        let watch = Descriptor(owning: inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)))
        inotify_add_watch(watch.number, path("a"), UInt32(IN_OPEN))

        #expect(try names() == ["a"])
        #expect(catalogue.script(named: "a") != nil)

        var event = [UInt8](repeating: 0, count: 1024)
        #expect(code { _ = try event.withUnsafeMutableBytes { try watch.read(into: $0) } } == EAGAIN)
    }

    @Test func `hides a script with a bad annotation and tells the admin file, line and reason`() throws {
        try write("good")
        try write("bad", "#!/bin/sh\n##~~ x - 1\n##~~ x - 2\n")
        try write("worse", "##~~ - 2\n")

        #expect(try names() == ["good"])
        #expect(catalogue.script(named: "bad") == nil)
        #expect(
            try catalogue.problems().map(\.description) == [
                path("bad") + ":3:6: x is described in line 2 already",
                path("worse") + ":1:6: the name before the dash is missing",
            ])

        try write("bad", "#!/bin/sh\n##~~ x - 1\n")
        #expect(try names() == ["bad", "good"])
        #expect(try catalogue.problems().count == 1)
    }

    @Test func `tells the admin what cannot be read, or is no script any more by its length`() throws {
        try write("long", String(repeating: "#", count: Catalogue.longestScript + 1))
        try write("longest", String(repeating: "#", count: Catalogue.longestScript))
        try write("secret", mode: 0o711)

        let problems = try asOrdinaryUser { try catalogue.problems().map(\.description) }

        if getuid() == 0 {
            let secret = path("secret")
            #expect(problems.contains("\(secret): cannot be read: open \(secret): Permission denied"))
        }
        #expect(problems.contains(path("long") + ": is longer than 1048576 bytes"))
        #expect(try names().contains("longest"))
    }

    @Test func `is an error when its folder cannot be read`() {
        let missing = Catalogue(directory: scratch("missing"), style: AnnotationStyle())

        #expect(code { _ = try missing.scripts() } == ENOENT)
        #expect(code { _ = try missing.problems() } == ENOENT)
        #expect(missing.script(named: "a") == nil)
    }

    @Test func `of very many scripts goes through them once in a while, and misses none that comes or goes`() throws {
        for number in 0...Catalogue.few { try write("script-\(number)", "##~~ About \(number).\n") }
        #expect(try catalogue.scripts().count == Catalogue.few + 1)
        // Within the step of the clock that files are told by, nothing is kept; later it is.
        var latest = 0
        repeat {
            latest += 1
            try write("script-0", "##~~ Edit \(latest).\n")
        } while try catalogue.scripts()[0].about == ["Edit \(latest)."] && latest < 100_000
        #expect(latest < 100_000)
        #expect(catalogue.script(named: "script-0")?.about == ["Edit \(latest)."])
        try write("another")
        #expect(try names().contains("another"))
        #expect(try catalogue.scripts().first { $0.name == "script-0" }?.about == ["Edit \(latest)."])
    }

    @Test func `finds scripts by all of the words`() throws {
        try write("align.sh", "##~~ @syntax 2\n##~~ @title Align reads\n##~~ @tags genomics\n##~~ @about Maps them.\n")
        let script = try #require(catalogue.script(named: "align.sh"))
        for words in ["", "align", "READS align", "genom maps", ".sh"] {
            #expect([script].found(by: words) == [script], "\(words)")
        }
        for words in ["other", "align other", "readss", "readsgenomics"] {
            #expect([script].found(by: words) == [], "\(words)")
        }
    }
}

@Suite struct `A snapshot of a script` {
    let scratch = ScratchDirectory()

    @Test func `is its bytes as they are now, with their SHA-256`() throws {
        let catalogue = Catalogue(directory: scratch.path, style: AnnotationStyle())
        try Descriptor.open(scratch("a"), O_WRONLY | O_CREAT, mode: 0o755).write("old".utf8)
        let script = try #require(catalogue.script(named: "a"))
        try Descriptor.open(scratch("a"), O_WRONLY | O_TRUNC).write("abc".utf8)

        let snapshot = try #require(catalogue.snapshot(of: script))

        #expect(snapshot.content == Array("abc".utf8))
        // The first example of FIPS 180.
        let digits = snapshot.hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(digits == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

        unlink(scratch("a"))
        #expect(catalogue.snapshot(of: script) == nil)
    }

    @Test func `does not wait for a writer when a pipe took the script's place`() throws {
        let catalogue = Catalogue(directory: scratch.path, style: AnnotationStyle())
        try Descriptor.open(scratch("a"), O_WRONLY | O_CREAT, mode: 0o755).write("old".utf8)
        let script = try #require(catalogue.script(named: "a"))
        unlink(scratch("a"))
        mkfifo(scratch("a"), 0o755)

        #expect(catalogue.snapshot(of: script)?.content ?? [] == [])
    }
}

/// What went wrong, of a call that has to fail.
private func code(_ body: () throws -> Void) -> CInt? {
    do {
        try body()
        return nil
    } catch { return (error as? SystemError)?.code }
}
