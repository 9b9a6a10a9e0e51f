import Linux
import TestSupport
import Testing

/// The promises that the compiler keeps: it is asked.
@Suite struct `What must not compile` {
    let scratch = ScratchDirectory()

    /// The compiler's errors: the numbers of the lines of `code` that are wrong.
    private func wrongLines(of code: [String]) throws -> Set<Int> {
        // Each line a scope of its own, so that no error hides another, with all that it may use.
        let scope = "(html: inout HTML, text: String, maybe: String?, fraction: Double, paths: Paths)"
        let lines = code.indices.map { "func line\($0)\(scope) { \(code[$0]) }" }
        try Descriptor.open(scratch("code.swift"), O_WRONLY | O_CREAT | O_TRUNC)
            .write(("import Web\n" + lines.joined(separator: "\n") + "\n").utf8)
        let package = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let nothing = try Descriptor.open("/dev/null", O_RDONLY)
        let compiler = try StartedProgram(
            "/usr/bin/env",
            [
                "swiftc", "-typecheck", "-swift-version", "6", "-I", BuiltProgram.modules,
                "-I", package + "/Sources/CFastCGI", "-Xcc", "-D_GNU_SOURCE", "-Xcc",
                "-fmodule-map-file=" + BuiltProgram.modules + "/../CLinux.build/module.modulemap",
                "-module-cache-path", scratch("cache"), scratch("code.swift"),
            ],
            environment: ["PATH": String(cString: getenv("PATH")), "HOME": scratch.path],
            input: nothing, output: scratch("output"), errors: scratch("output"))
        let status = try compiler.wait()
        let output = String(
            decoding: try Descriptor.open(scratch("output"), O_RDONLY).readAll(limit: 1 << 24), as: UTF8.self)
        let wrong = output.split(separator: "\n").compactMap { line -> Int? in
            let prefix = scratch("code.swift") + ":"
            guard line.hasPrefix(prefix), line.contains(" error: ") else { return nil }
            return Int(line.dropFirst(prefix.count).prefix { $0 != ":" }).map { $0 - 2 }
        }
        // A compiler that cannot even begin finds no line wrong.
        guard (status == 0) == wrong.isEmpty else {
            Issue.record("\(output)")
            return []
        }
        return Set(wrong)
    }

    @Test func `is markup, an address or a cookie's name made of a text that came at run time`() throws {
        let right = [
            #"let page: HTML = "<p title=\"\(text)\">\(html)\(paths("jobs"))\(7)</p>"; _ = page"#,
            #"html += "<b>""#,
            #"_ = Response.seeOther(paths("jobs").query("requester", text).fragment("list"))"#,
            #"_ = paths.local(text).map(Response.seeOther)"#,
            #"_ = Cookie("session", value: text, lifetime: nil)"#,
        ]
        let wrong = [
            "let page: HTML = text; _ = page",
            "_ = HTML(stringLiteral: text)",
            "_ = text as HTML",
            "html += text",
            "html.bytes = Array(text.utf8)",
            #"let page: HTML = "\(maybe)"; _ = page"#,
            #"let page: HTML = "\(fraction)"; _ = page"#,
            "_ = Path(text: text)",
            "_ = Response.seeOther(text)",
            #"_ = Response.seeOther("/jobs")"#,
            #"_ = paths("jobs").query(text, "x")"#,
            #"_ = paths("jobs").fragment(text)"#,
            "_ = Cookie(text, value: text, lifetime: nil)",
            "_ = Response.page(text)",
        ]

        #expect(try wrongLines(of: right).isEmpty)
        #expect(try wrongLines(of: wrong) == Set(wrong.indices))
    }
}
