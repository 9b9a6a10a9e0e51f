import Linux
import SQLite
import Storage
import TestSupport
import Testing

@testable import FileStore

@Suite struct `The inbox` {
    let site: InboxFixture
    init() throws { site = try InboxFixture() }

    @Test func `shows each user their own files, the latest first`() throws {
        let files = try ["a", "b", "a"].map { try site.keep($0) }
        let other = try site.keep("a", of: site.grace)
        #expect(try site.inbox.files(of: site.ada) == files.reversed())
        #expect(try site.inbox.files(of: site.ada, limit: 1) == [files[2]])
        #expect(try site.inbox.files(of: site.grace) == [other])
        #expect(try site.inbox.file(other.id, of: site.grace) == other)
        #expect(try site.inbox.file(other.id, of: site.ada) == nil)
        #expect(try site.inbox.file(FileID(99), of: site.ada) == nil)
    }

    @Test func `opens a file that is one, and nothing that has taken its place`() throws {
        let file = try site.keep()
        let place = site.scratch("inbox/1/\(file.uid)/data.txt")
        #expect(try site.inbox.open(file).readAll(limit: 100) == Array("content".utf8))
        site.write("secret")
        for replacement in [
            { unlink(place) }, { symlink(site.scratch("secret"), place) },
            {
                unlink(place)
                return mkfifo(place, 0o600)
            },
            {
                unlink(place)
                return mkdir(place, 0o700)
            },
        ] as [() -> CInt] {
            #expect(replacement() == 0)
            #expect(throws: SystemError.self) { _ = try site.inbox.open(file) }
            #expect(site.inbox.path(of: file) == nil)
        }
    }

    @Test func `deletes a file with its folder, and leaves its name with past jobs`() throws {
        let file = try site.keep()
        let other = try site.keep()
        let job = try site.queue(reading: file)
        try site.move(job, to: "cancelled")
        #expect(try site.inbox.delete(file) == .deleted)
        #expect(!site.isThere("inbox/1/\(file.uid)"))
        #expect(try site.inbox.files(of: site.ada) == [other] && site.inbox.path(of: other) != nil)
        let left = try site.database.first("SELECT value, file_id FROM job_parameters WHERE job_id = \(job)") {
            ($0.text(0), $0.isNull(1))
        }
        #expect(left?.0 == "data.txt" && left?.1 == true)
        // The page may have been sent twice.
        #expect(try site.inbox.delete(file) == .deleted)
    }

    @Test func `refuses to delete a file that a job uses which is not over`() throws {
        let file = try site.keep()
        let job = try site.queue(reading: file)
        for state in ["starting", "running", "stopping"] {
            #expect(try site.inbox.delete(file) == .inUse(by: job))
            #expect(site.inbox.path(of: file) != nil)
            try site.move(job, to: state)
        }
        #expect(try site.inbox.delete(file) == .inUse(by: job))
        try site.move(job, to: "lost")
        #expect(try site.inbox.delete(file) == .deleted)
    }

    @Test func `shows of the shared folder regular files alone, and nothing hidden`() throws {
        #expect(try site.inbox.sharedFiles() == [])
        for name in ["genome.fa", "日本 語", ".hidden", "bad\nname", "b"] { site.write("inbox/shared/\(name)", "12345") }
        let odd = FileName([0x61, 0xFF, 0x62])
        _ = try Descriptor.directory(site.scratch("inbox/shared")).open(beneath: odd, O_WRONLY | O_CREAT)
        site.write("secret")
        symlink(site.scratch("secret"), site.scratch("inbox/shared/link"))
        symlink("b", site.scratch("inbox/shared/near link"))
        mkdir(site.scratch("inbox/shared/folder"), 0o700)
        mkfifo(site.scratch("inbox/shared/pipe"), 0o600)
        let files = try site.inbox.sharedFiles()
        #expect(files.map(\.name) == ["b", "genome.fa", "日本 語"])
        #expect(files.allSatisfy { $0.size == 5 && Instant.now() - $0.changedAt < .hours(1) })
    }

    @Test(arguments: [
        "link", ".hidden", ".\u{301}hidden", "", ".", "..", "folder", "folder/inner", "../1/secret", "/etc/passwd",
        "b\u{0}", "b\n", "pipe",
    ]) func `finds no shared file by a name that leads elsewhere`(name: String) throws {
        for file in ["b", ".hidden", ".\u{301}hidden"] { site.write("inbox/shared/\(file)") }
        for folder in ["shared/folder", "1"] { mkdir(site.scratch("inbox/\(folder)"), 0o700) }
        site.write("inbox/shared/folder/inner")
        site.write("inbox/1/secret")
        symlink("b", site.scratch("inbox/shared/link"))
        mkfifo(site.scratch("inbox/shared/pipe"), 0o600)
        #expect(!site.inbox.hasShared(name))
        #expect(site.inbox.sharedPath(name) == nil)
        #expect(site.inbox.sharedPath("b") == site.scratch("inbox/shared/b"))
    }

    @Test func `has no shared files when the folder is missing or leads elsewhere`() throws {
        mkdir(site.scratch("elsewhere"), 0o700)
        site.write("elsewhere/file")
        rmdir(site.scratch("inbox/shared"))
        #expect(try site.inbox.sharedFiles() == [])
        symlink(site.scratch("elsewhere"), site.scratch("inbox/shared"))
        #expect(try site.inbox.sharedFiles() == [])
        #expect(!site.inbox.hasShared("file"))
    }
}
