import Testing

@testable import Scripts

@Suite struct `A table of values` {
    private func read(_ text: String, upTo most: Int = 10) throws -> Table { try Table(Array(text.utf8), upTo: most) }

    @Test(arguments: [
        ("a,b\n1,2\n3,4\n", ["a", "b"], [["1", "2"], ["3", "4"]]),
        ("a,b\r\n1,2", ["a", "b"], [["1", "2"]]),
        ("\u{FEFF}a;b\r\n1,5;2\r\n", ["a", "b"], [["1,5", "2"]]),
        ("a\tb\n1;x\t2\n", ["a", "b"], [["1;x", "2"]]),
        ("a,b\n\n,\n 1 , 2 \n", ["a", "b"], [["1", "2"]]),
        ("a,b\n\" 1 \",\"x, \"\"y\"\"\"\n", ["a", "b"], [[" 1 ", "x, \"y\""]]),
        ("a,b\n\"1\r\n2\n3\",\"\"\n", ["a", "b"], [["1\n2\n3", ""]]),
        ("a\n=1+1\n", ["a"], [["=1+1"]]),
        ("\"a\"\r\n\"1\"\r\n", ["a"], [["1"]]),
    ])
    func `is read as spreadsheets save it`(text: String, names: [String], rows: [[String]]) throws {
        let table = try read(text)
        #expect(table.names == names && table.rows == rows)
    }

    @Test(arguments: [
        ("", "The table is empty."), (",\n1,2\n", "The table is empty."), ("a,b\n", "The table has no row."),
        ("a,b\n1\n", "Line 2 of the table has 1 cell, and the first has 2."),
        ("a,b\n\"1\n2\",3\n4,5,6\n", "Line 4 of the table has 3 cells, and the first has 2."),
        ("a\n\"1\n", "Line 2 of the table has a quote that is not closed"),
        ("a\n\"1\"2\n", "Line 2 of the table has a quote that is not closed, or something behind it."),
        ("a\n1\n2\n3\n", "The table has more than 2 rows, and no sweep may have more jobs."),
    ])
    func `that cannot be read is told`(text: String, problem: String) throws {
        let error = #expect(throws: Table.Problem.self) { _ = try read(text, upTo: 2) }
        #expect(error?.sentence.hasPrefix(problem) == true, "\(error?.sentence ?? "")")
    }

    @Test func `has to be in UTF-8`() {
        #expect(throws: Table.Problem.self) { _ = try Table([0x61, 0x0A, 0xE4], upTo: 9) }
    }

    @Test(arguments: [
        [["a"], ["1"]], [["a", "b"], ["1", ""], ["", ""]], [["a"], [""], ["yes"]],
        [["a", "b"], [" blanks ", "\ttab"], ["x, \"y\"", "1\n2"]], [["ä;b", "c"], ["=1+1", "'"]],
    ])
    func `that was written is read as it was`(rows: [[String]]) throws {
        let table = try read(Table.text(rows))
        #expect([table.names] + table.rows == rows)
    }
}
