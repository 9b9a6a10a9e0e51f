import Linux
import TestSupport
import Testing

@testable import FileStore

@Suite struct `The outbox` {
    static let uid = "0123456789abcdef0123456789abcdef"
    let scratch = ScratchDirectory()
    var outbox: Outbox { Outbox(root: scratch("outbox")) }
    var folder: String { scratch("outbox/\(Self.uid)") }

    init() throws {
        mkdir(scratch("outbox"), 0o700)
        _ = try outbox.make(Self.uid)
    }

    func write(_ path: String, _ content: String = "x") throws {
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).write(Array(content.utf8))
    }

    func names() throws -> [String] { try outbox.outputs(of: Self.uid).files.map(\.displayName) }

    func read(_ segments: [String]) throws -> [UInt8]? { try read(segments.map { Array($0.utf8) }) }
    func read(_ segments: [FileName]) throws -> [UInt8]? {
        guard let output = outbox.open(Self.uid, segments) else { return nil }
        return try output.release().readAll(limit: 1 << 20)
    }

    @Test func `makes a folder that the web server's group may look into, empty`() throws {
        try write(folder + "/left")
        mkdir(folder + "/closed", 0o000)
        #expect(try outbox.make(Self.uid) == folder)
        #expect(try Descriptor.directory(folder).entries() == [])
        var status = stat()
        #expect(stat(folder, &status) == 0 && status.st_mode & 0o7777 == 0o2750)
    }

    @Test func `lists files in folders too, sorted by path, with their sizes`() throws {
        mkdir(folder + "/plots", 0o755)
        mkdir(folder + "/plots/deep", 0o755)
        mkdir(folder + "/empty", 0o755)
        try write(folder + "/z.txt", "12345")
        try write(folder + "/plots/b.png", "")
        try write(folder + "/plots/deep/a.png", "1")
        try write(folder + "/.hidden")
        let (files, isPartial) = try outbox.outputs(of: Self.uid)
        #expect(files.map(\.displayName) == [".hidden", "plots/b.png", "plots/deep/a.png", "z.txt"])
        #expect(files.map(\.size) == [1, 0, 1, 5])
        #expect(!isPartial)
        for file in files { #expect(try read(file.segments)?.count == Int(file.size)) }
        let path = outbox.open(Self.uid, files[2].segments)?.path
        #expect(path == Array("\(folder)/plots/deep/a.png".utf8))
    }

    @Test func `keeps names that are no text`() throws {
        let name: FileName = [0x62, 0xFF, 0x0A, 0x25, 0x80]
        let here = try Descriptor.directory(folder)
        try here.open(beneath: name, O_WRONLY | O_CREAT).write([1, 2, 3])
        let (files, _) = try outbox.outputs(of: Self.uid)
        #expect(files == [OutputFile(segments: [name], size: 3)])
        #expect(files[0].displayName == "b\u{FFFD}\n%\u{FFFD}")
        #expect(try read([name]) == [1, 2, 3])
    }

    @Test func `neither shows nor sends what is no regular file with this one name`() throws {
        try write(scratch("secret"), "secret")
        try write(folder + "/twin")
        mkdir(scratch("outside"), 0o755)
        try write(scratch("outside/file"))
        symlink(scratch("secret"), folder + "/absolute")
        symlink("../../secret", folder + "/relative")
        symlink("twin", folder + "/inner")
        symlink(scratch("outside"), folder + "/folder")
        symlink("/proc/self/root/etc/passwd", folder + "/magic")
        link(scratch("secret"), folder + "/hard")
        link(folder + "/twin", folder + "/sibling")
        mkfifo(folder + "/pipe", 0o600)
        #expect(try names() == [])
        for name in ["absolute", "relative", "inner", "magic", "hard", "twin", "sibling", "pipe"] {
            #expect(try read([name]) == nil, "\(name)")
        }
        #expect(try read(["folder", "file"]) == nil)
        // A name that was the second is the only one once the first is gone.
        unlink(folder + "/sibling")
        #expect(try names() == ["twin"])
    }

    @Test func `is not left by any path`() throws {
        mkdir(folder + "/plots", 0o755)
        try write(folder + "/result", "mine")
        try write(folder + "/plots/a")
        let other = String(repeating: "a", count: 32)
        try write(try outbox.make(other) + "/result", "another's")
        #expect(try read(["result"]) == Array("mine".utf8))
        for path in [
            [], [""], ["."], [".."], ["..", other, "result"], ["plots", "..", "..", other, "result"], ["/etc/passwd"],
            ["", "etc", "passwd"], ["plots"], ["result", ""], ["nothing"],
            // Ways to a file of the job's own under another name than the list shows: refused as well.
            ["plots", "..", "result"], [".", "result"], ["plots/a"], ["", "result"], ["result\u{0}.html"],
        ] {
            #expect(try read(path) == nil, "\(path)")
        }
    }

    @Test func `has no outputs of a job without a folder, or with a link for one`() throws {
        #expect(try outbox.outputs(of: String(repeating: "b", count: 32)).files == [])
        mkdir(scratch("outside"), 0o755)
        try write(scratch("outside/file"))
        let linked = String(repeating: "c", count: 32)
        symlink(scratch("outside"), scratch("outbox/\(linked)"))
        #expect(try outbox.outputs(of: linked).files == [])
        if let _ = outbox.open(linked, [Array("file".utf8)]) { Issue.record("opened") }
    }

    @Test func `tells when there is more than it lists`() throws {
        for number in 0..<Outbox.mostFiles { try write("\(folder)/\(number)", "") }
        #expect(try outbox.outputs(of: Self.uid).isPartial == false)
        try write(folder + "/one more")
        let (files, isPartial) = try outbox.outputs(of: Self.uid)
        #expect(files.count == Outbox.mostFiles && isPartial)
    }

    @Test func `tells when folders are too deep to look into`() throws {
        var path = folder
        for _ in 0...Outbox.deepest {
            try write(path + "/file")
            path += "/d"
            mkdir(path, 0o755)
        }
        #expect(try outbox.outputs(of: Self.uid).files.count == Outbox.deepest + 1)
        #expect(try outbox.outputs(of: Self.uid).isPartial)
    }

    @Test func `deletes a job's folder, and what is gone already is fine`() throws {
        try write(folder + "/result")
        try outbox.remove(Self.uid)
        try outbox.remove(Self.uid)
        #expect(try Descriptor.directory(scratch("outbox")).entries() == [])
    }
}
