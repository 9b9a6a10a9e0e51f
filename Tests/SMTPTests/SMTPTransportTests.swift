import Linux
import Mail
import TestSupport
import Testing

@testable import SMTP

/// A TCP socket of this test's own that is bound to a free port and, if it listens, answers nothing.
final class SilentSocket {
    let descriptor: Descriptor
    let port: Int

    init(listening: Bool) throws {
        let number = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw SystemError("socket", nil) }
        descriptor = Descriptor(owning: number)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, __CONST_SOCKADDR_ARG(__sockaddr__: $0), size) != 0
                    || getsockname(number, __SOCKADDR_ARG(__sockaddr__: $0), &size) != 0
            }
        }
        guard !failed, !listening || listen(number, 8) == 0 else { throw SystemError("bind", nil) }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Whether anybody has connected.
    func isCalled() -> Bool {
        var waiting = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, 0) == 1
    }
}

func message(from: String = "runner@example.org", to: String = "ada@example.org") -> Message {
    Message(
        from: from, to: to, subject: "Hello", body: "Text\n", date: Instant(milliseconds: 0), id: "job-1-1-started-1")
}

@Suite struct `Mail by SMTP` {
    let desk = Desk()

    func transport(to port: Int, _ patience: SMTPTransport.Patience = .init()) throws -> SMTPTransport {
        try SMTPTransport(desk.settings(["smtp_host=127.0.0.1", "smtp_port=\(port)"]), patience: patience)
    }

    @Test func `is not sent when nobody listens`() throws {
        let socket = try SilentSocket(listening: false)
        let transport = try transport(to: socket.port)
        let failure = #expect(throws: Undelivered.self) { try transport.deliver(message()) }
        #expect(failure?.cause == "libcurl 7")
        #expect(failure?.reason.hasPrefix("Failed to connect to 127.0.0.1 port \(socket.port)") == true)
    }

    @Test func `does not wait for ever for a server that says nothing`() throws {
        let socket = try SilentSocket(listening: true)
        for isWhole in [false, true] {
            var patience = SMTPTransport.Patience()
            if isWhole { patience.whole = .milliseconds(300) } else { patience.connecting = .milliseconds(300) }
            let transport = try transport(to: socket.port, patience)
            let failure = #expect(throws: Undelivered.self) { try transport.deliver(message()) }
            #expect(failure?.cause == "libcurl 28")
        }
        #expect(socket.isCalled())
    }

    @Test(arguments: [
        "ada@example.org>\r\nRCPT TO:<eve@example.org", "ada@example.org\nDATA", "ada@example.org\u{0}", "", "ada",
        "<ada@example.org>", "ada@example.org> SIZE=1",
    ])
    func `is refused before a byte is sent when an address is none`(text: String) throws {
        let socket = try SilentSocket(listening: true)
        let transport = try transport(to: socket.port)
        for message in [message(to: text), message(from: text)] {
            let failure = #expect(throws: Undelivered.self) { try transport.deliver(message) }
            #expect(failure?.cause == "no address")
        }
        #expect(!socket.isCalled())
    }
}
