import Linux
import Mail
import Scripts
import Serving
import Settings
import Supervision

/// Tells what is wrong: with the settings and the folders, and with scripts, as compilers do.
struct CheckCommand {
    static let usage = """
        usage: scriptrunner check [--json] [FILE...]

        Without a file: looks at the settings, the folders they name, and every script of script_dir.
        With files: looks at these scripts alone, wherever they lie, by the settings if there are any.
        --json prints the forms that they make, and says everything else on standard error.
        Ends with 65 if a script would not be offered, with 0 if there are warnings at most.

        """

    private let isJSON: Bool
    private let files: [String]
    /// What goes to standard output, and what to standard error.
    private let say: (String, CInt) -> Void

    /// - Parameter say: takes a text and 1 for standard output, or 2 for standard error.
    init(_ words: ArraySlice<String>, say: @escaping (String, CInt) -> Void) throws(Advice) {
        let options = words.filter { $0.hasPrefix("--") }
        for option in options where option != "--json" {
            throw Advice("check: \(option): not understood\n\(Self.usage)", status: EX_USAGE)
        }
        isJSON = !options.isEmpty
        files = words.filter { !$0.hasPrefix("--") }
        self.say = say
    }

    func run() throws -> CInt {
        guard files.isEmpty else {
            // An author's machine may have none.
            let style = (try? Settings.load()).map { AnnotationStyle($0) } ?? AnnotationStyle()
            return tell(files.map(Inspector(style: style).inspect))
        }
        let settings = try Settings.load()
        try check(settings)
        say("\(settings.file): nothing is wrong for user \(getuid())\n", isJSON ? 2 : 1)
        let inspector = Inspector(style: AnnotationStyle(settings))
        let findings = try Catalogue(settings).files().compactMap { path -> Inspector.Finding? in
            let finding = inspector.inspect(path)
            // Data may lie beside the scripts: what is neither executable nor says what it is for is none.
            let isScript =
                access(path, X_OK) == 0 || finding.script.map { $0.syntax >= 2 || !$0.parameters.isEmpty } ?? true
            return isScript ? finding : nil
        }
        let status = tell(findings)
        let offered = try Catalogue(settings).scripts().count
        let hidden = findings.count { $0.script == nil }
        say("\(offered) scripts are offered, \(hidden) are not\n", isJSON ? 2 : 1)
        return status
    }

    private func tell(_ findings: [Inspector.Finding]) -> CInt {
        for remark in findings.flatMap(\.remarks) { say("\(remark)\n", isJSON ? 2 : 1) }
        if isJSON { say(JSON.array(findings.compactMap { $0.script?.json }).text, 1) }
        return findings.allSatisfy { $0.script != nil } ? 0 : EX_DATAERR
    }

    private func check(_ settings: Settings) throws {
        try settings.check([
            (.stateDir, .write), (.databaseFolder, .write), (.inboxDir, .write), (.outboxDir, .write),
            (.scriptDir, .read),
        ])
        guard Message.isAddress(settings.emailAddress) else {
            throw settings.problem(
                with: "email_address", "\"\(settings.emailAddress)\" is no address to send mail from")
        }
        switch settings.mailTransport {
        case .file: try settings.check([(.mailDir, .write)])
        case .sendmail where access(settings.sendmailPath, X_OK) != 0:
            throw settings.problem(
                with: "sendmail_path", "\(settings.sendmailPath): \(String(cString: strerror(errno)))")
        default: break
        }
        for (key, path) in [("smtp_password_file", settings.smtpPasswordFile), ("smtp_ca_file", settings.smtpCaFile)] {
            if let path, access(path, R_OK) != 0 {
                throw settings.problem(with: key, "\(path): \(String(cString: strerror(errno)))")
            }
        }
        do throws(CgroupParent.Unusable) { _ = try CgroupParent.find(settings.cgroup.text) } catch {
            throw settings.problem(with: "cgroup", "\(error)")
        }
    }
}
