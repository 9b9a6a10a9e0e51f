internal import Linux
public import Settings

/// Puts each mail into a folder, as a file that mail programs open: for trying things out, and for machines without mail.
///
/// The name follows from the mail, and a file appears whole or not at all: a mail written twice is one file.
public struct FileTransport: MailTransport {
    private let path: String

    /// - Throws: `SettingsProblem` if mail_dir cannot be written to.
    public init(_ settings: Settings) throws(SettingsProblem) {
        try settings.check([(.mailDir, .write)])
        path = settings.mailDir
    }

    public func deliver(_ message: Message) throws(Undelivered) {
        do throws(SystemError) {
            let folder = try Descriptor.directory(path)
            let name = message.id + ".eml"
            let draft = "." + name
            let file = try folder.open(beneath: draft, O_WRONLY | O_CREAT | O_TRUNC)
            try file.write(message.rendered)
            try file.sync()
            try folder.rename(Array(draft.utf8), to: folder, as: Array(name.utf8))
            try folder.sync()
        } catch {
            throw Undelivered("\(error)", cause: "\(error)")
        }
    }
}
