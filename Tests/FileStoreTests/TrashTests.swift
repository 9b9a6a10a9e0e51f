import Linux
import Storage
import TestSupport
import Testing

@testable import FileStore

@Suite struct `A trash` {
    static let uid = "0123456789abcdef0123456789abcdef"
    let scratch = ScratchDirectory()
    let folder = InputFolder(owner: UserID(12), uid: uid)
    var trash: Trash<InputFolder> { Trash(root: scratch.path) }

    func make(_ path: String) throws {
        mkdir(scratch(path), 0o700)
        try Descriptor.open(scratch(path + "/file"), O_WRONLY | O_CREAT).write([1, 2, 3])
    }

    func isThere(_ path: String) -> Bool { access(scratch(path), F_OK) == 0 }

    init() throws {
        mkdir(scratch("12"), 0o700)
        try make(folder.path)
    }

    @Test func `takes a folder from its place, tells it, and gives it back`() throws {
        #expect(try trash.folders() == [])
        #expect(trash.isInPlace(folder) && trash.sizeInPlace(of: folder) > 0 && trash.size(of: folder) == 0)
        #expect(try trash.take(folder))
        #expect(!trash.isInPlace(folder) && trash.sizeInPlace(of: folder) == 0 && trash.size(of: folder) > 0)
        #expect(try trash.folders() == [folder])
        #expect(try !trash.take(folder))
        var status = stat()
        #expect(stat(scratch(".trash"), &status) == 0 && status.st_mode & 0o777 == 0o700)
        #expect(try trash.putBack(folder))
        #expect(isThere("12/\(Self.uid)/file"))
        #expect(try trash.folders() == [])
    }

    @Test func `never puts a folder back over another`() throws {
        try trash.take(folder)
        // Even an empty one, which a plain rename would replace.
        mkdir(scratch(folder.path), 0o700)
        #expect(try !trash.putBack(folder))
        #expect(try trash.folders() == [folder])
        #expect(!isThere("12/\(Self.uid)/file"))
    }

    @Test func `erases a folder, as often as it is told`() throws {
        let size = trash.sizeInPlace(of: folder)
        try trash.take(folder)
        #expect(try trash.erase(folder) == size)
        #expect(try trash.erase(folder) == 0)
        #expect(try trash.folders() == [])
    }

    @Test func `is no link to elsewhere`() throws {
        mkdir(scratch("elsewhere"), 0o700)
        symlink("elsewhere", scratch(".trash"))
        #expect(throws: SystemError.self) { try trash.take(folder) }
        #expect(throws: SystemError.self) { try trash.folders() }
        #expect(isThere("12/\(Self.uid)/file"))
    }

    @Test func `knows folders by their names alone`() {
        #expect(OutputFolder(nameInTrash: Self.uid)?.path == Self.uid)
        #expect(AttemptFolder(nameInTrash: Self.uid + ".7") == AttemptFolder(jobUID: Self.uid, number: 7))
        #expect(InputFolder(nameInTrash: "12.\(Self.uid)")?.path == "12/\(Self.uid)")
        for name in ["", Self.uid + "0", Self.uid.uppercased(), String(Self.uid.dropLast()), "\(Self.uid.dropLast())g"]
        {
            #expect(OutputFolder(nameInTrash: name) == nil)
        }
        for number in ["", ".", ".0", ".01", ".-1", ".+1", ".1.", ".1.1", ".x", ".99999999999999999999"] {
            #expect(AttemptFolder(nameInTrash: Self.uid + number) == nil)
        }
        for owner in ["", ".", "0.", "012.", "-1.", "x.", "1.2."] {
            #expect(InputFolder(nameInTrash: owner + Self.uid) == nil)
        }
    }
}
