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
    /// The disk that the log may keep: what is written beyond it costs the middle of the log, not the script. Bytes.
    public var maxLogBytes: Int64
    /// The script is stopped after so long; 0: never. Milliseconds.
    public var timeLimit: Int64
    /// For each process of the script.
    public var limits: Limits
    /// What all processes of the script may use together, where ``cgroupParent`` can bound it; 0: as much as there is. Bytes.
    public var memory: Int64
    /// How many processes and threads the script may have, where ``cgroupParent`` can bound them; 0: as many as it likes.
    public var processes: Int64
    /// Where the attempt's own cgroup is made: `CgroupParent.order`, or nothing for none.
    public var cgroupParent: String

    public init(
        program: String, arguments: [String], environment: [String], workingDirectory: String, grace: Int64,
        maxLogBytes: Int64, timeLimit: Int64 = 0, limits: Limits = Limits(), memory: Int64 = 0, processes: Int64 = 0,
        cgroupParent: String = ""
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.grace = grace
        self.maxLogBytes = maxLogBytes
        self.timeLimit = timeLimit
        self.limits = limits
        self.memory = memory
        self.processes = processes
        self.cgroupParent = cgroupParent
    }

    /// Name the format; another one gets another name. The first has nothing after the time limit.
    private static let (format1, format2) = ("ScriptRunner order 1", "ScriptRunner order 2")

    /// As it stands on the disk.
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.put(Order.format2)
        writer.put(program)
        writer.put(arguments)
        writer.put(environment)
        writer.put(workingDirectory)
        for number in [
            grace, maxLogBytes, timeLimit, limits.cpuSeconds, limits.addressSpace, limits.openFiles, limits.processes,
            limits.fileSize, memory, processes,
        ] { writer.put(number) }
        writer.put(cgroupParent)
        return writer.bytes
    }

    init(decoding bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        let format = try reader.text()
        guard format == Order.format1 || format == Order.format2 else { throw ByteReader.Damaged() }
        program = try reader.text()
        arguments = try reader.texts()
        environment = try reader.texts()
        workingDirectory = try reader.text()
        grace = try reader.number()
        maxLogBytes = try reader.number()
        timeLimit = try reader.number()
        (limits, memory, processes, cgroupParent) = (Limits(), 0, 0, "")
        // A worker of the first releases may have laid it down just before an upgrade.
        if format == Order.format1 { return }
        limits = Limits(
            cpuSeconds: try reader.number(), addressSpace: try reader.number(), openFiles: try reader.number(),
            processes: try reader.number(), fileSize: try reader.number())
        memory = try reader.number()
        processes = try reader.number()
        cgroupParent = try reader.text()
    }
}
