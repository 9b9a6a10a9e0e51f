internal import Linux

/// Wakes the worker after a commit, so that an idle one acts at once.
///
/// One empty-handed datagram to a Unix socket. Nothing depends on its arrival: without a worker, or with a full socket,
/// it is simply not sent, and the worker looks for itself every `poll_interval`.
public struct Doorbell: Sendable {
    /// The folder that holds ``socketName``: state_dir.
    let folder: String

    /// The worker's socket in state_dir.
    public static let socketName = "worker.sock"

    public init(stateDirectory: String) { folder = stateDirectory }

    /// Rings.
    public func ring() {
        // A Unix socket's path holds 107 bytes; a folder's descriptor makes any path short.
        guard let folder = try? Descriptor.open(folder, O_PATH | O_DIRECTORY) else { return }
        let number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { return }
        let sender = Descriptor(owning: number)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = "/proc/self/fd/\(folder.number)/\(Doorbell.socketName)"
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(
                    sender.number, "!", 1, 0, __CONST_SOCKADDR_ARG(__sockaddr__: address),
                    socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
