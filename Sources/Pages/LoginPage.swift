import Accounts
import EventLog
public import Web

/// Signing in and out.
///
/// A wrong password and an unknown address get the same sentence after the same time. Signing out is a POST and deletes
/// the session, so that a copied cookie is worth nothing afterwards.
public struct LoginPage: Page {
    let site: Site
    public init(_ site: Site) { self.site = site }

    public mutating func respond(to request: borrowing Request) throws -> Response {
        switch (request.segments, request.method) {
        case (["login"], .post): return try signIn(request)
        case (["login"], _): return try show(request)
        case (["logout"], .post): return try signOut(request)
        case (["logout"], _):
            throw RequestProblem(status: 405, sentence: "Log out by the button at the foot of a page.")
        default: throw RequestProblem.notFound
        }
    }

    private func show(_ request: borrowing Request) throws -> Response {
        let fromPage = request.query["fromPage"].flatMap(site.path.local)
        if try site.visitor(request) != nil { return .seeOther(fromPage ?? site.path()) }
        return AccountForms(site: site, guest: site.guest(request), fromPage: fromPage).page()
    }

    private func signIn(_ request: borrowing Request) throws -> Response {
        let form = try request.form()
        let guest = site.guest(request)
        try form.check(guest.token)
        let login = form["login"] ?? ""
        let fromPage = form["fromPage"].flatMap(site.path.local)
        guard let user = try site.users.signIn(login, password: form["password"] ?? "") else {
            site.log.note("sign-in-refused", ["request": request.reference, "from": request.remoteAddress])
            return AccountForms(
                site: site, guest: guest, fromPage: fromPage, login: login,
                signInProblem: FormProblem(
                    "This e-mail address and password do not belong together. Check both and try again.",
                    with: "login", "password")
            ).page(status: 422)
        }
        site.log.note("signed-in", ["request": request.reference, "user": "\(user.id)", "from": request.remoteAddress])
        return try site.begin(user, request, leadingTo: fromPage ?? site.path())
    }

    private func signOut(_ request: borrowing Request) throws -> Response {
        let gone = Response.seeOther(site.path()).setting(Cookie("scriptrunner_session", value: "", lifetime: 0))
        guard let visitor = try site.visitor(request) else { return gone }
        try request.form().check(visitor.token)
        try site.sessions.end(visitor.session.id, of: visitor.user.id)
        site.log.note("signed-out", ["request": request.reference, "user": "\(visitor.user.id)"])
        return gone
    }
}
