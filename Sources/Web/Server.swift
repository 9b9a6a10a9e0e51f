internal import CFastCGI
public import EventLog
internal import Linux

/// How a page program serves.
public struct ServerOptions: Sendable {
    /// Scheme, host and port that browsers reach the site by, as they say it in `Origin`.
    public let origin: String
    /// The path below which everything lives: empty, or beginning with a slash and not ending with one.
    public let prefix: String
    /// Requests served at once by this program. Four keep two cores busy even when some wait for the disk.
    public var threads = 4
    /// Most bytes of a form without its files.
    public var mostFormBytes = 1 << 20
    /// How long a peer may keep silent. Web servers hand over whole requests, so this is generous. Seconds.
    public var patience = 30

    public init(origin: String, prefix: String) {
        self.origin = origin
        self.prefix = prefix
    }

    var isSecure: Bool { origin.hasPrefix("https://") }
}

/// Answers requests, one at a time. Each thread makes one of its own, so it may hold a database connection.
public protocol Handler: SendableMetatype {
    /// Answers.
    ///
    /// - Throws: ``RequestProblem`` for what the visitor can mend; anything else is our failure and is logged.
    mutating func respond(to request: borrowing Request) throws -> Response

    /// The page that tells a visitor about a problem. It must not need what may have failed.
    mutating func page(about problem: RequestProblem, reference: String) -> Response
}

/// Serves until the web server or a SIGTERM ends it.
///
/// With a listening socket as descriptor 0 (systemd, spawn-fcgi, mod_fcgid, `scriptrunner serve`) it speaks FastCGI in
/// several threads, each with a handler that it makes itself; SIGTERM lets what is being served be finished. Without one
/// it answers the one request of a CGI process. Arguments are ignored: some web servers make them of the query.
public func serve<H: Handler>(
    _ options: ServerOptions, log: EventLog, makeHandler: @escaping @Sendable () throws -> H
) -> Never {
    signal(SIGPIPE, SIG_IGN)
    guard isListeningSocket(0) else {
        do {
            var handler = try makeHandler()
            let isSent = serveOne(CGITransport(), with: &handler, options, log)
            exit(isSent ? 0 : 1)
        } catch {
            log.note("cannot-serve", ["cause": "\(error)"])
            exit(EX_UNAVAILABLE)
        }
    }
    // libfcgi installs handlers of its own for these; blocked before any thread starts, they never run.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGINT, SIGUSR1, SIGPIPE] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    guard FCGX_Init() == 0 else {
        log.note("cannot-serve", ["cause": "FCGX_Init"])
        exit(EX_UNAVAILABLE)
    }
    // Several processes may share the socket; a connection that another one took must not block a thread here.
    let flags = clinux_fcntl_int(0, F_GETFL, 0)
    _ = clinux_fcntl_int(0, F_SETFL, flags | O_NONBLOCK)
    let stop = eventfd(0, CInt(EFD_CLOEXEC))
    let arrived = signalfd(-1, &signals, CInt(SFD_CLOEXEC))
    precondition(stop >= 0 && arrived >= 0, "descriptors are to be had at the start")

    let threads = (0..<options.threads).map { _ in
        Thread {
            do {
                var handler = try makeHandler()
                acceptLoop(&handler, stop: stop, options, log)
            } catch {
                log.note("cannot-serve", ["cause": "\(error)"])
                exit(EX_UNAVAILABLE)
            }
        }
    }
    log.note("serving", ["threads": "\(options.threads)"])
    var information = signalfd_siginfo()
    repeat {
        _ = read(arrived, &information, MemoryLayout<signalfd_siginfo>.size)
    } while information.ssi_signo == UInt32(SIGPIPE)
    // As many as there are threads may read it; none resets it.
    var one: UInt64 = 1
    _ = write(stop, &one, MemoryLayout<UInt64>.size)
    for thread in threads { thread.join() }
    log.note("stopped")
    exit(0)
}

/// How long a thread waits when no connection can be accepted. Milliseconds.
private let pauseAfterFailure: CInt = 500

