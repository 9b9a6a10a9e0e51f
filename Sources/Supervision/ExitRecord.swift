/// How an attempt ended, written by its supervisor before the script's process is given up.
///
/// Its files have their place on the disk before the script starts, so that a full disk cannot cost a status.
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
        /// The log grew beyond its budget on a file system that cannot leave a middle out. The first releases stopped every
        /// script then.
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
    /// All that was written, what was left out of the log's middle included.
    public var logBytes: Int64
    /// The kernel killed at least one of the script's processes for want of memory, and the script failed. From the kernel's
    /// counter in the attempt's own cgroup; without one it is never claimed.
    public var wasOutOfMemory: Bool
    /// The script ended by the KILL that the supervisor sent after a stop and its grace.
    public var killedByUs: Bool
    /// Something could not be written, or not be made durable: the log, or the first of the two files of this record. The
    /// admin should look at the disk.
    public var hadStorageTrouble: Bool
    /// The kernel counted for this attempt. Only then does `wasOutOfMemory == false` mean that memory was not the cause.
    public var memoryWasWatched: Bool

    /// The size of a preallocated file, one page and a disk's atomic unit. Bytes.
    static let fileSize = 4096
    /// The first has no flags.
    private static let (format1, format2) = ("ScriptRunner exit record 1", "ScriptRunner exit record 2")

    /// The record with its check sum, padded to ``fileSize``.
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.put(ExitRecord.format2)
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
        for flag in [wasOutOfMemory, killedByUs, hadStorageTrouble, memoryWasWatched] { writer.put(flag ? 1 : 0) }
        writer.put(Int64(crc32(writer.bytes)))
        return writer.bytes + [UInt8](repeating: 0, count: ExitRecord.fileSize - writer.bytes.count)
    }

    /// `nil` when nothing, or not all, was written.
    init?(decoding bytes: [UInt8]) {
        guard bytes.count == ExitRecord.fileSize, let record = try? ExitRecord(reading: bytes) else { return nil }
        self = record
    }

    private init(reading bytes: [UInt8]) throws(ByteReader.Damaged) {
        var reader = ByteReader(bytes)
        let format = try reader.text()
        guard format == ExitRecord.format1 || format == ExitRecord.format2 else { throw ByteReader.Damaged() }
        let kind = try reader.number()
        let value = Int(try reader.number())
        switch kind {
        case 1: outcome = .exited(value)
        case 2: outcome = .signalled(value)
        case 3: outcome = .notStarted(errno: value)
        default: throw ByteReader.Damaged()
        }
        guard let stop = Stop(rawValue: try reader.number()) else { throw ByteReader.Damaged() }
        self.stop = stop
        endedAt = try reader.number()
        maxRSS = try reader.number()
        userTime = try reader.number()
        systemTime = try reader.number()
        logBytes = try reader.number()
        var flags = [false, false, false, false]
        if format == ExitRecord.format2 {
            for index in flags.indices { flags[index] = try reader.number() != 0 }
        }
        (wasOutOfMemory, killedByUs, hadStorageTrouble, memoryWasWatched) = (flags[0], flags[1], flags[2], flags[3])
        let sum = crc32(bytes.prefix(bytes.count - reader.left))
        guard try reader.number() == Int64(sum), bytes.suffix(reader.left).allSatisfy({ $0 == 0 })
        else { throw ByteReader.Damaged() }
    }

    init(
        outcome: Outcome, stop: Stop, endedAt: Int64, maxRSS: Int64, userTime: Int64, systemTime: Int64,
        logBytes: Int64, wasOutOfMemory: Bool = false, killedByUs: Bool = false, hadStorageTrouble: Bool = false,
        memoryWasWatched: Bool = false
    ) {
        self.outcome = outcome
        self.stop = stop
        self.endedAt = endedAt
        self.maxRSS = maxRSS
        self.userTime = userTime
        self.systemTime = systemTime
        self.logBytes = logBytes
        self.wasOutOfMemory = wasOutOfMemory
        self.killedByUs = killedByUs
        self.hadStorageTrouble = hadStorageTrouble
        self.memoryWasWatched = memoryWasWatched
    }
}
