internal import Accounts
import Linux
import Web

/// What every page has around it: head, header, footer.
struct Frame {
    let path: Paths
    let visitor: Visitor?
    let current: Place?

    /// The places that navigation leads to.
    enum Place { case home, submit, jobs, files, account, login }

    /// A whole page.
    ///
    /// - Parameter isLive: the page shows something that changes by itself; browsers fetch it again every few seconds.
    func page(_ title: String, _ body: HTML, status: Int = 200, isLive: Bool = false) -> Response {
        // Without JavaScript the browser reloads the page; with it, only what changed is replaced.
        let refresh: HTML = isLive ? #"<noscript><meta http-equiv="refresh" content="5"></noscript>"# : ""
        return .page(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title) – ScriptRunner</title>
            <link rel="stylesheet" href="\(path("static", "style.css"))">
            <link rel="icon" href="\(path("static", "icon.svg"))">
            <script src="\(path("static", "live.js"))" defer></script>
            \(refresh)
            </head>
            <body>
            <a class="skip" href="#content">Skip to the content</a>
            \(header)
            <main id="content"\(isLive ? " data-live" as HTML : "")>
            \(body)
            </main>
            \(footer)
            </body>
            </html>

            """, status: status)
    }

    private var header: HTML {
        guard let visitor else {
            return """
                <header class="top"><a class="brand" href="\(path())">ScriptRunner</a>
                <nav aria-label="Main">\(link("Sign in", path("login"), .login))</nav></header>
                """
        }
        return """
            <header class="top"><a class="brand" href="\(path())">ScriptRunner</a>
            <nav aria-label="Main">\(link("Submit", path("submit"), .submit)) \(link("Jobs", path("jobs"), .jobs))
            \(link("Files", path("files"), .files))</nav>
            <p class="who">Signed in as \(link(visitor.user.email, path("account"), .account))</p></header>
            """
    }

    private var footer: HTML {
        guard let visitor else {
            return """
                <footer><nav aria-label="Footer">\(link("Home", path(), .home))
                \(link("Sign in or sign up", path("login"), nil))</nav></footer>
                """
        }
        return """
            <footer><nav aria-label="Footer">\(link("Home", path(), .home)) \(link("Submit Job", path("submit"), .submit))
            \(link("View Jobs", path("jobs"), .jobs))
            <form method="post" action="\(path("logout"))">\(visitor.tokenField)<button class="link">Log out</button></form>
            </nav></footer>
            """
    }

    private func link(_ text: String, _ target: Path, _ place: Place?) -> HTML {
        let mark: HTML = place != nil && place == current ? #" aria-current="page""# : ""
        return #"<a href="\#(target)"\#(mark)>\#(text)</a>"#
    }
}

extension Site {
    /// A page in its frame.
    func page(
        _ title: String, _ body: HTML, for visitor: Visitor?, at place: Frame.Place?, status: Int = 200,
        isLive: Bool = false
    ) -> Response {
        Frame(path: path, visitor: visitor, current: place).page(title, body, status: status, isLive: isLive)
    }
}

/// A time for people, with the exact one for machines.
func time(_ instant: Instant) -> HTML {
    #"<time datetime="\#(instant.iso8601())">\#(instant.readable)</time>"#
}

/// The same, or a dash.
func time(_ instant: Instant?) -> HTML { instant.map { time($0) } ?? "–" }

/// What is wrong with a form, where screen readers hear it first.
func alert(_ sentence: String?) -> HTML? {
    sentence.map { #"<p class="problem" role="alert">\#($0)</p>"# }
}
