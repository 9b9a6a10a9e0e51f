import Linux
import TestSupport

/// A listening socket of a test's own, and page programs that serve on it.
final class ServedProbe {
    let scratch = ScratchDirectory()
    let listener: Descriptor
    private(set) var program: StartedProgram
    private let environment: [String: String]

    /// Where web servers would connect to.
    var socketPath: String { scratch("socket") }

    init(threads: Int = 4, patience: Int = 30, _ more: [String: String] = [:]) throws {
        let path = scratch("socket")
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        listener = Descriptor(owning: number)
        guard withUnixAddress(path, { bind(number, $0, $1) }) == 0, listen(number, 128) == 0
        else { throw SystemError("bind", path) }
        environment = [
            "WEBPROBE_THREADS": "\(threads)", "WEBPROBE_PATIENCE": "\(patience)", "WEBPROBE_FOLDER": scratch.path,
        ].merging(more) { $1 }
        program = try StartedProgram(
            BuiltProgram.path("webprobe"), environment: environment, input: listener, errors: scratch("log"))
    }

    /// One more program on the same socket, as in an upgrade.
    func startAnother() throws -> StartedProgram {
        try StartedProgram(
            BuiltProgram.path("webprobe"), environment: environment, input: listener, errors: scratch("log"))
    }

    func ask(
        _ address: String, method: String = "GET", _ more: [(String, String)] = [], body: [UInt8] = []
    ) throws -> Answer? {
        try FastCGIPeer.ask(socketPath, method, address, more, body: body)
    }

    /// A connection that has said nothing yet.
    func peer() throws -> FastCGIPeer { try FastCGIPeer(socketPath) }

    /// The lines that were written so far.
    func log() throws -> [String] {
        let bytes = try Descriptor.open(scratch("log"), O_RDONLY).readAll(limit: 1 << 24)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func isThere(_ name: String) -> Bool { access(scratch(name), F_OK) == 0 }

    /// Lets the requests go on that wait at the gate.
    func openGate() { close(clinux_open(scratch("open"), O_WRONLY | O_CREAT, 0o644)) }

    /// Ends the program as a service manager does; its exit status.
    func stop() throws -> CInt {
        program.signal(SIGTERM)
        return try program.wait()
    }
}
