internal import Linux

extension [Script] {
    /// Those that have all of the words in their names, titles, tags or texts, in any case of ASCII letters.
    public func found(by words: String) -> [Script] {
        let words = folded(words).split(separator: UInt8(ascii: " ")).map(Array<UInt8>.init)
        // By their places, so that of scripts that are not found nothing is copied.
        return indices.filter { at in
            let text = self[at].searched
            return words.allSatisfy { memmem(text, text.count, $0, $0.count) != nil }
        }.map { self[$0] }
    }
}

extension Script {
    /// What it is found by, made once, when it is read: very many are gone through at each search. No word has a space, so
    /// none is found where two texts meet.
    static func searched(_ texts: [String]) -> [UInt8] { folded(texts.joined(separator: " ")) }
}

private func folded(_ text: String) -> [UInt8] {
    text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
}
