internal import CSQLite

/// What a connection may do to which table. SQLite asks while it compiles each statement (sqlite3_set_authorizer), so a
/// program that was never meant to write a table cannot, whatever its code says.
public struct Permissions: Sendable {
    /// What may be done to one table.
    public struct Verbs: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let read = Verbs(rawValue: 1)
        public static let insert = Verbs(rawValue: 2)
        public static let update = Verbs(rawValue: 4)
        public static let delete = Verbs(rawValue: 8)
        public static let all: Verbs = [.read, .insert, .update, .delete]
    }

    let tables: [String: Verbs]

    /// Tables that are not named here may not even be read.
    public init(_ tables: [String: Verbs]) { self.tables = tables }
}

/// Answers SQLite's questions for one connection.
final class Authorizer {
    private let permissions: Permissions
    /// What was refused last, for the error's text.
    private(set) var refusal = ""

    init(_ permissions: Permissions) { self.permissions = permissions }

    func install(on database: OpaquePointer) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_set_authorizer(
            database,
            { context, action, first, second, _, _ in
                let authorizer = Unmanaged<Authorizer>.fromOpaque(context!).takeUnretainedValue()
                return authorizer.answer(action, first, second)
            }, context)
    }

    private func answer(_ action: CInt, _ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?) -> CInt {
        let needed: Permissions.Verbs
        switch action {
        case SQLITE_SELECT, SQLITE_TRANSACTION, SQLITE_SAVEPOINT, SQLITE_RECURSIVE: return SQLITE_OK
        case SQLITE_FUNCTION:
            // load_extension and its like are off anyway; no statement of ours needs them.
            return second.map { String(cString: $0) } == "load_extension" ? SQLITE_DENY : SQLITE_OK
        case SQLITE_READ: needed = .read
        case SQLITE_INSERT: needed = .insert
        case SQLITE_UPDATE: needed = .update
        case SQLITE_DELETE: needed = .delete
        default:
            refusal = "action \(action)"
            return SQLITE_DENY
        }
        guard let first else { return SQLITE_DENY }
        let table = String(cString: first)
        if permissions.tables[table]?.isSuperset(of: needed) == true { return SQLITE_OK }
        refusal = "table \(table)"
        return SQLITE_DENY
    }
}
