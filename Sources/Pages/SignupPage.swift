import Accounts
import EventLog
import Settings
public import Web

/// Making an account; who makes one is signed in at once.
public struct SignupPage: Page {
    let site: Site
    public init(_ site: Site) { self.site = site }

    public mutating func respond(to request: borrowing Request) throws -> Response {
        guard request.segments == ["signup"] else { throw RequestProblem.notFound }
        let guest = site.guest(request)
        guard request.method == .post else {
            let fromPage = request.query["fromPage"].flatMap(site.path.local)
            if try site.visitor(request) != nil { return .seeOther(fromPage ?? site.path()) }
            return AccountForms(site: site, guest: guest, fromPage: fromPage).page()
        }
        let form = try request.form()
        try form.check(guest.token)
        guard site.settings.signUp == .open else {
            throw RequestProblem(status: 403, sentence: "New accounts are made by the administrator. Please ask there.")
        }
        let login = form["login"] ?? ""
        let fromPage = form["fromPage"].flatMap(site.path.local)
        func again(_ sentence: String, with field: String) -> Response {
            AccountForms(
                site: site, guest: guest, fromPage: fromPage, login: login,
                signUpProblem: FormProblem(sentence, with: field)
            ).page(status: 422)
        }
        guard let address = EmailAddress(login) else {
            return again(
                "This is no e-mail address that we can write to. Expected is one like ada@example.org.",
                with: "new-login")
        }
        let password = form["password"] ?? ""
        if let problem = PasswordProblem.of(password, minimum: site.settings.minPasswordLength) {
            return again(problem.sentence, with: "new-password")
        }
        guard let user = try site.users.signUp(address, password: password, at: site.now()) else {
            return again("This address has an account already. Sign in with it instead.", with: "new-login")
        }
        site.log.note("signed-up", ["request": request.reference, "user": "\(user.id)", "from": request.remoteAddress])
        return try site.begin(user, request, leadingTo: fromPage ?? site.path())
    }
}
