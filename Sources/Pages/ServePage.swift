import EventLog
import Linux
import Scripts
import Settings
public import Storage
import Web

/// Serves one page until the web server closes the socket: reads the settings, makes sure that they will do, and answers.
public func servePage<P: Page>(_ role: Role, _ makePage: @escaping @Sendable (Site) -> P) -> Never {
    let settings = Settings.loadOrExit()
    let log = EventLog(program: "\(role)", now: Instant.now)
    do throws(SettingsProblem) {
        try settings.check([(.stateDir, .write), (.databaseFolder, .write)] + role.places)
    } catch {
        Settings.fail(error)
    }
    do {
        _ = try Storage.open(settings.pathToDb, as: role)
    } catch Storage.Problem.missing, Storage.Problem.outdated {
        // The worker or the admin is about to mend it: until then the page answers 503 with a sentence.
    } catch {
        Settings.fail(settings.problem(with: "path_to_db", "\(error)"))
    }
    let options = ServerOptions(origin: settings.baseURL.origin, prefix: settings.baseURL.prefix)
    let scripts = Catalogue(settings)
    serve(options, log: log) { PageHandler(role, settings, scripts, log, makePage) }
}

extension Role {
    /// The folders that the program uses besides state_dir.
    fileprivate var places: [(Settings.Place, Settings.Use)] {
        switch self {
        case .submit: [(.inboxDir, .write), (.outboxDir, .read), (.scriptDir, .read)]
        case .files: [(.inboxDir, .write), (.outboxDir, .read)]
        case .jobs: [(.outboxDir, .read)]
        default: []
        }
    }
}

/// Answers in one thread: opens the site when the database is ready, and shows problems in the site's own dress.
struct PageHandler<P: Page>: Handler {
    private let role: Role
    private let settings: Settings
    private let scripts: Catalogue
    private let log: EventLog
    private let makePage: @Sendable (Site) -> P
    private var page: P?

    init(
        _ role: Role, _ settings: Settings, _ scripts: Catalogue, _ log: EventLog,
        _ makePage: @escaping @Sendable (Site) -> P
    ) {
        self.role = role
        self.settings = settings
        self.scripts = scripts
        self.log = log
        self.makePage = makePage
    }

    mutating func respond(to request: borrowing Request) throws -> Response {
        if page == nil {
            do {
                page = makePage(try Site(role, settings: settings, scripts: scripts, log: log, now: Instant.now))
            } catch let problem as Storage.Problem {
                log.note("database-not-ready", ["request": request.reference, "cause": "\(problem)"])
                let sentence = "The service is being set up or upgraded. Please try again in a minute."
                return self.page(
                    about: RequestProblem(status: 503, sentence: sentence), reference: request.reference
                ).retryAfter(seconds: 30)
            }
        }
        return try page!.respond(to: request)
    }

    func page(about problem: RequestProblem, reference: String) -> Response {
        let frame = Frame(path: Paths(prefix: settings.baseURL.prefix), visitor: nil, current: nil, isBare: true)
        return frame.page(problem.title, problemBody(problem), status: problem.status)
    }

    private func problemBody(_ problem: RequestProblem) -> HTML {
        let path = Paths(prefix: settings.baseURL.prefix)
        return """
            <h1>\(problem.title)</h1>
            <p class="lead">\(problem.sentence)</p>
            <p class="actions"><a class="button" href="\(path())">Home</a></p>
            """
    }
}

extension RequestProblem {
    /// The heading of the page about it.
    var title: String {
        switch status {
        case 403: "Refused"
        case 404: "Not found"
        case 405: "Not that way"
        case 413, 414: "Too large"
        case 500: "Something went wrong"
        case 503: "Just a moment"
        default: "That did not work"
        }
    }

    /// There is nothing at this address, or nothing that this visitor may know of.
    static let notFound = RequestProblem(status: 404, sentence: "There is nothing at this address, or it is not yours.")
}
