import Linux
import Synchronization
import TestSupport
import Testing

@testable import Scripts

@Suite struct `A catalogue that was read` {
    let scratch = ScratchDirectory()
    let catalogue: Catalogue

    init() {
        chmod(scratch.path, 0o755)
        catalogue = Catalogue(directory: scratch.path, style: AnnotationStyle())
    }

    private func about(_ name: String) throws -> [String]? { try catalogue.scripts().first { $0.name == name }?.about }

    /// Writes into the file that is there, if there is one.
    private func write(_ name: String, _ about: String, mode: mode_t = 0o755) throws {
        try Self.write(scratch(name), about, mode: mode)
    }

    private static func write(_ path: String, _ about: String, mode: mode_t = 0o755) throws {
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        try file.write("##~~ \(about)\n".utf8)
        fchmod(file.number, mode)
    }

    private func fill(to count: Int = Catalogue.few + 1) throws {
        for number in 0..<count { try write("script-\(number)", "Number \(number).") }
    }

    /// Until then one more change would not show, so all is looked at each time.
    private func settle(_ name: String) throws {
        try waitUntil("the last change is past") {
            try #require(FileIdentity(of: scratch(name))).isOlder(than: FileIdentity.tick())
                && FileIdentity(Descriptor.directory(scratch.path).status()).isOlder(than: FileIdentity.tick())
        }
    }

    @Test(arguments: [1, Catalogue.few + 1])
    func `shows an edit that left name, inode, length and the time of the edit as they were`(count: Int) throws {
        try fill(to: count)
        try settle("script-\(count - 1)")
        #expect(try about("script-0") == ["Number 0."])
        let path = scratch("script-0")
        var before = stat()
        stat(path, &before)

        try write("script-0", "Number X.")
        var times = [before.st_atim, before.st_mtim]
        utimensat(AT_FDCWD, path, &times, 0)

        var after = stat()
        stat(path, &after)
        #expect((after.st_ino, after.st_size) == (before.st_ino, before.st_size))
        #expect((after.st_mtim.tv_sec, after.st_mtim.tv_nsec) == (before.st_mtim.tv_sec, before.st_mtim.tv_nsec))
        #expect(catalogue.script(named: "script-0")?.about == ["Number X."])
        try waitUntil("the list shows it") { try about("script-0") == ["Number X."] }
    }

    @Test func `shows in a list of very many what became a script, or ceased to be one, though no name came or went`()
        throws
    {
        try fill()
        try write("data", "No script yet.", mode: 0o644)
        symlink("elsewhere", scratch("linked"))
        mkdir(scratch("folder"), 0o755)
        try settle("data")
        let count = try catalogue.scripts().count
        #expect(count == Catalogue.few + 1)

        chmod(scratch("data"), 0o755)
        chmod(scratch("script-0"), 0o644)

        try waitUntil("the list shows both") {
            let names = try catalogue.scripts().map(\.name)
            return names.contains("data") && !names.contains("script-0") && names.count == count
        }
        // The name that the link leads to is hidden, so that it is the link alone that is shown.
        try write(".elsewhere", "Behind a link.")
        unlink(scratch("linked"))
        symlink(".elsewhere", scratch("linked"))
        #expect(try about("linked") == ["Behind a link."])
        try settle("linked")
        try write(".elsewhere", "Behind the same link.")
        try waitUntil("the list shows it") { try about("linked") == ["Behind the same link."] }
    }

    @Test func `notices that another folder took the place of its own`() throws {
        let (folder, other) = (scratch("scripts"), scratch("other"))
        for path in [folder, other] {
            mkdir(path, 0o755)
            for number in 0...Catalogue.few { try Self.write("\(path)/script-\(number)", name(of: path)) }
        }
        let catalogue = Catalogue(directory: folder, style: AnnotationStyle())
        #expect(try catalogue.scripts().allSatisfy { $0.about == ["scripts"] })

        rename(folder, scratch("old"))
        rename(other, folder)

        let scripts = try catalogue.scripts()
        #expect(scripts.count == Catalogue.few + 1 && scripts.allSatisfy { $0.about == ["other"] })
    }

    @Test func `tells names apart that look alike`() throws {
        let (composed, decomposed) = ("\u{E9}.sh", "e\u{301}.sh")
        try write(composed, "One letter.")
        try write(decomposed, "A letter and an accent.")
        try settle(decomposed)

        for _ in 1...2 {
            #expect(try catalogue.scripts().map(\.about) == [["A letter and an accent."], ["One letter."]])
            #expect(catalogue.script(named: composed)?.about == ["One letter."])
            #expect(catalogue.script(named: decomposed)?.about == ["A letter and an accent."])
        }
    }

