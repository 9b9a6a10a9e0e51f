import Linux
import TestSupport
import Testing

@testable import FileStore

@Suite struct `A secret` {
    let scratch = ScratchDirectory()
    var secrets: Secrets { Secrets(stateDirectory: scratch.path) }

    @Test func `is kept for our own user alone, until it is forgotten`() throws {
        let text = "päss\u{0}word \"'$("
        let name = try secrets.keep(text)
        let (path, found) = try #require(secrets.find(name))
        #expect(found == text && path == scratch("secrets/\(name)"))
        var (file, folder) = (stat(), stat())
        #expect(stat(path, &file) == 0 && stat(scratch("secrets"), &folder) == 0)
        #expect(file.st_mode & 0o7777 == 0o600 && folder.st_mode & 0o7777 == 0o700)
        #expect(try secrets.keep(text) != name)
        secrets.forget(name)
        #expect(secrets.find(name) == nil && access(path, F_OK) != 0)
        secrets.forget(name)
    }

    @Test(arguments: ["", "..", "../state", "x", "/etc/passwd", String(repeating: "g", count: 32)])
    func `is found by no other name`(_ name: String) throws {
        _ = try secrets.keep("x")
        #expect(secrets.find(name) == nil)
        secrets.forget(name)
    }

    @Test func `is listed once it is old`() throws {
        #expect(try secrets.names(keptBefore: Instant(milliseconds: .max)) == [])
        let names = Set([try secrets.keep("a"), try secrets.keep("b")])
        #expect(try Set(secrets.names(keptBefore: .now() + .hours(1))) == names)
        #expect(try secrets.names(keptBefore: .now() - .hours(1)) == [])
    }
}
