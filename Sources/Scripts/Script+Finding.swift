extension Script {
    /// Whether all of the words stand in its name, title, tags or text, in any case of ASCII letters.
    public func isFound(by words: String) -> Bool {
        let texts = ([name, title ?? ""] + tags + about).map { Script.folded($0) }
        return words.utf8.split(separator: UInt8(ascii: " ")).allSatisfy { word in
            let word = Script.folded(String(Substring(word)))
            return texts.contains { Script.holds($0, word) }
        }
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    private static func holds(_ text: [UInt8], _ word: [UInt8]) -> Bool {
        guard text.count >= word.count else { return false }
        return (0...(text.count - word.count)).contains { text[$0...].starts(with: word) }
    }
}
