public import EventLog
public import Linux

/// Empties the mail queue of what is due.
///
/// A mail is tried until somebody took it or it is three days old, whatever the mail server says: a wrong password, a
/// refused sender or a full disk over there is mended within that time, and nothing is lost. Only what no server could
/// ever take, a recipient that is no address, is given up at once.
public struct Mailer {
    private let mails: MailStore
    private let transport: any MailTransport
    private let sender: String
    private let log: EventLog
    private let now: Clock

    /// - Parameter sender: an address (`Message.isAddress`).
    public init(
        _ mails: MailStore, by transport: any MailTransport, from sender: String, log: EventLog, now: @escaping Clock
    ) {
        precondition(Message.isAddress(sender), "the sender is checked with the settings")
        self.mails = mails
        self.transport = transport
        self.sender = sender
        self.log = log
        self.now = now
    }

    /// Sends one mail after the other until none is due, or until `isAskedToEnd` says so between two of them.
    public func sendDue(until isAskedToEnd: () -> Bool) throws {
        while !isAskedToEnd(), let mail = try mails.due(at: now()) {
            guard try mails.begin(mail, at: now()) else { continue }
            do throws(Undelivered) {
                try deliver(mail)
            } catch {
                let isGivenUp = try mails.failed(
                    mail, because: error.reason, forGood: !Message.isAddress(mail.recipient), at: now())
                note(isGivenUp ? "mail-given-up" : "mail-not-sent", mail, cause: error.cause)
                continue
            }
            try mails.sent(mail, at: now())
            note("mail-sent", mail)
        }
    }

    private func deliver(_ mail: MailStore.Queued) throws(Undelivered) {
        guard Message.isAddress(mail.recipient) else {
            throw Undelivered("the recipient is no address that mail can be sent to", cause: "no address")
        }
        try transport.deliver(
            Message(
                from: sender, to: mail.recipient, subject: mail.subject, body: mail.body, date: mail.createdAt,
                id: mail.name))
    }

    /// Numbers only: neither the address nor a word of the mail stands in the log.
    private func note(_ event: StaticString, _ mail: MailStore.Queued, cause: String? = nil) {
        let (id, job, tries) = ("\(mail.id)", "\(mail.job)", "\(mail.tries + 1)")
        if let cause {
            log.note(event, ["mail": id, "job": job, "try": tries, "cause": cause])
        } else {
            log.note(event, ["mail": id, "job": job, "try": tries])
        }
    }
}

/// Runs `body` while this is the only mailer that sends; says `false`, and runs nothing, when another one is.
///
/// The kernel lets the lock go when its holder ends, however that happens.
@discardableResult
public func asOnlyMailer(in stateDirectory: String, _ body: () throws -> Void) throws -> Bool {
    let file = try Descriptor.open(stateDirectory + "/mailer.lock", O_RDWR | O_CREAT)
    let number = file.number
    guard retryingOnInterrupt({ flock(number, LOCK_EX | LOCK_NB) }) == 0 else {
        guard errno == EWOULDBLOCK else { throw SystemError("flock", "mailer.lock") }
        return false
    }
    defer { flock(file.number, LOCK_UN) }
    try body()
    return true
}
