import Linux
import TestSupport
import Testing

@testable import Execution

@Suite struct `Room for a job` {
    private func room(bytes: Int64, files: Int64?) -> Room {
        Room(
            folders: [("/a", "the outputs"), ("/b", "the database")], minFreeBytes: 1000, minFreeFiles: 10,
            space: { path in
                path == "/a" ? DiskSpace(free: 1 << 40, freeFiles: nil) : DiskSpace(free: bytes, freeFiles: files)
            })
    }

    @Test func `is there when every disk has the least that it must keep`() {
        #expect(room(bytes: 1000, files: 10).shortage() == nil)
        #expect(room(bytes: 1000, files: nil).shortage() == nil)
    }

    @Test func `is not there when any disk has less, and the sentence names it`() {
        #expect(
            room(bytes: 999, files: 10).shortage()
                == "The disk of the database is nearly full: 999 B are left, and jobs start only with 1.0 kB or more.")
        #expect(
            room(bytes: 1000, files: 9).shortage()
                == "The disk of the database can take only 9 more files, and jobs start only with 10 or more.")
    }

    @Test func `is asked of the real disk`() throws {
        let scratch = ScratchDirectory()
        let space = try DiskSpace(of: scratch.path)
        #expect(space.free > 0)
        #expect(throws: SystemError.self) { try DiskSpace(of: "/nowhere/at/all") }
    }
}
