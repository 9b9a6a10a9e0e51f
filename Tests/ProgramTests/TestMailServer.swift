import Foundation
import Linux
import TestSupport

/// A real mail server (aiosmtpd, see mailserver.py) on a port of its own, as a child of the test.
final class TestMailServer {
    /// A mail as the server got it.
    struct Mail: Decodable {
        let helo: String
        let user: String?
        let isEncrypted: Bool
        let from: String
        let to: [String]
        let headers: [String: String]
        let text: String
        let defects: [String]
        let raw: String
    }

    let folder = ScratchDirectory()
    private(set) var port = 0
    private let options: [String]
    private var child: Child?

    /// Starts it and waits until it listens.
    init(_ options: [String] = []) throws {
        self.options = options
        try start()
    }

    /// Starts it again, on the same port.
    func start() throws {
        unlink(folder("port"))
        let script = #filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/mailserver.py"
        let child = try Child(
            "/usr/bin/python3", [script, folder.path, "--port", "\(port)"] + options,
            environment: ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"], standardError: folder("stderr"))
        self.child = child
        try waitUntil("the mail server listens") {
            if child.isOver() { throw NeverHappened(what: "the mail server listens: \(try child.standardError())") }
            return access(folder("port"), F_OK) == 0
        }
        port = Int(try text("port"))!
    }

    /// Ends it: from now on nobody listens on its port.
    func stop() { child?.end() }

    /// The next time it comes to this point it answers so instead of taking the mail.
    func reply(at point: String, _ reply: String) throws { try put("replies", "\(point) \(reply)") }

    /// From now on it takes its time over the end of a mail, until ``goOn()``.
    func hesitate() throws { try put("wait", "") }
    func isHesitating() -> Bool { access(folder("waiting"), F_OK) == 0 }
    func goOn() { unlink(folder("wait")) }

    /// The mails that it took, in their order.
    func mails() throws -> [Mail] {
        var mails: [Mail] = []
        while let json = try? text("\(mails.count + 1).json") {
            mails.append(try JSONDecoder().decode(Mail.self, from: Data(json.utf8)))
        }
        return mails
    }

    /// How connections came (`begin`) and politely went (`quit`).
    func connections() -> [String] {
        ((try? text("connections")) ?? "").split(separator: "\n").map(String.init)
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Descriptor.open(folder(name), O_RDONLY).readAll(limit: 1 << 24), as: UTF8.self)
    }

    private func put(_ name: String, _ text: String) throws {
        try Descriptor.open(folder(name), O_WRONLY | O_CREAT | O_TRUNC).write(Array(text.utf8))
    }
}

/// A certificate that vouches for itself, made by openssl for `names`, such as `IP:127.0.0.1`.
struct Certificate {
    private let scratch = ScratchDirectory()
    var file: String { scratch("certificate.pem") }
    var key: String { scratch("key.pem") }
    /// What the server needs to know of it.
    var options: [String] { ["--certificate", file, "--key", key] }

    init(for names: String) throws {
        let openssl = try Child(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=mail.example.org", "-addext", "subjectAltName=\(names)", "-keyout", scratch("key.pem"),
                "-out", scratch("certificate.pem"),
            ], environment: ["PATH=/usr/bin:/bin"], standardError: scratch("stderr"))
        guard openssl.wait() == 0 else { throw NeverHappened(what: "openssl: \(try openssl.standardError())") }
    }
}
