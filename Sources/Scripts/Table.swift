/// A table as spreadsheets save it (RFC 4180): a line for each row, cells parted by commas, semicolons or tabs, whichever the
/// first line has; cells with such signs, line breaks or quotes stand in quotes, and quotes in them are doubled.
public struct Table: Equatable, Sendable {
    /// The cells of the first line.
    public let names: [String]
    /// The others, each with as many cells.
    public let rows: [[String]]

    /// What is wrong with it, as a sentence for the form.
    public struct Problem: Error, Equatable {
        public let sentence: String

        public init(sentence: String) { self.sentence = sentence }
    }

    /// Longer ones are no tables for a form. Bytes.
    public static let longest = 1 << 20

    /// - Parameter most: more rows are too many.
    public init(_ text: [UInt8], upTo most: Int) throws(Problem) {
        // Spreadsheets mark UTF-8 so.
        let bytes = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text[3...] : text[...]
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw Problem(sentence: "The table is not in UTF-8. Save it as “CSV UTF-8”.")
        }
        var reader = Reader(bytes: bytes, separator: Table.separator(of: bytes))
        guard let names = try reader.row(), names.contains(where: { !$0.isEmpty }) else {
            throw Problem(sentence: "The table is empty. Its first line names the parameters.")
        }
        var rows: [[String]] = []
        while let row = try reader.row() {
            // Lines of nothing but separators are what spreadsheets leave behind.
            if row.allSatisfy(\.isEmpty), !reader.hasQuotes { continue }
            guard row.count == names.count else {
                let cells = row.count == 1 ? "1 cell" : "\(row.count) cells"
                throw Problem(
                    sentence: "Line \(reader.line) of the table has \(cells), and the first has \(names.count).")
            }
            guard rows.count < most else {
                throw Problem(sentence: "The table has more than \(most) rows, and no sweep may have more jobs.")
            }
            rows.append(row)
        }
        guard !rows.isEmpty else {
            throw Problem(sentence: "The table has no row. Below the names, each line makes a job.")
        }
        self.names = names
        self.rows = rows
    }

    /// Such a table as a text, with commas; the first row has the names.
    public static func text(_ rows: [[String]]) -> String {
        rows.map { $0.map(quoted).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func quoted(_ cell: String) -> String {
        let special = Set("\",;\t\r\n".utf8)
        // Without quotes, the reader takes blanks around a cell away, and passes a row over that has nothing else in it.
        guard cell.isEmpty || cell.utf8.contains(where: special.contains) || cell != cell.trimmingBlanks
        else { return cell }
        let doubled = cell.utf8.flatMap { $0 == UInt8(ascii: "\"") ? [$0, $0] : [$0] }
        return "\"" + String(decoding: doubled, as: UTF8.self) + "\""
    }

    /// The first line has it outside of quotes.
    private static func separator(of bytes: ArraySlice<UInt8>) -> UInt8 {
        var isQuoted = false
        let signs = bytes.prefix { $0 != UInt8(ascii: "\n") }.filter { byte in
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            return !isQuoted
        }
        return [UInt8(ascii: "\t"), UInt8(ascii: ";")].first(where: signs.contains) ?? UInt8(ascii: ",")
    }

    private struct Reader {
        let bytes: ArraySlice<UInt8>
        let separator: UInt8
        private var position: Int
        /// Where the row that was read last begins.
        private(set) var line = 0
        /// A cell of it stood in quotes: it was meant, even if it is empty.
        private(set) var hasQuotes = false
        private var nextLine = 1

        init(bytes: ArraySlice<UInt8>, separator: UInt8) {
            self.bytes = bytes
            self.separator = separator
            position = bytes.startIndex
        }

        /// The cells of the next row; `nil` behind the last.
        mutating func row() throws(Problem) -> [String]? {
            guard position < bytes.endIndex else { return nil }
            line = nextLine
            hasQuotes = false
            var cells: [String] = []
            while true {
                cells.append(try cell())
                guard position < bytes.endIndex else { return cells }
                let sign = bytes[position]
                position += 1
                if sign == UInt8(ascii: "\n") {
                    nextLine += 1
                    return cells
                }
            }
        }

        /// The next cell; ends before a separator, a line break or the end.
        private mutating func cell() throws(Problem) -> String {
            guard position < bytes.endIndex, bytes[position] == UInt8(ascii: "\"") else {
                let end =
                    bytes[position...].firstIndex { $0 == separator || $0 == UInt8(ascii: "\n") } ?? bytes.endIndex
                defer { position = end }
                return String(decoding: bytes[position..<end], as: UTF8.self).trimmingBlanks
            }
            position += 1
            hasQuotes = true
            var cell: [UInt8] = []
            while position < bytes.endIndex {
                let byte = bytes[position]
                position += 1
                if byte == UInt8(ascii: "\n") { nextLine += 1 }
                guard byte == UInt8(ascii: "\"") else {
                    // A line break is LF, as in the fields of forms.
                    if byte == UInt8(ascii: "\n"), cell.last == UInt8(ascii: "\r") { cell.removeLast() }
                    cell.append(byte)
                    continue
                }
                if position < bytes.endIndex, bytes[position] == byte {
                    cell.append(byte)
                    position += 1
                    continue
                }
                if position < bytes.endIndex, bytes[position] == UInt8(ascii: "\r") { position += 1 }
                guard
                    position == bytes.endIndex || bytes[position] == separator || bytes[position] == UInt8(ascii: "\n")
                else { break }
                return String(decoding: cell, as: UTF8.self)
            }
            throw Problem(sentence: "Line \(line) of the table has a quote that is not closed, or something behind it.")
        }
    }
}
