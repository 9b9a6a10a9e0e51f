import Cleaning
import EventLog
import FileStore
import Linux
import Settings
import Storage

// The cron task: removes what has expired, once, and ends.

let usage = """
    usage: cleaner [--dry-run] [--help]

    Removes sessions, jobs and files that have expired, and what crashes have left behind. Says what it removed.
      --dry-run   changes nothing, and lists what would be removed

    Exit status: 0 done, or another cleaner is running; 1 something could not be removed; 64 wrong usage;
    75 the database is not there yet or has to be migrated; 78 the settings are wrong.

    """

/// Of sysexits.h.
let wrongUsage: CInt = 64
let tryLater: CInt = 75

func tell(_ text: String, to number: CInt) {
    var text = text
    // Nobody may be listening: no reason to stop.
    text.withUTF8 { _ = write(number, $0.baseAddress, $0.count) }
}

func clean(_ arguments: [String]) -> CInt {
    var isDryRun = false
    for argument in arguments {
        switch argument {
        case "--dry-run": isDryRun = true
        case "--help":
            tell(usage, to: 1)
            return 0
        default:
            tell("cleaner: unknown argument \(EventLog.inQuotes(argument))\n" + usage, to: 2)
            return wrongUsage
        }
    }
    let settings = Settings.loadOrExit()
    do throws(SettingsProblem) {
        try settings.check([(.inboxDir, .write), (.outboxDir, .write), (.stateDir, .write), (.databaseFolder, .write)])
        if !isDryRun { try refuseRoot(settings) }
    } catch {
        Settings.fail(error)
    }
    do {
        // A dry run changes nothing, so it neither waits for another nor keeps one away.
        if isDryRun { return try clean(settings, isDryRun: true) }
        if let status = try alone(in: settings.stateDir, { try clean(settings, isDryRun: false) }) { return status }
        tell("another cleaner is running\n", to: 1)
        return 0
    } catch let problem as Storage.Problem {
        switch problem {
        case .missing, .outdated:
            tell("cleaner: \(problem)\n", to: 2)
            return tryLater
        case .newer, .foreign: Settings.fail(settings.problem(with: "path_to_db", "\(problem)"))
        }
    } catch {
        tell("cleaner: \(error)\n", to: 2)
        return 1
    }
}

/// What root made in folders of ScriptRunner's own user would be in that user's way for ever.
func refuseRoot(_ settings: Settings) throws(SettingsProblem) {
    var status = stat()
    guard geteuid() == 0, stat(settings.stateDir, &status) == 0, status.st_uid != 0 else { return }
    throw settings.problem(
        with: "state_dir", "\(settings.stateDir) belongs to user \(status.st_uid); run the cleaner as that user")
}

func clean(_ settings: Settings, isDryRun: Bool) throws -> CInt {
    let database = try Storage.open(settings.pathToDb, as: .cleaner)
    let cleaning = Cleaning(
        database, inbox: Inbox(root: settings.inboxDir, database: database), outbox: Outbox(root: settings.outboxDir),
        attempts: Attempts(root: settings.attemptsDir), secrets: Secrets(stateDirectory: settings.stateDir),
        sharedRetention: settings.sharedRetention, isDryRun: isDryRun,
        at: Instant.now(), log: EventLog(program: "cleaner", now: Instant.now), say: { tell($0 + "\n", to: 1) })
    return cleaning.run() ? 0 : 1
}

exit(clean(Array(CommandLine.arguments.dropFirst())))
