import Settings
import Web

/// The two ways in, side by side: sign in, and sign up.
struct AccountForms {
    let site: Site
    let guest: Guest
    /// Where to go afterwards; a path of ours.
    let fromPage: Path?
    /// What was typed as the address.
    var login = ""
    var signInProblem: FormProblem?
    var signUpProblem: FormProblem?

    /// The page with both forms; what is wrong with one of them, or else signing in, takes the focus.
    func page(status: Int = 200) -> Response {
        let back: HTML? = fromPage.map { #"<input type="hidden" name="fromPage" value="\#($0)">"# }
        let minimum = site.settings.minPasswordLength
        let focus: HTML? = signInProblem == nil && signUpProblem == nil ? " autofocus" : nil
        let signUp: HTML =
            if site.settings.signUp == .closed {
                "<p>New accounts are made by the administrator. Please ask there.</p>"
            } else {
                """
                <form method="post" action="\(site.path("signup"))">
                \(guest.tokenField)\(back)\(alert(signUpProblem?.sentence))
                <p class="field"><label for="new-login">E-mail address</label>
                <input id="new-login" name="login" type="email" value="\(login)" autocomplete="username" maxlength="254"
                required\(flaw(of: "new-login", signUpProblem))></p>
                <p class="field"><label for="new-password">Password <small>at least \(minimum) characters; 15 or more are better</small></label>
                <input id="new-password" name="password" type="password" autocomplete="new-password" minlength="\(minimum)"
                maxlength="128" required\(flaw(of: "new-password", signUpProblem))></p>
                <p><button>Sign up</button></p>
                </form>
                """
            }
        let response = site.page(
            "Sign in or sign up",
            """
            <h1>Sign in or sign up</h1>
            <div class="columns">
            <section class="panel" aria-labelledby="sign-in"><h2 id="sign-in">Sign in</h2>
            <form method="post" action="\(site.path("login"))">
            \(guest.tokenField)\(back)\(alert(signInProblem?.sentence))
            <p class="field"><label for="login">E-mail address</label>
            <input id="login" name="login" type="email" value="\(login)" autocomplete="username" maxlength="254"
            required\(focus)\(flaw(of: "login", signInProblem))></p>
            <p class="field"><label for="password">Password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" required\
            \(flaw(of: "password", signInProblem))></p>
            <p><button>Sign in</button></p>
            <p class="quiet">Forgotten the password? The administrator can set another.</p>
            </form></section>
            <section class="panel" aria-labelledby="sign-up"><h2 id="sign-up">New here? Sign up</h2>
            <p>You get a mail there when a job of yours starts and when it ends.</p>
            \(signUp)</section>
            </div>
            """, for: nil, at: .login, status: status)
        return guest.dressed(response)
    }
}
