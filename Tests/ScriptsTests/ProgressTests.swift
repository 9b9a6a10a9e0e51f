import Testing

@testable import Scripts

@Suite struct `Lines of a log about progress` {
    @Test(arguments: [
        ("##~~ progress 40 mapping\n", 40, "mapping"), ("a\n##~~ progress 0\nb\n", 0, ""),
        ("##~~ progress 1 a\n##~~ progress 100 b\n", 100, "b"),
        ("##~~progress\t7\t two words \r\n", 7, "two words"),
        // A number that was said before holds on.
        ("##~~ progress 40 mapping\n##~~ note 3 of 5\n", 40, "3 of 5"),
        ("##~~ note <b>\n", nil, "<b>"),
        ("##~~ progress 5 a\n##~~ progress 101 b\n##~~ progress -1 c\n##~~ progress x\n", 5, "a"),
    ])
    func `tell how far it is`(log: String, percent: Int?, words: String) throws {
        let progress = try #require(Progress(in: log, style: AnnotationStyle()))
        #expect((progress.percent, progress.words) == (percent, words))
    }

    @Test(arguments: ["", "progress 40\n", "# ##~~ progress 40\n", "##~~ progressing 4\n", "##~~ note\n", "##~~\n"])
    func `may be missing`(log: String) { #expect(Progress(in: log, style: AnnotationStyle()) == nil) }

    @Test func `are as long as a glance`() throws {
        let progress = Progress(in: "##~~ note " + String(repeating: "ä", count: 1000), style: AnnotationStyle())
        #expect(progress?.words == String(repeating: "ä", count: Progress.longestWords))
    }
}
