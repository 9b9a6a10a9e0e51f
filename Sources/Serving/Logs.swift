internal import Linux

/// The files that a local site's programs and web server write to.
struct Logs: ~Copyable {
    /// Everything that our programs tell.
    let output: Descriptor
    /// The files that can tell why something does not start, and how long each was at our start.
    private let files: [(path: String, size: Int)]

    /// A longer log is put aside at the next start, once. Bytes.
    private static let longest = 16 << 20
    /// More is not read to find a complaint, nor shown. Bytes, lines.
    private static let mostRead = 256 << 10
    private static let mostShown = 5

    /// - Throws: `SystemError` when there is no writing to them.
    init(_ state: StateFolder) throws(SystemError) {
        for path in [state.logFile, state.serverLog, state.accessLog] where Logs.size(path) > Self.longest {
            _ = rename(path, path + ".1")
        }
        files = [state.logFile, state.serverLog].map { ($0, Logs.size($0)) }
        output = try Descriptor.open(state.logFile, O_WRONLY | O_CREAT | O_APPEND, mode: 0o640)
    }

    /// What programs have complained about since our start, the latest last: lines that are no notes of an event, each
    /// once.
    borrowing func complaint() -> String {
        var lines: [Substring] = []
        for (path, size) in files {
            guard let file = try? Descriptor.open(path, O_RDONLY) else { continue }
            lseek(file.number, max(size, Logs.size(path) - Self.mostRead), SEEK_SET)
            let bytes = (try? file.readAll(limit: Self.mostRead * 2)) ?? []
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                if !Logs.isNote(line), !lines.contains(line) { lines.append(line) }
            }
        }
        return lines.isEmpty
            ? "the logs tell why: \(files.map(\.path).joined(separator: ", "))"
            : lines.suffix(Self.mostShown).joined(separator: "\n")
    }

    /// Whether the line begins as `EventLog` begins its lines: with a time such as 2026-03-01T09:05:07.123Z.
    private static func isNote(_ line: Substring) -> Bool {
        let time = line.utf8.prefix { $0 != UInt8(ascii: " ") }
        return time.count == 24 && time.last == UInt8(ascii: "Z")
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
