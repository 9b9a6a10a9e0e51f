import Linux
import Sodium
import TestSupport
import Testing

@testable import FileStore

@Suite struct `An upload` {
    let site: InboxFixture
    init() throws { site = try InboxFixture() }

    func incoming() throws -> Int { try Descriptor.directory(site.scratch("inbox/.incoming")).entries().count }

    @Test func `becomes a file with its bytes, their number and their hash, however they came`() throws {
        let upload = try site.begin("../a b.txt")
        for piece in ["", "one", " two", "", " \u{0}three"] { try upload.add(piece) }
        #expect(upload.size == 14)
        let file = try site.inbox.keep(upload, for: week, at: noon)
        #expect(file.name == "a b.txt" && file.owner == site.ada && file.size == 14)
        #expect(file.sha256 == SHA256.hash(Array("one two \u{0}three".utf8)))
        #expect(file.createdAt == noon && file.expiresAt == noon + week)
        let path = try #require(site.inbox.path(of: file))
        #expect(path == site.scratch("inbox/1/\(file.uid)/a b.txt"))
        #expect(try site.read(path) == "one two \u{0}three")
        #expect(try incoming() == 0)
    }

    @Test func `may be empty`() throws {
        let file = try site.inbox.keep(site.begin(), for: week, at: noon)
        #expect(file.size == 0 && file.sha256 == SHA256.hash([]))
        #expect(try site.inbox.files(of: site.ada) == [file])
    }

    @Test func `is for its owner alone`() throws {
        let file = try site.keep()
        for (path, mode) in [
            ("inbox/.incoming", 0o700), ("inbox/1", 0o700), ("inbox/1/\(file.uid)", 0o700),
            ("inbox/1/\(file.uid)/data.txt", 0o600),
        ] as [(String, mode_t)] {
            var status = stat()
            #expect(lstat(site.scratch(path), &status) == 0)
            #expect(status.st_mode & 0o777 == mode, "\(path)")
        }
    }

    @Test func `takes what it may hold and not a byte more`() throws {
        let upload = try site.begin("big.bin", most: 5)
        try upload.add("12345")
        let refusal = #expect(throws: Upload.Refusal.self) { try upload.add("6") }
        #expect(refusal?.sentence == "big.bin is too large: there is room for 5 bytes.")
        #expect(throws: Upload.Refusal.self) { try upload.add("") }
    }

    @Test func `leaves nothing when it is dropped or refused`() throws {
        do {
            let upload = try site.begin(most: 5)
            try upload.add("123")
            #expect(try incoming() == 1)
            #expect(throws: Upload.Refusal.self) { try upload.add("456") }
        }
        #expect(try incoming() == 0)
        #expect(try site.inbox.files(of: site.ada) == [])
        #expect(!site.isThere("inbox/1"))
    }

    @Test func `is refused at once when the disk would have too little left`() throws {
        let refusal = #expect(throws: Upload.Refusal.self) {
            try site.inbox.beginUpload(named: "a", by: site.ada, most: 100, leavingFree: .max)
        }
        #expect(refusal?.sentence.hasPrefix("The server's disk is nearly full") == true)
        #expect(try incoming() == 0)
    }

    @Test func `is refused at once when the disk could take too few files`() throws {
        let room = try #require(try DiskSpace(of: site.scratch.path).freeFiles)
        let refusal = #expect(throws: Upload.Refusal.self) {
            try site.inbox.beginUpload(named: "a", by: site.ada, most: 100, leavingFree: 0, files: Int(room) * 2 + 1)
        }
        #expect(refusal?.sentence.hasPrefix("The server's disk is nearly full") == true)
        #expect(try incoming() == 0)
        _ = try site.inbox.beginUpload(named: "a", by: site.ada, most: 100, leavingFree: 0, files: 1)
    }

    @Test func `does not mix with another of the same name at the same time`() throws {
        let first = try site.begin()
        let second = try site.begin()
        try first.add("first")
        try second.add("second")
        let files = try [first, second].map { try site.inbox.keep($0, for: week, at: noon) }
        #expect(try files.map { try site.read(#require(site.inbox.path(of: $0))) } == ["first", "second"])
        #expect(files[0].uid != files[1].uid)
    }

    @Test func `goes nowhere but below the inbox, whatever stands in its way`() throws {
        mkdir(site.scratch("elsewhere"), 0o700)
        symlink(site.scratch("elsewhere"), site.scratch("inbox/1"))
        let upload = try site.begin()
        #expect(throws: SystemError.self) { try site.inbox.keep(upload, for: week, at: noon) }
        symlink(site.scratch("elsewhere"), site.scratch("inbox/2"))
        rename(site.scratch("inbox/.incoming"), site.scratch("moved"))
        symlink(site.scratch("elsewhere"), site.scratch("inbox/.incoming"))
        #expect(throws: SystemError.self) { try site.begin() }
        #expect(try Descriptor.directory(site.scratch("elsewhere")).entries() == [])
    }
}
