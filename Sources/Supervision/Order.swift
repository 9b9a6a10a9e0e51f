internal import Linux

/// What a supervisor is to run, written into the attempt's directory before it is started.
public struct Order: Sendable, Equatable {
    /// The program's full path: the script itself.
    public var program: String
    /// All of argv, the program's name first.
    public var arguments: [String]
    /// The whole environment, `NAME=value` each.
    public var environment: [String]
    public var workingDirectory: String
    /// Between TERM and KILL. Milliseconds.
    public var grace: Int64
    /// The script is stopped when its log has grown beyond this. Bytes.
    public var maxLogBytes: Int64
    /// The script is stopped after so long; 0: never. Milliseconds.
    public var timeLimit: Int64

    public init(
        program: String, arguments: [String], environment: [String], workingDirectory: String, grace: Int64,
        maxLogBytes: Int64, timeLimit: Int64 = 0
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.grace = grace
        self.maxLogBytes = maxLogBytes
        self.timeLimit = timeLimit
    }

    /// Names the format; another one gets another name.
    private static let format = "ScriptRunner order 1"

    /// As it stands on the disk.
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.put(Order.format)
        writer.put(program)
        writer.put(arguments)
        writer.put(environment)
        writer.put(workingDirectory)
        writer.put(grace)
        writer.put(maxLogBytes)
        writer.put(timeLimit)
        return writer.bytes
    }

    init(decoding bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        guard try reader.text() == Order.format else { throw ByteReader.Damaged() }
        program = try reader.text()
        arguments = try reader.texts()
        environment = try reader.texts()
        workingDirectory = try reader.text()
        grace = try reader.number()
        maxLogBytes = try reader.number()
        timeLimit = try reader.number()
    }
}
