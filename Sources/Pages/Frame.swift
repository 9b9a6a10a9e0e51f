internal import Accounts
import Linux
import Web

/// What every page has around it: head, header, footer.
struct Frame {
    let path: Paths
    let visitor: Visitor?
    let current: Place?
    /// A page about a problem may not know who asks; it offers nobody to sign in who is signed in already.
    var isBare = false

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
            <header class="top"><a class="brand" href="\(path())">\
            <img src="\(path("static", "icon.svg"))" alt="" width="28" height="28">ScriptRunner</a>
            \(navigation)</header>
            <main id="content"\(isLive ? " data-live" as HTML : "")>
            \(body)
            </main>
            \(footer)
            </body>
            </html>

            """, status: status)
    }

    private var navigation: HTML? {
        if isBare { return nil }
        guard let visitor else {
            return #"<nav aria-label="Main">\#(link("Sign in", path("login"), .login))</nav>"#
        }
        return """
            <nav aria-label="Main">\(link("Submit", path("submit"), .submit)) \(link("Jobs", path("jobs"), .jobs))
            \(link("Files", path("files"), .files))</nav>
            <p class="who"><span>Signed in as</span> \(link(visitor.user.email, path("account"), .account))</p>
            """
    }

    private var footer: HTML {
        if isBare { return #"<footer><nav aria-label="Footer">\#(link("Home", path(), .home))</nav></footer>"# }
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
    // Day and time are apart, so that a narrow column breaks the line between them and nowhere else.
    let (day, clock) = (instant.day, String(instant.readable.dropFirst(11)))
    return #"<time datetime="\#(instant.iso8601())"><span>\#(day)</span> <span>\#(clock)</span></time>"#
}

/// The same, or a dash.
func time(_ instant: Instant?) -> HTML { instant.map { time($0) } ?? "–" }

/// A text that may be endless, for a table that shows many: its beginning.
func shortened(_ text: String, to most: Int = 120) -> String {
    // Scalars, because one character may hold any number of them.
    let scalars = text.unicodeScalars
    guard let end = scalars.index(scalars.startIndex, offsetBy: most, limitedBy: scalars.endIndex),
        end < scalars.endIndex
    else { return text }
    return String(scalars[..<end]) + "…"
}
