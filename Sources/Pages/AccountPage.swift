import Accounts
import EventLog
internal import Settings
import Storage
public import Web

/// A user's own account: password and sessions.
public struct AccountPage: Page {
    let site: Site
    public init(_ site: Site) { self.site = site }

    public mutating func respond(to request: borrowing Request) throws -> Response {
        guard let visitor = try site.visitor(request) else { return site.signIn(from: request) }
        guard request.method == .post else {
            guard request.segments == ["account"] else { throw RequestProblem.notFound }
            return try page(visitor, note: visitor.note(request.query, at: site.now()))
        }
        let form = try request.form()
        try form.check(visitor.token)
        let account = site.path("account")
        switch request.segments {
        case ["account", "password"]: return try changePassword(form, visitor, request)
        case ["account", "sessions", "end"]:
            guard let session = form["session"].flatMap({ SessionID(text: $0) }) else { throw RequestProblem.notFound }
            try site.sessions.end(session, of: visitor.user.id)
            return .seeOther(account.noting(.sessionEnded, to: visitor, at: site.now()))
        case ["account", "sessions", "end-others"]:
            try site.sessions.endAll(of: visitor.user.id, but: visitor.session.id)
            return .seeOther(account.noting(.othersEnded, to: visitor, at: site.now()))
        default: throw RequestProblem.notFound
        }
    }

    private func changePassword(
        _ form: Form, _ visitor: Visitor, _ request: borrowing Request
    ) throws -> Response {
        let new = form["new"] ?? ""
        if let problem = PasswordProblem.of(new, minimum: site.settings.minPasswordLength) {
            return try page(visitor, problem: FormProblem(problem.sentence, with: "new"))
        }
        guard try site.users.changePassword(of: visitor.user.id, from: form["password"] ?? "", to: new) else {
            return try page(visitor, problem: FormProblem("The present password is not right.", with: "password"))
        }
        // Whoever knew the old one is out.
        try site.sessions.endAll(of: visitor.user.id, but: visitor.session.id)
        site.log.note("password-changed", ["request": request.reference, "user": "\(visitor.user.id)"])
        return .seeOther(site.path("account").noting(.passwordChanged, to: visitor, at: site.now()))
    }

    private func page(_ visitor: Visitor, note: Note? = nil, problem: FormProblem? = nil) throws -> Response {
        let minimum = site.settings.minPasswordLength
        let sessions: [HTML] = try site.sessions.sessions(of: visitor.user.id, at: site.now()).map { row($0, visitor) }
        let groups = try site.groups.groups(of: visitor.user.id).map(\.text).sorted()
        let membership: HTML? =
            groups.isEmpty
            ? nil
            : """
            <p>Your groups: <strong>\(groups.joined(separator: ", "))</strong>. Some scripts are for their members alone.</p>
            """
        return site.page(
            "Your account",
            """
            <h1>Your account</h1>
            \(note.map { #"<p class="done" role="status">\#($0.sentence)</p>"# as HTML })
            <p>You are signed in as <strong>\(visitor.user.email)</strong>. Mails about your jobs go there.</p>
            \(membership)
            <section class="panel" aria-labelledby="change"><h2 id="change">Change the password</h2>
            <form method="post" action="\(site.path("account", "password"))">\(visitor.tokenField)\(alert(problem?.sentence))
            <p class="field"><label for="password">Present password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" required\
            \(flaw(of: "password", problem))></p>
            <p class="field"><label for="new">New password <small>at least \(minimum) characters; 15 or more are better</small></label>
            <input id="new" name="new" type="password" autocomplete="new-password" minlength="\(minimum)" maxlength="128"
            required\(flaw(of: "new", problem))></p>
            <p><button>Change the password</button></p></form></section>
            <h2>Where you are signed in</h2>
            <table><thead><tr><th scope="col">Browser</th><th scope="col">Since</th><th scope="col">Last seen</th>
            <th scope="col"><span class="unseen">End</span></th></tr></thead><tbody>\(sessions)</tbody></table>
            <form method="post" action="\(site.path("account", "sessions", "end-others"))">\(visitor.tokenField)
            <p><button class="quiet">End all other sessions</button></p></form>
            """, for: visitor, at: .account, status: problem == nil ? 200 : 422)
    }

    private func row(_ session: Session, _ visitor: Visitor) -> HTML {
        let action: HTML =
            session.id == visitor.session.id
            ? #"<span class="quiet">this one</span>"#
            : """
            <form method="post" action="\(site.path("account", "sessions", "end"))">\(visitor.tokenField)
            <input type="hidden" name="session" value="\(session.id.number)"><button class="quiet"
            aria-label="End the session of \(browserName(session.userAgent))">End</button></form>
            """
        return """
            <tr><th scope="row" title="\(session.userAgent)">\(browserName(session.userAgent))</th>
            <td data-label="Since">\(time(session.createdAt))</td>
            <td data-label="Last seen">\(time(session.lastSeenAt))</td><td>\(action)</td></tr>
            """
    }
}
