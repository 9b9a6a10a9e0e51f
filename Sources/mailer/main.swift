import EventLog
import Linux
import Mail
import SMTP
import Settings
import Storage

// Sends the mails that are due, then ends. The worker starts it; started by hand it does the same.
takeNoArguments("mailer", "Sends the mails that are due, then ends. The worker starts it.")
sendMail()

/// Ends with 0 when none is due or another mailer is at it, with 78 when the admin has to mend something first, and with
/// 75 (EX_TEMPFAIL) when it may work later.
func sendMail() -> Never {
    deferTermination()
    // A mail server that goes away is an error like others.
    signal(SIGPIPE, SIG_IGN)
    let temporaryFailure: CInt = 75
    let settings = Settings.loadOrExit()
    let log = EventLog(program: "mailer", now: Instant.now)
    do {
        try settings.check([(.stateDir, .write), (.databaseFolder, .write)])
        guard Message.isAddress(settings.emailAddress) else {
            throw settings.problem(
                with: "email_address", "\"\(settings.emailAddress)\" is no address to send mail from")
        }
        let transport: any MailTransport =
            switch settings.mailTransport {
            case .file: try FileTransport(settings)
            case .sendmail: try SendmailTransport(settings)
            case .smtp: try SMTPTransport(settings)
            }
        let mails = MailStore(try Storage.open(settings.pathToDb, as: .mailer))
        let mailer = Mailer(mails, by: transport, from: settings.emailAddress, log: log, now: Instant.now)
        try asOnlyMailer(in: settings.stateDir) { try mailer.sendDue(until: isAskedToEnd) }
    } catch let problem as SettingsProblem {
        Settings.fail(problem)
    } catch let problem as Storage.Problem {
        let isPassing = if case .missing = problem { true } else if case .outdated = problem { true } else { false }
        Settings.fail(
            settings.problem(with: "path_to_db", "\(problem)"),
            status: isPassing ? temporaryFailure : Settings.exitStatus)
    } catch {
        log.note("mailer-failed", ["cause": "\(error)"])
        exit(temporaryFailure)
    }
    exit(0)
}
