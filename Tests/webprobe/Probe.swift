import EventLog
import Linux
import Web

/// Serves probes as the variables of the environment tell.
func serveProbe() -> Never {
    func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

    var options = ServerOptions(origin: "http://localhost", prefix: "")
    if let threads = number("WEBPROBE_THREADS") { options.threads = threads }
    if let patience = number("WEBPROBE_PATIENCE") { options.patience = patience }
    let folder = getenv("WEBPROBE_FOLDER").map { String(cString: $0) } ?? "/nowhere"
    let isBroken = getenv("WEBPROBE_BROKEN") != nil
    serve(options, log: EventLog(program: "webprobe", now: Instant.now)) {
        if isBroken { throw Failure() }
        return Probe(folder: folder)
    }
}

struct Failure: Error, CustomStringConvertible {
    let description = "the database is on holiday"
}

/// Does by its address one of the things that a page can do.
struct Probe: Handler {
    /// Where a test sees what happens, and lets it go on.
    let folder: String
    private var served = 0

    init(folder: String) { self.folder = folder }

    mutating func respond(to request: borrowing Request) throws -> Response {
        served += 1
        switch request.segments.first {
        case nil: return text("home")
        case "served": return text("\(served)")
        case "echo":
            return text(try request.form().pairs.map { "\($0.name)=\($0.value)\n" }.joined())
        case "length":
            var (bytes, sum) = (0, 0)
            try request.multipart(mostBytes: 1 << 30) { event in
                guard case .fileBytes(let piece) = event else { return }
                bytes += piece.count
                sum += piece.reduce(0) { $0 + Int($1) }
            }
            return text("\(bytes) \(sum)")
        case "deaf": return text("the body was not read")
        case "mark":
            touch("marked")
            return text("marked")
        case "gate":
            touch("begun-" + (request.segments.last ?? ""))
            while access(folder + "/open", F_OK) != 0 { usleep(1000) }
            return text("through the gate")
        case "long": return text(String(repeating: "x", count: 20_000_000))
        case "fail": throw Failure()
        case "refuse":
            throw RequestProblem(status: Int(request.segments.last ?? "") ?? 400, sentence: "Not like this.")
        default: throw RequestProblem(status: 404, sentence: "There is no such probe.")
        }
    }

    mutating func page(about problem: RequestProblem, reference: String) -> Response {
        .text(Array("\(reference): \(problem.sentence)".utf8), status: problem.status)
    }

    private func text(_ text: String) -> Response { .text(Array(text.utf8)) }

    private func touch(_ name: String) { close(clinux_open(folder + "/" + name, O_WRONLY | O_CREAT, 0o644)) }
}
