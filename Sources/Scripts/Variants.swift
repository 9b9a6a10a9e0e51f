public import Linux

extension Parameter {
    /// Whether each of several values can make a job of its own. Lists are one value as they are.
    public var canVary: Bool {
        switch type {
        case .plain, .text, .int, .float, .choice, .flag, .date, .email, .file, .output: true
        case .lines, .choices, .files, .secret, .use: false
        }
    }

    /// Several values for jobs of their own, or what is wrong with them, as a sentence for the form.
    public enum Variants: Equatable, Sendable {
        case values([String])
        case problem(String)
    }

    /// The values that a text stands for: one in each line; of numbers and days also several in a line, and ranges such as
    /// `1..10`, `0..1 step 0.25` or `2026-03-01..2026-03-07`. A text without any stands for the empty value.
    ///
    /// - Parameter most: more are too many.
    public func variants(of text: String, upTo most: Int, on today: Day) -> Variants {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n")).map(\.text)
        var values: [String] = []
        do throws(VariantProblem) {
            switch type {
            case .int, .float, .date:
                for line in lines { try expand(line, into: &values, most) }
            case .flag:
                // A box says `yes` or nothing; of several values both have a name.
                values = lines.map { $0 == "no" ? "" : $0 }
            default: values = lines.filter { !$0.trimmingBlanks.isEmpty }
            }
        } catch { return .problem(error.sentence) }
        if values.isEmpty { values = [""] }
        if values.count > most { return .problem(Self.tooMany(most)) }
        var seen: Set<String> = []
        for value in values {
            if let problem = problem(with: value, on: today) {
                return .problem(
                    values.count == 1 ? problem : "\(value.isEmpty ? "Without a value" : value): \(problem)")
            }
            if !seen.insert(value).inserted { return .problem("\(value) stands here twice.") }
        }
        return .values(values)
    }

    static func tooMany(_ most: Int) -> String {
        "These are more than \(most) values, and no sweep may have more jobs."
    }

    private struct VariantProblem: Error {
        let sentence: String
    }

    /// Adds what a line stands for.
    private func expand(
        _ line: String, into values: inout [String], _ most: Int
    ) throws(VariantProblem) {
        let words = line.utf8.split(whereSeparator: { LineScanner.isBlank($0) }).map { word in
            // What is listed with commas has them before the blanks.
            word.last == UInt8(ascii: ",") && word.count > 1 ? word.dropLast().text : word.text
        }
        var position = 0
        while position < words.count {
            let word = words[position]
            position += 1
            guard let (first, last) = Self.ends(of: word) else {
                values.append(word)
                continue
            }
            var step: String?
            if position < words.count, words[position] == "step" {
                guard position + 1 < words.count else {
                    throw VariantProblem(
                        sentence: "After “step” comes how far apart the values are, as in: 0..1 step 0.25")
                }
                step = words[position + 1]
                position += 2
            }
            if case .date = type {
                guard step == nil else {
                    throw VariantProblem(sentence: "Days are taken one by one; take “step” away.")
                }
                values += try days(first, last, most)
            } else {
                values += try numbers(first, last, step, word, most)
            }
            if values.count > most { throw VariantProblem(sentence: Self.tooMany(most)) }
        }
    }

    /// What stands before and after `..`.
    private static func ends(of word: String) -> (String, String)? {
        let bytes = Array(word.utf8)
        guard let dots = bytes.indices.first(where: { bytes[$0...].starts(with: "..".utf8) }) else { return nil }
        return (
            String(decoding: bytes[..<dots], as: UTF8.self), String(decoding: bytes[(dots + 2)...], as: UTF8.self)
        )
    }

    private func days(_ first: String, _ last: String, _ most: Int) throws(VariantProblem) -> [String] {
        guard var day = Day(first), let end = Day(last), day <= end else {
            throw VariantProblem(sentence: "\(first)..\(last) is no range of days, such as 2026-03-01..2026-03-07.")
        }
        var days: [String] = []
        while day <= end, days.count <= most {
            days.append("\(day)")
            day = day.next
        }
        return days
    }

    /// Exact: numbers are counted in units of their last decimal place.
    private func numbers(
        _ first: String, _ last: String, _ step: String?, _ word: String, _ most: Int
    ) throws(VariantProblem) -> [String] {
        guard let first = Fixed(first), let last = Fixed(last) else {
            throw VariantProblem(sentence: "\(word) is no range of numbers, such as 1..10.")
        }
        if step == nil, case .float = type {
            throw VariantProblem(
                sentence: "How far apart are the values of \(word)? Write, for example: \(word) step 0.1")
        }
        guard let distance = Fixed(step ?? "1"), distance.units > 0 else {
            throw VariantProblem(sentence: "\(step ?? "") is no distance between values; write a number above 0.")
        }
        let places = max(first.places, last.places, distance.places)
        guard var next = first.units(at: places), let end = last.units(at: places),
            let each = distance.units(at: places)
        else { throw VariantProblem(sentence: "The numbers of \(word) have too many digits for a range.") }
        guard next <= end else {
            throw VariantProblem(sentence: "\(word) ends before it begins; write the smaller number first.")
        }
        var numbers: [String] = []
        while next <= end, numbers.count <= most {
            numbers.append(Fixed(units: next, places: places).text)
            next += each
        }
        return numbers
    }
}

/// A decimal number without an exponent.
private struct Fixed {
    let units: Int64
    /// How many digits stand behind the point.
    let places: Int

    /// So many digits leave room for sums.
    static let mostDigits = 15

    init(units: Int64, places: Int) {
        self.units = units
        self.places = places
    }

    init?(_ text: String) {
        var digits: [UInt8] = []
        var places: Int?
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "-") where index == 0: digits.append(byte)
            case UInt8(ascii: ".") where places == nil && digits.last.map { $0 != UInt8(ascii: "-") } == true:
                places = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits.append(byte)
                places = places.map { $0 + 1 }
            default: return nil
            }
        }
        guard digits.count <= Self.mostDigits, places != 0, let units = Int64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        self.units = units
        self.places = places ?? 0
    }

    /// In units of a smaller decimal place; `nil` when that are too many.
    func units(at places: Int) -> Int64? {
        var units = units
        for _ in self.places..<places {
            let (product, overflow) = units.multipliedReportingOverflow(by: 10)
            if overflow || product.magnitude > 1 << 61 { return nil }
            units = product
        }
        return units
    }

    /// Without zeros at its end.
    var text: String {
        var (units, places) = (units, places)
        while places > 0, units % 10 == 0 {
            units /= 10
            places -= 1
        }
        let digits = String(units.magnitude)
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.utf8.count)) + digits
        let whole = padded.utf8.dropLast(places)
        let fraction = padded.utf8.suffix(places)
        return (units < 0 ? "-" : "") + String(Substring(whole))
            + (places > 0 ? "." + String(Substring(fraction)) : "")
    }
}
