internal import Linux

/// Wakes the worker after a commit, so that an idle one acts at once.
///
/// One empty-handed datagram to a Unix socket. Nothing depends on its arrival: without a worker, or with a full socket,
/// it is simply not sent, and the worker looks for itself every `poll_interval`.
public struct Doorbell: Sendable {
    /// The folder that holds the worker's socket `worker.sock`: state_dir.
    let folder: String

    public init(stateDirectory: String) { folder = stateDirectory }

    /// Rings.
    public func ring() {
        guard let folder = try? Descriptor.open(folder, O_PATH | O_DIRECTORY) else { return }
        knock(at: "worker.sock", below: folder)
    }
}
