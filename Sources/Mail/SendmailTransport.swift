public import Linux
public import Settings

/// Gives each mail to the machine's own mail system by its sendmail program.
///
/// The program gets its arguments one by one, without a shell, the mail as a file on standard input, an environment of
/// ours, and no descriptor but those three.
public struct SendmailTransport: MailTransport {
    private let program: String
    private let timeLimit: Instant.Span

    /// Programs that only queue take a blink; those that deliver at once (msmtp, for one) wait for the mail server, which
    /// may take ten minutes over a mail's end alone (RFC 5321, section 4.5.3.2.6).
    public static let timeLimit = Instant.Span.minutes(10)
    /// Between the request to end and the end of a program that does not heed it.
    static let grace = Instant.Span.seconds(2)
    /// What is kept of what the program says; the rest is read and dropped. Bytes.
    private static let longestOutput = 4096

    /// - Throws: `SettingsProblem` if sendmail_path is nothing that can be run.
    public init(
        _ settings: Settings, timeLimit: Instant.Span = SendmailTransport.timeLimit
    ) throws(SettingsProblem) {
        program = settings.sendmailPath
        self.timeLimit = timeLimit
        var status = stat()
        guard stat(program, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(program, X_OK) == 0 else {
            throw settings.problem(
                with: "sendmail_path",
                "\(program) is no program that user \(getuid()) can run; install one, correct the "
                    + "path, or choose another mail_transport")
        }
    }

    public func deliver(_ message: Message) throws(Undelivered) {
        // On a pipe sendmail expects the line ends of Unix. The message has no other CR than those of its line ends.
        let text = message.rendered.filter { $0 != UInt8(ascii: "\r") }
        let arguments = ["sendmail", "-i", "-f", message.from, "--", message.to]
        let outcome: ChildProcess.Outcome
        do throws(SystemError) {
            outcome = try ChildProcess.run(
                program, arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"], input: text,
                outputLimit: Self.longestOutput, timeLimit: timeLimit, grace: Self.grace)
        } catch {
            throw Undelivered("\(error)", cause: "\(error)")
        }
        let said = outcome.output.isEmpty ? "" : ": " + String(decoding: outcome.output, as: UTF8.self)
        switch outcome.end {
        case .exited(0): return
        case .exited(let status):
            throw Undelivered("sendmail exited with status \(status)\(said)", cause: "exit status \(status)")
        case .signalled(let number):
            let name = signalName(number)
            throw Undelivered("sendmail was ended by signal \(name)\(said)", cause: "signal \(name)")
        case .tookTooLong:
            throw Undelivered("sendmail did not end within \(timeLimit.readable)\(said)", cause: "time limit")
        }
    }
}
