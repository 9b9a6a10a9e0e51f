/// What a person calls the browser that names itself so: `Firefox on Windows`. What is not recognised stays as it is.
///
/// Browsers claim to be each other, so the order of the looks matters: the rarer claim first.
func browserName(_ userAgent: String) -> String {
    func first(_ known: [(mark: String, name: String)]) -> String? {
        known.first { contains(userAgent.utf8, $0.mark.utf8) }?.name
    }
    let browser = first([
        ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ])
    let system = first([
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
        ("Macintosh", "Mac"), ("Linux", "Linux"),
    ])
    guard let browser, let system else { return userAgent.isEmpty ? "unknown" : userAgent }
    return "\(browser) on \(system)"
}

private func contains(_ text: String.UTF8View, _ part: String.UTF8View) -> Bool {
    text.indices.contains { text[$0...].starts(with: part) }
}
