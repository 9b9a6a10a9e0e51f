import Accounts
import EventLog
import FileStore
import JobQueue
import Linux
import Settings
import Storage
public import Web

/// A user's input files, and the downloads of inputs and outputs. All of another's files do not exist.
public struct FilesPage: Page {
    let site: Site
    public init(_ site: Site) { self.site = site }

    public mutating func respond(to request: borrowing Request) throws -> Response {
        guard let visitor = try site.visitor(request) else { return site.signIn(from: request) }
        let segments = request.segments
        guard segments.first == "files" else { throw RequestProblem.notFound }
        switch (segments.count > 1 ? segments[1] : "", segments.count, request.method) {
        case ("", 1, .post): return try upload(request, visitor)
        case ("", 1, _): return try list(visitor, note: visitor.note(request.query, at: site.now()))
        case ("inbox", 3, .get), ("inbox", 3, .head): return try sendInput(segments[2], visitor)
        case ("inbox", 4, .post) where segments[3] == "delete":
            try request.form().check(visitor.token)
            return try delete(segments[2], visitor, request)
        case ("jobs", 4..., .get), ("jobs", 4..., .head):
            return try sendOutput(segments[2], Array(request.rawSegments[3...]), visitor)
        default: throw RequestProblem.notFound
        }
    }

    private func list(_ visitor: Visitor, note: Note? = nil, problem: FormProblem? = nil) throws -> Response {
        let files = try site.inbox.files(of: visitor.user.id)
        let shared = try site.inbox.sharedFiles()
        let rows: [HTML] = files.map { file in
            """
            <tr><th scope="row"><a href="\(site.path("files", "inbox", "\(file.id)"))" download>\(file.name)</a></th>
            <td data-label="Size">\(readableSize(file.size))</td><td data-label="Uploaded">\(time(file.createdAt))</td>
            <td data-label="Expires">\(time(file.expiresAt))</td>
            <td><form method="post" action="\(site.path("files", "inbox", "\(file.id)", "delete"))">\(visitor.tokenField)
            <button class="quiet" aria-label="Delete \(file.name)">Delete</button></form></td></tr>
            """
        }
        let own: HTML =
            files.isEmpty
            ? #"<p class="empty">You have no files here yet. Scripts read what you upload.</p>"#
            : """
            <table><thead><tr><th scope="col">File</th><th scope="col">Size</th><th scope="col">Uploaded</th>
            <th scope="col">Expires</th><th scope="col"><span class="unseen">Delete</span></th></tr></thead>
            <tbody>\(rows)</tbody></table>
            """
        let sharedRows: [HTML] = shared.map {
            "<li><strong>\($0.name)</strong> <span>\(readableSize($0.size))</span></li>"
        }
        let sharedList: HTML? =
            shared.isEmpty ? nil : #"<h2>Shared files</h2><ul class="downloads">\#(sharedRows)</ul>"#
        return site.page(
            "Your files",
            """
            <h1>Your files</h1>
            \(note.map { #"<p class="done" role="status">\#($0.sentence)</p>"# as HTML })\(alert(problem?.sentence))
            <form class="panel upload" method="post" action="\(site.path("files"))" enctype="multipart/form-data">
            \(visitor.tokenField)<p class="field"><label for="file">Upload a file</label>
            <input id="file" type="file" name="file" required\(flaw(of: "file", problem))></p>
            <p><button>Upload</button></p></form>
            \(own)\(sharedList)
            """, for: visitor, at: .files, status: problem == nil ? 200 : 422)
    }

    private func upload(_ request: borrowing Request, _ visitor: Visitor) throws -> Response {
        var isTrusted = false
        var upload: Upload?
        var kept: InboxFile?
        do {
            try request.multipart(mostBytes: Int(site.settings.maxUploadBytes) + Submission.slack) { event in
                guard isTrusted else {
                    guard case .field("token", let token) = event, visitor.token.accepts(formToken: token)
                    else { throw RequestProblem.staleForm }
                    isTrusted = true
                    return
                }
                switch event {
                case .fileBegin("file", let name) where !name.isEmpty:
                    upload = try site.inbox.beginUpload(
                        named: name, by: visitor.user.id, most: site.settings.maxUploadBytes,
                        leavingFree: site.settings.minFreeBytes, files: site.settings.minFreeInodes)
                case .fileBytes(let bytes): try upload?.write(bytes)
                case .fileEnd:
                    if let complete = upload {
                        kept = try site.inbox.keep(complete, for: site.settings.retention, at: site.now())
                    }
                    upload = nil
                default: break
                }
            }
        } catch let refusal as Upload.Refusal {
            return try list(visitor, problem: FormProblem(refusal.sentence, with: "file"))
        }
        guard isTrusted else { throw RequestProblem.staleForm }
        guard let kept else { return try list(visitor, problem: FormProblem("Choose a file first.", with: "file")) }
        site.log.note(
            "file-uploaded", ["request": request.reference, "file": "\(kept.id)", "user": "\(visitor.user.id)"])
        return .seeOther(site.path("files").noting(.uploaded, to: visitor, at: site.now()))
    }

    private func delete(_ id: String, _ visitor: Visitor, _ request: borrowing Request) throws -> Response {
        guard let id = FileID(text: id), let file = try site.inbox.file(id, of: visitor.user.id)
        else { throw RequestProblem.notFound }
        if case .inUse(let job) = try site.inbox.delete(file) {
            return try list(
                visitor, problem: FormProblem("\(file.name) is read by job #\(job), which is not over yet."))
        }
        site.log.note("file-deleted", ["request": request.reference, "file": "\(id)", "user": "\(visitor.user.id)"])
        return .seeOther(site.path("files").noting(.deleted, to: visitor, at: site.now()))
    }

    private func sendInput(_ id: String, _ visitor: Visitor) throws -> Response {
        guard let id = FileID(text: id), let file = try site.inbox.file(id, of: visitor.user.id),
            let open = try? site.inbox.open(file)
        else { throw RequestProblem.notFound }
        return .download(Download(name: file.name, file: open, size: file.size))
    }

    private func sendOutput(_ id: String, _ segments: [FileName], _ visitor: Visitor) throws -> Response {
        guard let id = JobID(text: id), let job = try site.jobs.job(id), job.requester == visitor.user.id,
            let output = site.outbox.open(job.uid, segments)
        else { throw RequestProblem.notFound }
        let size = output.size
        let path = output.path
        return .download(
            Download(
                name: String(decoding: segments.last ?? [], as: UTF8.self), file: output.release(), size: size,
                forWebServer: (relative: [Array(job.uid.utf8)] + segments, absolute: path)))
    }
}
