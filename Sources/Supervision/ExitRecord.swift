/// How an attempt ended, written by its supervisor before the script's process is given up.
///
/// The file has its place on the disk before the script starts, so that a full disk cannot cost a status.
public struct ExitRecord: Sendable, Equatable {
    /// What became of the script itself.
    public enum Outcome: Sendable, Equatable {
        case exited(Int)
        case signalled(Int)
        /// execve failed with this errno, or was never reached (0); no instruction of the script ran.
        case notStarted(errno: Int)
    }

    /// Why the supervisor ended the script, if it did.
    public enum Stop: Int64, Sendable {
        case none = 0
        /// Somebody wished it.
        case requested = 1
        case timeLimit = 2
        case outputLimit = 3
    }

    public var outcome: Outcome
    public var stop: Stop
    /// Milliseconds since 1970.
    public var endedAt: Int64
    /// The largest resident set of one process. Bytes.
    public var maxRSS: Int64
    /// Of the script and all of its children that it waited for. Milliseconds.
    public var userTime: Int64
    public var systemTime: Int64
    public var logBytes: Int64

    /// The size of the preallocated file, one page and a disk's atomic unit. Bytes.
    static let fileSize = 4096
    private static let format = "ScriptRunner exit record 1"

    /// The record with its check sum, padded to ``fileSize``.
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.put(ExitRecord.format)
        switch outcome {
        case .exited(let code):
            writer.put(1)
            writer.put(Int64(code))
        case .signalled(let number):
            writer.put(2)
            writer.put(Int64(number))
        case .notStarted(let errno):
            writer.put(3)
            writer.put(Int64(errno))
        }
        for number in [stop.rawValue, endedAt, maxRSS, userTime, systemTime, logBytes] { writer.put(number) }
        writer.put(Int64(crc32(writer.bytes)))
        return writer.bytes + [UInt8](repeating: 0, count: ExitRecord.fileSize - writer.bytes.count)
    }

    /// `nil` when nothing, or not all, was written.
    init?(decoding bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard (try? reader.text()) == ExitRecord.format, let kind = try? reader.number(),
            let value = try? reader.number()
        else { return nil }
        switch kind {
        case 1: outcome = .exited(Int(truncatingIfNeeded: value))
        case 2: outcome = .signalled(Int(truncatingIfNeeded: value))
        case 3: outcome = .notStarted(errno: Int(truncatingIfNeeded: value))
        default: return nil
        }
        var numbers: [Int64] = []
        for _ in 0..<7 {
            guard let number = try? reader.number() else { return nil }
            numbers.append(number)
        }
        guard let stop = Stop(rawValue: numbers[0]) else { return nil }
        self.stop = stop
        (endedAt, maxRSS, userTime) = (numbers[1], numbers[2], numbers[3])
        (systemTime, logBytes) = (numbers[4], numbers[5])
        // Encoding again is the surest way to know the length that the sum was made over.
        guard encoded == bytes else { return nil }
    }

    init(
        outcome: Outcome, stop: Stop, endedAt: Int64, maxRSS: Int64, userTime: Int64, systemTime: Int64, logBytes: Int64
    ) {
        self.outcome = outcome
        self.stop = stop
        self.endedAt = endedAt
        self.maxRSS = maxRSS
        self.userTime = userTime
        self.systemTime = systemTime
        self.logBytes = logBytes
    }
}
