/// How far a script says that it is, with lines of its log:
///
///     ##~~ progress 40 mapping reads
///     ##~~ note 3 of 5 files are done
public struct Progress: Equatable, Sendable {
    /// Percent; `nil`: it did not say.
    public var percent: Int?
    /// What it does, or what is to be known; may be empty.
    public var words: String

    /// More is no glance. Characters.
    static let longestWords = 200

    /// What the latest lines of the end of a log say; `nil` when none says anything.
    public init?(in log: String, style: AnnotationStyle) {
        var latest: (percent: Int?, words: String?) = (nil, nil)
        let prefix = Array(style.docPrefix.utf8)
        for line in log.utf8.split(separator: UInt8(ascii: "\n")).reversed() {
            guard line.starts(with: prefix), let (percent, words) = Self.said(line.dropFirst(prefix.count).text)
            else { continue }
            // The latest words count, and the latest number, which may be further back than a note.
            latest.words = latest.words ?? words
            if let percent {
                latest.percent = percent
                break
            }
        }
        guard let words = latest.words else { return nil }
        percent = latest.percent
        self.words = String(String.UnicodeScalarView(words.unicodeScalars.prefix(Self.longestWords)))
    }

    private static func said(_ content: String) -> (percent: Int?, words: String)? {
        let words = content.utf8.split(maxSplits: 1, whereSeparator: LineScanner.isBlank)
        let rest = words.count > 1 ? words[1].text.trimmingBlanks : ""
        switch words.first.map(\.text) {
        case "note": return rest.isEmpty ? nil : (nil, rest)
        case "progress":
            let parts = rest.utf8.split(maxSplits: 1, whereSeparator: LineScanner.isBlank)
            guard let number = parts.first.flatMap({ Int($0.text) }), (0...100).contains(number) else { return nil }
            return (number, parts.count > 1 ? parts[1].text.trimmingBlanks : "")
        default: return nil
        }
    }
}
