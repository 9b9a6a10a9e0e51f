internal import Linux
internal import Supervision

/// Sits by the processes that see attempts through, and learns from the kernel when one of them is gone.
///
/// A process descriptor (pidfd_open(2)) becomes readable when its process ends, so a worker need not ask every second
/// whether everybody still lives. One epoll descriptor stands for all of them, however many they are.
final class Vigil {
    /// Readable when somebody has fallen.
    let descriptor: Descriptor
    private var watched: [UInt64: Watched] = [:]
    private var watches: [String: [UInt64]] = [:]
    private var fallen: Set<String> = []
    private var next: UInt64 = 0

    private final class Watched {
        let name: String
        let process: Descriptor
        init(name: String, process: consuming Descriptor) {
            self.name = name
            self.process = process
        }
    }

    init() throws(SystemError) {
        let number = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard number >= 0 else { throw SystemError("epoll_create1", nil) }
        descriptor = Descriptor(owning: number)
    }

    /// Whether somebody's fall has not been taken yet and will make no descriptor readable any more.
    var hasFallen: Bool { !fallen.isEmpty }

    /// Watches the processes of an attempt. Once is enough; who is gone already counts as fallen.
    func keep(_ name: String, over processes: [ProcessIdentity]) {
        guard watches[name] == nil else { return }
        watches[name] = []
        for process in processes {
            guard let opened = process.open() else {
                fallen.insert(name)
                continue
            }
            next += 1
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: next))
            let added = epoll_ctl(descriptor.number, EPOLL_CTL_ADD, opened.number, &event)
            guard added == 0 else {
                fallen.insert(name)
                continue
            }
            watched[next] = Watched(name: name, process: opened)
            watches[name]?.append(next)
        }
    }

    /// The attempt is over; nothing more is to be told of it.
    func end(_ name: String) {
        fallen.remove(name)
        // Closing the descriptor takes it out of the epoll set.
        for id in watches.removeValue(forKey: name) ?? [] { watched[id] = nil }
    }

    /// The attempts of which a process has ended since the last call; each fall is told once.
    func takeFallen() -> Set<String> {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = epoll_wait(descriptor.number, &events, CInt(events.count), 0)
            guard count > 0 else { break }
            for event in events[..<Int(count)] {
                if let gone = watched.removeValue(forKey: event.data.u64) { fallen.insert(gone.name) }
            }
        }
        defer { fallen = [] }
        return fallen
    }
}
