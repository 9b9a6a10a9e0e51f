/// Calls `body` with the address of a Unix socket in a directory. The directory's descriptor stands for its path, because
/// a socket's address holds 107 bytes only; `name` has to be short.
@inlinable
public func withSocketAddress<Result>(
    _ name: String, below directory: borrowing Descriptor,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var path = Descriptor.link(to: directory)
    path.append(UInt8(ascii: "/"))
    path += name.utf8
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}

/// Sends a word to a datagram socket in a directory, if somebody takes it at once; says whether.
///
/// A knock rather than a message: what it means is the socket's name, and nothing may depend on its arrival.
@discardableResult
public func knock(at name: String, below directory: borrowing Descriptor, saying word: String = "!") -> Bool {
    let number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard number >= 0 else { return false }
    let sender = Descriptor(owning: number)
    let length = word.utf8.count
    return withSocketAddress(name, below: directory) { address, size in
        sendto(sender.number, word, length, 0, __CONST_SOCKADDR_ARG(__sockaddr__: address), size) == length
    }
}
