import Accounts
import Linux
internal import SQLite
internal import Settings
import Web

/// Who asks, signed in.
struct Visitor {
    let session: Session
    let token: SessionToken
    let membership = Membership()
    var user: User { session.user }

    /// The first field of every form: proves that the form came from a page of this session.
    var tokenField: HTML { #"<input type="hidden" name="token" value="\#(token.formToken)">"# }
}

/// Who asks, not signed in. The forms for signing in and up have a token too, so that no other site can sign somebody in.
struct Guest {
    let token: SessionToken
    let isNew: Bool

    var tokenField: HTML { #"<input type="hidden" name="token" value="\#(token.formToken)">"# }

    /// Adds the cookie if the browser has none yet.
    func dressed(_ response: Response) -> Response {
        isNew ? response.setting(Cookie("scriptrunner_guest", value: token.cookie, lifetime: nil)) : response
    }
}

extension Site {
    /// The signed-in visitor, or `nil`.
    func visitor(_ request: borrowing Request) throws -> Visitor? {
        guard let cookie = request.cookie("scriptrunner_session"), let token = SessionToken(cookie: cookie),
            let session = try sessions.session(token, at: now())
        else { return nil }
        return Visitor(session: session, token: token)
    }

    /// The visitor of a page that takes no session.
    func guest(_ request: borrowing Request) -> Guest {
        if let cookie = request.cookie("scriptrunner_guest"), let token = SessionToken(cookie: cookie) {
            return Guest(token: token, isNew: false)
        }
        return Guest(token: SessionToken(), isNew: true)
    }

    /// Leads a stranger to sign in and back again. What was sent by a POST is not sent again, and an address that nobody
    /// would be led back to is not carried along: it could be too long for the next request.
    func signIn(from request: borrowing Request) -> Response {
        let login = path("login")
        guard request.method != .post, let back = path.local(request.address) else { return .seeOther(login) }
        return .seeOther(login.query("fromPage", back.text))
    }

    /// A new session for a user, in a cookie.
    func begin(_ user: User, _ request: borrowing Request, leadingTo target: Path) throws -> Response {
        let token = try database.write {
            let token = try sessions.begin(
                for: user.id, userAgent: request.userAgent, lasting: settings.sessionLifetime, at: now())
            try sessions.trim(of: user.id)
            return token
        }
        let seconds = Int(settings.sessionLifetime.milliseconds / 1000)
        return .seeOther(target).setting(Cookie("scriptrunner_session", value: token.cookie, lifetime: seconds))
    }
}

extension Form {
    /// Makes sure that the form came from a page that was served to this very cookie.
    func check(_ token: SessionToken) throws(RequestProblem) {
        guard let field = self["token"], token.accepts(formToken: field) else { throw .staleForm }
    }
}

extension RequestProblem {
    /// The form's token is missing or another's.
    static let staleForm = RequestProblem(
        status: 403, sentence: "This form is from an earlier visit. Open the page again and send it from there.")
}
