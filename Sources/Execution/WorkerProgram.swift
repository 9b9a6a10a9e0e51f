public import EventLog
import JobQueue
import Linux
public import Settings
import Storage
import Supervision

/// The program `worker`: one for each database, never as root.
public enum WorkerProgram {
    /// Serves the queue until a signal ends it. Running jobs do not notice: they belong to their supervisors.
    public static func run(_ settings: Settings, log: EventLog) -> Never {
        guard getuid() != 0, geteuid() != 0 else {
            Settings.fail(
                SettingsProblem("worker: refuses to run as root: jobs must not; start it as an ordinary user"))
        }
        do throws(SettingsProblem) {
            try settings.check([
                (.stateDir, .write), (.databaseFolder, .write), (.inboxDir, .read), (.outboxDir, .write),
                (.scriptDir, .read),
            ])
        } catch {
            Settings.fail(error)
        }
        for program in ["supervisor", "mailer"] where access(executableFolder + "/" + program, X_OK) != 0 {
            Settings.fail(
                SettingsProblem("worker: \(executableFolder)/\(program) is missing; install it beside the worker"))
        }
        allowManyDescriptors()
        // Files and folders are ours alone unless made otherwise.
        umask(0o027)
        do {
            guard let lock = try WorkerLock(stateDir: settings.stateDir) else {
                log.note("refused", ["cause": "another worker serves this queue; stop it first"])
                exit(EX_TEMPFAIL)
            }
            let bell = try Bell(stateDir: settings.stateDir)
            try Storage.migrate(settings.pathToDb)
            let worker = try Worker(settings, programs: executableFolder, log: log, now: Instant.now)
            try worker.run(until: bell)
            // The next worker need not wait for a slow mail server.
            lock.release()
            worker.dismissMailer()
            log.note("worker-stopped")
            exit(0)
        } catch let problem as Storage.Problem {
            Settings.fail(settings.problem(with: "path_to_db", "\(problem)"))
        } catch let unusable as CgroupParent.Unusable {
            Settings.fail(settings.problem(with: "cgroup", "\(unusable)"))
        } catch is JobStore.Superseded {
            log.note("superseded", ["cause": "a later worker serves this queue"])
            exit(EX_TEMPFAIL)
        } catch {
            log.note("worker-failed", ["cause": "\(error)"])
            exit(EX_OSERR)
        }
    }

    /// Each live job takes two descriptors; so this is enough for two thousand. The usual 1024 are not meant for a daemon.
    private static let descriptors: rlim_t = 4096

    private static func allowManyDescriptors() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < descriptors
        else { return }
        limit.rlim_cur = min(descriptors, limit.rlim_max)
        setrlimit(__rlimit_resource(RLIMIT_NOFILE.rawValue), &limit)
    }
}
