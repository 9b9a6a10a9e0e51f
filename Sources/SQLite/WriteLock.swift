internal import Linux

/// The lock file beside the database that every write transaction and every checkpoint holds.
///
/// SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when one connection commits while another checkpoints ("the
/// WAL-reset bug"); Debian 12 has 3.40.1. Under one lock the two never meet. It also makes writers take turns, instead of
/// SQLite's busy waits, which are unfair. Readers never take it.
struct WriteLock: ~Copyable {
    private let file: Descriptor

    /// Each connection opens its own descriptor: flock(2) belongs to the open file, so threads that shared one would both
    /// be let in.
    init(beside database: String) throws(SystemError) {
        file = try Descriptor.open(database + ".lock", O_RDWR | O_CREAT, mode: 0o600)
    }

    /// Waits until nobody else writes.
    borrowing func acquire() throws(SystemError) {
        let number = file.number
        guard retryingOnInterrupt({ flock(number, LOCK_EX) }) == 0 else { throw SystemError("flock", nil) }
    }

    borrowing func release() {
        _ = flock(file.number, LOCK_UN)
    }
}