/// Accepts connections until `stop` becomes readable, and answers one request on each.
///
/// The loop is ours because libfcgi's accept does not return on a stop and leaves sockets open across exec; and each
/// connection is closed after one answer, because a kept one pins its thread, and the unread rest of one request would
/// be taken for the next.
private func acceptLoop<H: Handler>(_ handler: inout H, stop: CInt, _ options: ServerOptions, _ log: EventLog) {
    let request = UnsafeMutablePointer<FCGX_Request>.allocate(capacity: 1)
    request.initialize(to: FCGX_Request())
    FCGX_InitRequest(request, -1, 0)
    let transport = FastCGITransport(request)
    var patience = timeval(tv_sec: options.patience, tv_usec: 0)
    while true {
        var waiting = [
            pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&waiting, 2, -1)
        if waiting[1].revents != 0 { break }
        let connection = accept4(0, __SOCKADDR_ARG(__sockaddr__: nil), nil, CInt(SOCK_CLOEXEC.rawValue))
        guard connection >= 0 else {
            // Another thread or process took it, or it went away. Otherwise descriptors or memory have run out, and the
            // connection still waits: without a pause, all threads would spin until some are free again.
            if errno != EAGAIN && errno != ECONNABORTED && errno != EINTR {
                log.note("cannot-accept", ["cause": SystemError("accept4", nil).reason])
                var stopped = pollfd(fd: stop, events: Int16(POLLIN), revents: 0)
                _ = poll(&stopped, 1, pauseAfterFailure)
            }
            continue
        }
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(connection, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        // FCGX_Accept_r first finishes the previous request; as "kept", that leaves the new connection open. With a
        // connection at hand it does not accept but reads the request.
        request.pointee.keepConnection = 1
        request.pointee.ipcFd = connection
        guard FCGX_Accept_r(request) == 0 else {
            // A silent or garbled peer. libfcgi has closed the connection.
            request.pointee.keepConnection = 0
            FCGX_Finish_r(request)
            continue
        }
        request.pointee.keepConnection = 0
        // Variables that broke off look complete to libfcgi, but for this.
        if FCGX_GetError(request.pointee.in) == 0 { _ = serveOne(transport, with: &handler, options, log) }
        FCGX_Finish_r(request)
    }
    request.deallocate()
}

/// Answers one request; every failure ends here.
private func serveOne<H: Handler>(
    _ transport: any Transport, with handler: inout H, _ options: ServerOptions, _ log: EventLog
) -> Bool {
    let reference = String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
    // Even of a request that is refused otherwise: a HEAD is answered without a body.
    let method = try? Request.method(transport)
    var response: Response
    do {
        let request = try Request(transport, options: options, reference: reference)
        response = try handler.respond(to: request)
    } catch let problem as RequestProblem {
        response = handler.page(about: problem, reference: reference)
        // HTTP demands it (RFC 9110, section 15.5.6). A page that refuses one way of asking takes the other.
        if problem.status == 405 {
            let other = method == .post ? "GET, HEAD" : "POST"
            response.headers.append(("Allow", method == nil ? "GET, HEAD, POST" : other))
        }
    } catch {
        log.note(
            "request-failed",
            ["request": reference, "address": transport.parameter("REQUEST_URI") ?? "", "cause": "\(error)"])
        let sentence = "Something went wrong on our side. It has been written to the log under the number \(reference)."
        response = handler.page(about: RequestProblem(status: 500, sentence: sentence), reference: reference)
    }
    return response.send(to: transport, answering: method, options: options)
}

private func isListeningSocket(_ descriptor: CInt) -> Bool {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0
}

/// A thread that runs one closure.
private struct Thread {
    private final class Task: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let handle: pthread_t

    init(_ run: @escaping @Sendable () -> Void) {
        var handle = pthread_t()
        let failed = pthread_create(
            &handle, nil,
            { task in
                Unmanaged<Task>.fromOpaque(task!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(Task(run)).toOpaque())
        precondition(failed == 0, "threads are to be had at the start")
        self.handle = handle
    }

    func join() { pthread_join(handle, nil) }
}
