internal import Linux

/// The sockets that a site listens on.
enum Sockets {
    /// As many connections as wait to be accepted; the kernel caps it (net.core.somaxconn).
    private static let backlog: CInt = 511

    /// Makes a listening Unix socket `NAME.sock` in a folder; the folder's descriptor stands for its path, because a
    /// socket's address holds 107 bytes only. An old socket of that name is taken away.
    ///
    /// - Parameter mode: who may connect.
    static func listen(_ name: String, in folder: borrowing Descriptor, mode: mode_t) throws(SystemError) -> Descriptor
    {
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SystemError("socket", name) }
        let listener = Descriptor(owning: number)
        unlinkat(folder.number, name, 0)
        let mask = umask(0o777 & ~mode)
        defer { umask(mask) }
        let bound = withSocketAddress(name, below: folder) { address, size in
            bind(listener.number, __CONST_SOCKADDR_ARG(__sockaddr__: address), size)
        }
        guard bound == 0, Linux.listen(listener.number, backlog) == 0 else { throw SystemError("bind", name) }
        return listener
    }

    /// Whether somebody listens at this TCP port of the loopback addresses already, or nobody may.
    ///
    /// - Returns: what is wrong as a value of errno, or `nil` when it can be had.
    static func problem(withPort port: Int) -> CInt? {
        let problem = bindProblem(AF_INET) { probe in
            withLoopback(port) { bind(probe, __CONST_SOCKADDR_ARG(__sockaddr__: $0), $1) }
        }
        if problem != nil || !hasIPv6 { return problem }
        return bindProblem(AF_INET6) { probe in
            withLoopback6(port) { bind(probe, __CONST_SOCKADDR_ARG(__sockaddr__: $0), $1) }
        }
    }

    /// Whether the machine has IPv6 on its loopback interface.
    static var hasIPv6: Bool {
        bindProblem(AF_INET6) { probe in
            withLoopback6(0) { bind(probe, __CONST_SOCKADDR_ARG(__sockaddr__: $0), $1) }
        } == nil
    }

    private static func bindProblem(_ family: CInt, _ bind: (CInt) -> CInt) -> CInt? {
        let number = socket(family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return errno }
        let probe = Descriptor(owning: number)
        var yes: CInt = 1
        // What lingers of an earlier run is no obstacle, as it is none for the web server.
        setsockopt(probe.number, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        return bind(probe.number) == 0 ? nil : errno
    }

    /// Whether the site at this port answers its first page.
    static func answers(port: Int, path: String) -> Bool {
        let number = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return false }
        let connection = Descriptor(owning: number)
        // It is asked again; meanwhile somebody may want to stop.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard withLoopback(port, { connect(connection.number, __CONST_SOCKADDR_ARG(__sockaddr__: $0), $1) }) == 0 else {
            return false
        }
        let request = "GET \(path) HTTP/1.0\r\nHost: localhost\r\n\r\n"
        guard (try? connection.write(Array(request.utf8))) != nil,
            let answer = try? connection.readAll(limit: 1 << 20)
        else { return false }
        return String(decoding: answer.prefix(12), as: UTF8.self).hasSuffix(" 200")
    }

    private static func withLoopback(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func withLoopback6(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = in_port_t(UInt16(port)).bigEndian
        // ::1
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0[15] = 1 }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}
