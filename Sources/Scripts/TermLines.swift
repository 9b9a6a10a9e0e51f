internal import Linux

/// Gathers the terms of a script from its annotation lines that begin with `@`:
///
///     ##~~ @needs cpus=8 mem=32G time=12:00:00
///     ##~~ @time 12h
///     ##~~ @limits per-user=2 total=4 retry=1
///     ##~~ @retry 1
///     ##~~ @idempotent
///
/// Others that begin with `@` are passed over. One of these that is not understood is a problem: a script that needs more
/// than it gets would fail in the middle of the night.
struct TermLines {
    private var terms = Terms.standard
    /// The line that each thing stands in.
    private var lines: [String: Int] = [:]
    /// By `@syntax 2`, where `@needs` may leave a choice: `mem=8G..64G = 16G`.
    private let isRich: Bool

    init(isRich: Bool = false) { self.isRich = isRich }

    static let keywords: Set<String> = ["@needs", "@limits", "@time", "@retry", "@idempotent"]

    static let mostCPUs = 100_000
    static let mostJobs = 10_000
    static let mostRetries = 100

    /// Reads a line; `content` begins with `@`.
    mutating func take(_ content: String, line: Int) throws(AnnotationProblem) {
        let words = words(of: content)
        guard let keyword = words.first else { return }
        let values = words.dropFirst()
        switch keyword {
        case "@needs":
            for (key, value) in try pairs(values, of: keyword, knowing: ["cpus", "mem", "time"], line) {
                switch key {
                case "cpus":
                    (terms.needs.cpus, terms.leeway.cpus) = try choice(value, key, line) {
                        text throws(AnnotationProblem) in try number(text, 1...Self.mostCPUs, for: key, line)
                    }
                case "mem":
                    (terms.needs.memory, terms.leeway.memory) = try choice(value, key, line) {
                        text throws(AnnotationProblem) in try memory(text, line)
                    }
                default:
                    (terms.timeLimit, terms.leeway.time) = try choice(value, key, line) {
                        text throws(AnnotationProblem) in try time(text, line)
                    }
                }
            }
        case "@limits":
            for (key, value) in try pairs(values, of: keyword, knowing: ["per-user", "total", "retry"], line) {
                switch key {
                case "per-user": terms.perUserLimit = try number(value, 1...Self.mostJobs, for: "per-user", line)
                case "total": terms.totalLimit = try number(value, 1...Self.mostJobs, for: "total", line)
                default: try takeRetries(value, line)
                }
            }
        case "@time":
            try once("time", line)
            terms.timeLimit = try time(try single(values, of: keyword, such: "12h", line), line)
        case "@retry":
            try once("retry", line)
            try takeRetries(try single(values, of: keyword, such: "1", line), line)
        case "@idempotent":
            guard values.isEmpty else {
                throw AnnotationProblem(line: line, reason: "@idempotent stands alone, without \(values.first ?? "")")
            }
            terms.isIdempotent = true
        default: break
        }
    }

    /// All that was said.
    func finished() throws(AnnotationProblem) -> Terms {
        if terms.retries > 0, !terms.isIdempotent {
            throw AnnotationProblem(
                line: lines["retry"] ?? 0,
                reason: "another attempt runs the script again: add @idempotent if running it twice does no harm, or "
                    + "take retry away")
        }
        return terms
    }

    /// Of a line. In `mem=8G..64G = 16G` blanks may stand around the second sign.
    private func words(of content: String) -> [String] {
        var words: [String] = []
        for word in content.utf8.split(whereSeparator: LineScanner.isBlank).map({ String(Substring($0)) }) {
            if isRich, let last = words.last,
                word.utf8.first == UInt8(ascii: "=") || last.utf8.last == UInt8(ascii: "=")
            {
                words[words.count - 1] = last + word
            } else {
                words.append(word)
            }
        }
        return words
    }

    /// From `16G`, `8G..64G = 16G`, or `8G..64G`, where the form starts with the least.
    private func choice<Amount: Comparable>(
        _ value: String, _ key: String, _ line: Int, _ read: (String) throws(AnnotationProblem) -> Amount
    ) throws(AnnotationProblem) -> (Amount, ClosedRange<Amount>?) {
        let bytes = Array(value.utf8)
        guard isRich, let dots = bytes.indices.first(where: { bytes[$0...].starts(with: "..".utf8) })
        else { return (try read(value), nil) }
        let parts = bytes[(dots + 2)...].split(
            separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false
        ).map { String(decoding: $0, as: UTF8.self) }
        let (least, most) = (try read(String(decoding: bytes[..<dots], as: UTF8.self)), try read(parts[0]))
        guard least < most else {
            throw AnnotationProblem(
                line: line, reason: "\(key): the range ends before it begins; write the smaller first")
        }
        let standard = parts.count > 1 ? try read(parts[1]) : least
        guard (least...most).contains(standard) else {
            throw AnnotationProblem(line: line, reason: "\(key): \(parts[1]) lies outside of the range before it")
        }
        return (standard, least...most)
    }

    private func time(_ value: String, _ line: Int) throws(AnnotationProblem) -> Instant.Span {
        guard let span = Instant.Span(written: value), span > .seconds(0) else {
            throw AnnotationProblem(
                line: line, reason: "\(value) is no time such as 90s, 30m, 12h, 7d or 12:00:00")
        }
        return span
    }

    private mutating func takeRetries(_ value: String, _ line: Int) throws(AnnotationProblem) {
        terms.retries = try number(value, 0...Self.mostRetries, for: "retry", line)
    }

    private func memory(_ value: String, _ line: Int) throws(AnnotationProblem) -> Int64 {
        guard let bytes = size(written: value), bytes > 0 else {
            throw AnnotationProblem(line: line, reason: "mem: \(value) is no size such as 512M or 32G")
        }
        return bytes
    }

    private func number(
        _ value: String, _ range: ClosedRange<Int>, for key: String, _ line: Int
    ) throws(AnnotationProblem) -> Int {
        guard value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(value),
            range.contains(number)
        else {
            throw AnnotationProblem(
                line: line,
                reason: "\(key): \(value) is no whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func single(
        _ values: ArraySlice<String>, of keyword: String, such example: String, _ line: Int
    ) throws(AnnotationProblem) -> String {
        guard values.count == 1, let value = values.first else {
            throw AnnotationProblem(line: line, reason: "\(keyword) wants one value, as in: \(keyword) \(example)")
        }
        return value
    }

    private mutating func pairs(
        _ words: ArraySlice<String>, of keyword: String, knowing keys: [String], _ line: Int
    ) throws(AnnotationProblem) -> [(key: String, value: String)] {
        guard !words.isEmpty else {
            throw AnnotationProblem(line: line, reason: "\(keyword) says nothing; it takes \(list(keys))")
        }
        var pairs: [(key: String, value: String)] = []
        for word in words {
            let parts = word.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(Substring(parts[0]))
            guard parts.count == 2, keys.contains(key) else {
                throw AnnotationProblem(
                    line: line, reason: "\(keyword): \(word) is not understood; it takes \(list(keys))")
            }
            try once(key, line)
            pairs.append((key, String(Substring(parts[1]))))
        }
        return pairs
    }

    private mutating func once(_ key: String, _ line: Int) throws(AnnotationProblem) {
        if let first = lines[key] {
            throw AnnotationProblem(line: line, reason: "\(key) is declared in line \(first) already")
        }
        lines[key] = line
    }

    private func list(_ keys: [String]) -> String { keys.map { "\($0)=" }.joined(separator: ", ") }
}
