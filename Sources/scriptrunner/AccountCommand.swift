import Accounts
import Linux
import Serving
import Settings
import Storage

/// The admin's part of accounts; the pages have none.
struct AccountCommand {
    private let settings: Settings
    private let users: UserStore

    static let usage = """
          accounts     list the accounts
          password     ADDRESS: set another password, read from standard input, and end the account's sessions
          close        ADDRESS: let nobody sign in to an account, and end its sessions
          reopen       ADDRESS: undo that
        """

    /// Longest line that is read as a password. Bytes; a password has at most 128 characters of at most four.
    private static let longestLine = 1024

    init(_ settings: Settings) throws {
        self.settings = settings
        do {
            let database = try Storage.open(settings.pathToDb, as: .admin)
            users = UserStore(database, hasher: PasswordHasher(slotsIn: settings.stateDir))
        } catch let problem as Storage.Problem {
            throw settings.problem(with: "path_to_db", "\(problem)")
        }
    }

    /// One line an account.
    func list() throws -> String {
        var text = ""
        for account in try users.accounts() {
            text += "\(account.user.email)  since \(account.createdAt.day)"
            text += account.closedAt.map { ", closed since \($0.day)\n" } ?? "\n"
        }
        return text
    }

    func setPassword(of address: String) throws -> String {
        let account = try users.account(named: address)
        let password = try readPassword()
        if let problem = PasswordProblem.of(password, minimum: settings.minPasswordLength) {
            throw Advice(problem.sentence, status: EX_DATAERR)
        }
        try users.setPassword(of: account.user.id, to: password)
        return "\(account.user.email): the password is set, and all sessions have ended\n"
    }

    func close(_ address: String) throws -> String {
        let account = try users.account(named: address)
        try users.close(account.user.id, at: Instant.now())
        return "\(account.user.email): closed\n"
    }

    func reopen(_ address: String) throws -> String {
        let account = try users.account(named: address)
        try users.reopen(account.user.id)
        return "\(account.user.email): open\n"
    }

    /// A line of standard input, never an argument: arguments are seen by everybody on the machine. A terminal does not
    /// show what is typed.
    private func readPassword() throws -> String {
        var former = termios()
        let isTerminal = tcgetattr(0, &former) == 0
        if isTerminal {
            let prompt = "New password: "
            _ = write(2, prompt, prompt.utf8.count)
            var silent = former
            silent.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(0, TCSAFLUSH, &silent)
        }
        defer {
            if isTerminal {
                tcsetattr(0, TCSAFLUSH, &former)
                _ = write(2, "\n", 1)
            }
        }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < Self.longestLine, retryingOnInterrupt({ read(0, &byte, 1) }) == 1, byte != 10 {
            line.append(byte)
        }
        if line.last == 13 { line.removeLast() }
        guard let password = String(validating: line, as: UTF8.self) else {
            throw Advice("the password is no text in UTF-8", status: EX_DATAERR)
        }
        return password
    }
}

extension UserStore {
    /// The account of an address as the admin types it.
    func account(named address: String) throws -> Account {
        guard let email = EmailAddress(address), let account = try account(of: email) else {
            throw Advice("\(address): nobody has this address; `scriptrunner accounts` lists all", status: EX_NOUSER)
        }
        return account
    }
}
