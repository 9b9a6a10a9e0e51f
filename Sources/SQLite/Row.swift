internal import CSQLite
public import Linux

/// One row of a result, readable only while its statement stands on it. Columns count from 0.
public struct Row: ~Copyable {
    let statement: OpaquePointer

    /// Whether the column is NULL.
    public func isNull(_ column: CInt) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    public func int64(_ column: CInt) -> Int64 { sqlite3_column_int64(statement, column) }
    public func int(_ column: CInt) -> Int { Int(int64(column)) }
    public func bool(_ column: CInt) -> Bool { int64(column) != 0 }
    public func instant(_ column: CInt) -> Instant { Instant(milliseconds: int64(column)) }
    public func span(_ column: CInt) -> Instant.Span { Instant.Span(milliseconds: int64(column)) }
    public func text(_ column: CInt) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }
    public func blob(_ column: CInt) -> [UInt8] { withBytes(column) { Array($0) } }

    /// The bytes of a text or blob column, borrowed from SQLite: nothing is copied.
    public func withBytes<Result>(_ column: CInt, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        // The pointer first: asking for it may convert the value, which changes its length.
        let start = sqlite3_column_blob(statement, column)
        let count = Int(sqlite3_column_bytes(statement, column))
        return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    public func optionalInt64(_ column: CInt) -> Int64? { isNull(column) ? nil : int64(column) }
    public func optionalInt(_ column: CInt) -> Int? { isNull(column) ? nil : int(column) }
    public func optionalInstant(_ column: CInt) -> Instant? { isNull(column) ? nil : instant(column) }
    public func optionalSpan(_ column: CInt) -> Instant.Span? { isNull(column) ? nil : span(column) }
    public func optionalText(_ column: CInt) -> String? { isNull(column) ? nil : text(column) }
    public func optionalBlob(_ column: CInt) -> [UInt8]? { isNull(column) ? nil : blob(column) }
}
