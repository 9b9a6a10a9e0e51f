import FileStore
import Linux
import TestSupport
import Testing

@Suite struct `A safe name` {
    @Test(arguments: [
        ("reads.fastq.gz", "reads.fastq.gz"), ("Ω mega (1).txt", "Ω mega (1).txt"), ("日本語.csv", "日本語.csv"),
        // Whole paths, as old browsers send them, and attempts to be one.
        ("/etc/passwd", "passwd"), ("../../etc/passwd", "passwd"), ("C:\\Users\\ada\\data.txt", "data.txt"),
        ("..\\..\\boot.ini", "boot.ini"), ("folder/", "folder"), ("a/b\\c/d", "d"),
        ("a/\u{301}b", "\u{301}b"), ("a\\\u{301}b", "\u{301}b"), ("..\u{2F}\u{20DD}x", "\u{20DD}x"),
        // Nothing, and what comes to nothing.
        ("", "file"), ("/", "file"), ("   ", "file"), ("///", "file"),
        // Hidden, or taken for an option.
        (".", "_"), ("..", "_."), (".bashrc", "_bashrc"), ("...", "_.."), ("-rf", "_rf"), ("--help", "_-help"),
        (" .hidden ", "_hidden"), ("dir/.hidden", "_hidden"), ("a/-x", "_x"),
        // What a terminal, a log or a header would obey.
        ("a\nb", "a_b"), ("a\r\nb", "a__b"), ("\u{0}", "_"), ("a\u{0}.txt", "a_.txt"), ("\u{1B}[2Jx", "_[2Jx"),
        ("a\u{7F}\u{85}b", "a__b"), ("invoice\u{202E}txt.exe", "invoice_txt.exe"), ("a\u{2028}b\u{2029}", "a_b_"),
        ("\u{FEFF}x", "_x"), ("\n.x", "_.x"),
        // What only other programs find strange.
        ("$(reboot).txt", "$(reboot).txt"), ("'; DROP TABLE files; --", "'; DROP TABLE files; --"),
        ("a\"b<c>d&e", "a\"b<c>d&e"), ("%2e%2e%2fx", "%2e%2e%2fx"), ("~", "~"), ("*", "*"), ("CON", "CON"),
    ]) func `is made of what a browser says`(given: String, name: String) {
        #expect(Array(SafeName.of(given).utf8) == Array(name.utf8))
    }

    @Test(arguments: [
        (String(repeating: "a", count: 300) + ".txt", String(repeating: "a", count: 196) + ".txt"),
        (String(repeating: "a", count: 200), String(repeating: "a", count: 200)),
        (String(repeating: "a", count: 201), String(repeating: "a", count: 200)),
        // An ending that is none, and one that is all there is.
        ("a." + String(repeating: "b", count: 300), "a." + String(repeating: "b", count: 198)),
        ("." + String(repeating: "b", count: 300), "_" + String(repeating: "b", count: 199)),
        // Whole characters only: each takes three bytes.
        (String(repeating: "日", count: 100) + ".gz", String(repeating: "日", count: 65) + ".gz"),
        // A letter under a tower of accents is one character to people and a thousand bytes to a disk.
        (
            "a" + String(repeating: "\u{301}", count: 500) + ".txt",
            "a" + String(repeating: "\u{301}", count: 97) + ".txt"
        ),
    ]) func `is cut before its extension`(given: String, name: String) {
        let made = SafeName.of(given)
        #expect(Array(made.utf8) == Array(name.utf8))
        #expect(made.utf8.count <= 200)
    }

    @Test func `is one that every file can have, whatever was given`() throws {
        let scratch = ScratchDirectory()
        let folder = try Descriptor.directory(scratch.path)
        let pieces: [Character] = [
            "/", "\\", ".", "-", " ", "a", "é", "\u{301}", "\u{0}", "\n", "\r\n", "\u{202E}", "\u{200D}", "👩‍👩‍👧", "日",
        ]
        var random = SystemRandomNumberGenerator()
        for _ in 1...2000 {
            let count = Int.random(in: 0...240, using: &random)
            let given = String((0..<count).map { _ in pieces.randomElement(using: &random)! })
            let name = SafeName.of(given)
            let isFit =
                !name.isEmpty && name.utf8.count <= 200 && !name.utf8.contains(UInt8(ascii: "/"))
                && !name.utf8.contains { $0 < 0x20 || $0 == 0x7F } && name.utf8.first != UInt8(ascii: ".")
                && name.utf8.first != UInt8(ascii: "-") && name.utf8.first != UInt8(ascii: " ")
            #expect(isFit, "\(given.debugDescription) -> \(name.debugDescription)")
            _ = try folder.open(beneath: name, O_WRONLY | O_CREAT)
        }
    }
}
