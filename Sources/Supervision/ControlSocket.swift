internal import Linux

/// The socket that takes the wish to stop: `ctl.sock`. Only the owner reaches it: the directory is 0700.
///
/// It is bound before the shim is forked, so it is there before the ticket, and shared by guard and shim: a wish that the
/// shim could not attend to any more is found by the guard.
struct ControlSocket: ~Copyable {
    let descriptor: Descriptor

    init(in directory: borrowing Descriptor) throws(SystemError) {
        let number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SystemError("socket", nil) }
        let bound = Descriptor(owning: number)
        // An earlier supervisor's, which was killed before its ticket.
        _ = "ctl.sock".withCString { unlinkat(directory.number, $0, 0) }
        let failed = withSocketAddress("ctl.sock", below: directory) { address, size in
            bind(bound.number, __CONST_SOCKADDR_ARG(__sockaddr__: address), size)
        }
        guard failed == 0 else { throw SystemError("bind", "ctl.sock") }
        descriptor = bound
    }

    /// Forgets what has come: one wish says it all.
    borrowing func drain() {
        var byte: UInt8 = 0
        while recv(descriptor.number, &byte, 1, CInt(MSG_DONTWAIT)) >= 0 {}
    }
}
