internal import Linux

/// How far the attempt has come, in a page of memory that guard, shim and the script's process before its exec share.
///
/// It outlives the shim, so that the guard goes on where the shim was: it knows of a stop that was begun and of a write that
/// failed. Nothing in it is needed for the truth of a status.
struct Progress {
    private struct Page {
        var stop: Int64
        var killAt: Int64
        var execFailure: Int64
        var hasKilled: Bool
        var hadStorageTrouble: Bool
        var recordHasFailed: Bool
    }

    private let page: UnsafeMutablePointer<Page>

    init() throws(SystemError) {
        let size = MemoryLayout<Page>.size
        let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        // MAP_FAILED is -1 as a pointer. The memory is all zeros.
        guard let start, Int(bitPattern: start) != -1 else { throw SystemError("mmap", nil) }
        page = start.bindMemory(to: Page.self, capacity: 1)
    }

    /// Why the script is being ended.
    var stop: ExitRecord.Stop {
        get { ExitRecord.Stop(rawValue: page.pointee.stop) ?? .none }
        nonmutating set { page.pointee.stop = newValue.rawValue }
    }

    /// When what has not ended by itself is killed, as `millisecondsSinceBoot()` counts.
    var killAt: Int64 {
        get { page.pointee.killAt }
        nonmutating set { page.pointee.killAt = newValue }
    }

    /// The errno for which the script could not be started; 0: none that is known.
    var execFailure: Int32 {
        get { Int32(truncatingIfNeeded: page.pointee.execFailure) }
        nonmutating set { page.pointee.execFailure = Int64(newValue) }
    }

    /// KILL was sent to the script.
    var hasKilled: Bool {
        get { page.pointee.hasKilled }
        nonmutating set { page.pointee.hasKilled = newValue }
    }

    /// Something could not be written or made durable.
    var hadStorageTrouble: Bool {
        get { page.pointee.hadStorageTrouble }
        nonmutating set { page.pointee.hadStorageTrouble = newValue }
    }

    /// The first file of the exit record failed, and is not to be trusted any more.
    var recordHasFailed: Bool {
        get { page.pointee.recordHasFailed }
        nonmutating set { page.pointee.recordHasFailed = newValue }
    }
}
