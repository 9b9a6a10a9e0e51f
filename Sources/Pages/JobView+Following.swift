import FileStore
import JobQueue
import Linux
import Storage
import Web

extension JobView {
    /// So many of those that follow a job are listed.
    private static let mostFollowers = 50

    /// What this job follows and what follows it; all of one requester.
    func following() throws -> HTML? {
        let before = try site.jobs.followed(by: job.id)
        let after = try site.jobs.followers(of: job.id, limit: Self.mostFollowers + 1)
        let rest: HTML? = after.count > Self.mostFollowers ? "<li>and more</li>" : nil
        return "\(list("Follows", before, nil))\(list("Followed by", Array(after.prefix(Self.mostFollowers)), rest))"
    }

    private func list(_ title: String, _ jobs: [Job], _ rest: HTML?) -> HTML? {
        let rows: [HTML] = jobs.map { job in
            """
            <li>\(badge(job.state)) <a href="\(site.path("jobs", "\(job.id)"))">#\(job.id.number) \(job.script)</a></li>
            """
        }
        return rows.isEmpty ? nil : "<h2>\(title)</h2><ul class=\"plain\">\(rows)\(rest)</ul>"
    }

    /// What a cancellation would mean for others, for whoever is about to ask for it.
    func warning() throws -> HTML? {
        let count = try site.jobs.countOfFollowers(of: job.id, in: .queued)
        guard count > 0 else { return nil }
        let words = count == 1 ? "One job follows it and would" : "\(count) jobs follow it and would"
        return "<p class=\"quiet\">\(words) be cancelled, too.</p>"
    }

    /// What a cancellation that was asked for means for others, after a sentence about this one.
    func fateOfFollowers() throws -> String {
        let isOver = job.state.isOver
        let count = try site.jobs.countOfFollowers(of: job.id, in: isOver ? .cancelled : .queued)
        guard count > 0 else { return "" }
        let fate = isOver ? count == 1 ? "is" : "are" : "will be"
        return " \(count == 1 ? "One job that follows" : "\(count) jobs that follow") it \(fate) cancelled, too."
    }

    /// A file that another job has left, as the value of a parameter.
    func result(_ parameter: JobParameter) throws -> HTML {
        let name = parameter.value
        guard let source = try parameter.source.flatMap(site.jobs.job) else {
            return "\(name) <small>(output of a job that was removed since)</small>"
        }
        let segments =
            ["files", "jobs", "\(source.id)"].map { Array($0.utf8) }
            + name.utf8.split(separator: UInt8(ascii: "/")).map(FileName.init)
        let file: HTML =
            isOwn && source.state == .succeeded
            ? #"<a href="\#(site.path(bytes: segments))" download>\#(name)</a>"#
            : "<span class=\"value\">\(name)</span>"
        return """
            \(file) <small>(output of <a href="\(site.path("jobs", "\(source.id)"))">job #\(source.id.number)</a>)</small>
            """
    }
}