    @Test(.enabled(if: getuid() == 0)) func `reads again what could not be read`() throws {
        try write("a", "For some.", mode: 0o711)
        try settle("a")
        #expect(try asOrdinaryUser { try catalogue.problems().count } == 1)

        #expect(try catalogue.problems() == [])
        #expect(try about("a") == ["For some."])
    }

    @Test func `is read once for all threads that want it first`() throws {
        try fill()
        try settle("script-\(Catalogue.few)")
        let watch = Descriptor(owning: inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)))
        inotify_add_watch(watch.number, scratch.path, UInt32(IN_OPEN))

        let catalogue = catalogue
        let failures = Atomic<Int>(0)
        withThreads(4) { _ in
            if (try? catalogue.scripts().count) != Catalogue.few + 1 { failures.add(1, ordering: .relaxed) }
        }

        #expect(failures.load(ordering: .relaxed) == 0)
        // One after another, so no event is merged with the one before it.
        var events = [UInt8](repeating: 0, count: 1 << 20)
        let size = try events.withUnsafeMutableBytes { try watch.read(into: $0) }
        var (at, opened) = (0, 0)
        while at < size {
            let event = events.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: inotify_event.self) }
            if event.mask & UInt32(IN_ISDIR) == 0 { opened += 1 }
            at += MemoryLayout<inotify_event>.size + Int(event.len)
        }
        #expect(opened == Catalogue.few + 1)
    }

    /// What is promised of a list of very many. Milliseconds.
    private static let second: Int64 = 1000

    @Test(arguments: [10, Catalogue.few + 1])
    func `shows each of its threads all edits in time, while names come and go`(count: Int) throws {
        try fill(to: count)
        let catalogue = catalogue
        let (edited, other) = (scratch("script-0"), scratch("other"))
        // What was written last, and what was written so long ago that everything has to show it.
        let latest = Atomic<Int>(0)
        let old = Atomic<Int>(0)
        let isDone = Atomic<Bool>(false)
        let failures = Atomic<Int>(0)
        try write("script-0", "0")

        withThreads(4) { index in
            do {
                guard index > 0 else {
                    defer { isDone.store(true, ordering: .releasing) }
                    let end = millisecondsSinceBoot() + 3 * Self.second
                    var written: [(edit: Int, at: Int64)] = []
                    while millisecondsSinceBoot() < end {
                        let edit = latest.load(ordering: .relaxed) + 1
                        try Self.write(edited + ".new", "\(edit)")
                        // Now a new file takes the place, now the same is written to.
                        if edit % 50 == 0 { rename(edited + ".new", edited) } else { try Self.overwrite(edited, edit) }
                        if edit % 70 == 0 { try Self.write(other, "Comes and goes.") } else { unlink(other) }
                        latest.store(edit, ordering: .releasing)
                        written.append((edit, millisecondsSinceBoot()))
                        while let first = written.first, first.at < millisecondsSinceBoot() - Self.second {
                            old.store(first.edit, ordering: .releasing)
                            written.removeFirst()
                        }
                        usleep(500)
                    }
                    return
                }
                while !isDone.load(ordering: .acquiring) {
                    let (newest, oldest) = (latest.load(ordering: .acquiring), old.load(ordering: .acquiring))
                    let alone = catalogue.script(named: "script-0")?.about.first.flatMap { Int($0) }
                    let scripts = try catalogue.scripts().filter { $0.name.hasPrefix("script-") }
                    let listed = scripts.first { $0.name == "script-0" }?.about.first.flatMap { Int($0) }
                    let due = count > Catalogue.few ? oldest : newest
                    if (alone ?? -1) < newest || (listed ?? -1) < due || scripts.count < count {
                        failures.add(1, ordering: .relaxed)
                    }
                }
            } catch { failures.add(1, ordering: .relaxed) }
        }

        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(old.load(ordering: .relaxed) > 0)
        #expect(catalogue.script(named: "script-0")?.about == ["\(latest.load(ordering: .relaxed))"])
    }

    /// In one step, so that nobody reads half of it.
    private static func overwrite(_ path: String, _ edit: Int) throws {
        try Descriptor.open(path, O_WRONLY).write("##~~ \(edit)\n".utf8)
    }

    @Test func `knows that whole seconds are no time of a change`() {
        var status = stat()
        status.st_ctim = timespec(tv_sec: 100, tv_nsec: 5)
        #expect(!FileIdentity(status).isOlder(than: timespec(tv_sec: 100, tv_nsec: 5)))
        #expect(FileIdentity(status).isOlder(than: timespec(tv_sec: 100, tv_nsec: 6)))
        status.st_ctim = timespec(tv_sec: 100, tv_nsec: 0)
        #expect(!FileIdentity(status).isOlder(than: timespec(tv_sec: 101, tv_nsec: 999_999_999)))
        #expect(FileIdentity(status).isOlder(than: timespec(tv_sec: 102, tv_nsec: 1)))
    }
}
