import Linux
import TestSupport
import Testing

@testable import Scripts

@Suite struct `The terms of a script` {
    private func read(_ lines: String) throws -> Terms {
        try Annotations(of: Array(lines.utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere")).terms
    }

    private func problem(_ lines: String) -> AnnotationProblem? {
        do {
            _ = try read(lines)
            return nil
        } catch { return (error as? AnnotationProblem)?.at(column: 1) }
    }

    private static let gib: Int64 = 1_073_741_824

    @Test func `are read from lines of their own, anywhere in the file`() throws {
        let text = """
            #!/bin/sh
            ##~~ Aligns reads.
            ##~~ @needs cpus=8  mem=32G\ttime=12:00:00
            ##~~ input - the reads
            exit 0
            ##~~@limits per-user=2 total=4 retry=1\r
            ##~~ @idempotent
            """
        let terms = try read(text)
        #expect(terms.needs == Needs(cpus: 8, memory: 32 * Self.gib))
        #expect(terms.timeLimit == .hours(12))
        #expect((terms.perUserLimit, terms.totalLimit, terms.retries) == (2, 4, 1))
        #expect(terms.isIdempotent)
        let annotations = try Annotations(
            of: Array(text.utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere"))
        #expect(annotations.about == ["Aligns reads."])
        #expect(annotations.parameters.map(\.name) == ["input"])
    }

    @Test(arguments: [
        ("", Terms.standard),
        ("##~~ @needs cpus=1", Terms(needs: Needs(cpus: 1))),
        ("##~~ @needs mem=512M", Terms(needs: Needs(memory: 536_870_912))),
        ("##~~ @needs time=90", Terms(timeLimit: .seconds(90))),
        ("##~~ @time 7d", Terms(timeLimit: .days(7))),
        ("##~~ @limits total=1", Terms(totalLimit: 1)),
        ("##~~ @limits per-user=1", Terms(perUserLimit: 1)),
        ("##~~ @retry 0", Terms()),
        ("##~~ @retry 2\n##~~ @idempotent", Terms(retries: 2, isIdempotent: true)),
        ("##~~ @idempotent\n##~~ @limits retry=2", Terms(retries: 2, isIdempotent: true)),
        ("##~~ @idempotent", Terms(isIdempotent: true)),
        ("##~~ @needs cpus=2\n##~~ @time 1h", Terms(needs: Needs(cpus: 2), timeLimit: .hours(1))),
        // None of ours: passed over, as ever.
        (
            "##~~ @author - Ada\n##~~ @timeout x\n##~~ @Needs what\n##~~ @\n##~~ @ needs cpus=x\n##~~ @retry\u{301} x",
            Terms()
        ),
        ("# @needs cpus=x\n ##~~ @needs cpus=x", Terms()),
    ])
    func `are what the lines say`(lines: String, terms: Terms) throws {
        #expect(try read(lines) == terms)
    }

    @Test(arguments: [
        ("##~~ @needs", 1, "@needs says nothing; it takes cpus=, mem=, time="),
        ("\n##~~ @needs cpus", 2, "@needs: cpus is not understood; it takes cpus=, mem=, time="),
        ("##~~ @needs gpus=1", 1, "@needs: gpus=1 is not understood; it takes cpus=, mem=, time="),
        ("##~~ @needs cpus = 4", 1, "@needs: cpus is not understood; it takes cpus=, mem=, time="),
        ("##~~ @needs cpus=0", 1, "cpus: 0 is no whole number from 1 to 100000"),
        ("##~~ @needs cpus=1.5", 1, "cpus: 1.5 is no whole number from 1 to 100000"),
        ("##~~ @needs cpus=+4", 1, "cpus: +4 is no whole number from 1 to 100000"),
        ("##~~ @needs cpus=", 1, "cpus:  is no whole number from 1 to 100000"),
        ("##~~ @needs mem=0", 1, "mem: 0 is no size such as 512M or 32G"),
        ("##~~ @needs mem=4GB", 1, "mem: 4GB is no size such as 512M or 32G"),
        ("##~~ @needs time=soon", 1, "soon is no time such as 90s, 30m, 12h, 7d or 12:00:00"),
        ("##~~ @time 0", 1, "0 is no time such as 90s, 30m, 12h, 7d or 12:00:00"),
        ("##~~ @time", 1, "@time wants one value, as in: @time 12h"),
        ("##~~ @time 12 h", 1, "@time wants one value, as in: @time 12h"),
        ("##~~ @limits requeue=no", 1, "@limits: requeue=no is not understood; it takes per-user=, total=, retry="),
        ("##~~ @limits total=0", 1, "total: 0 is no whole number from 1 to 10000"),
        ("##~~ @limits per-user=all", 1, "per-user: all is no whole number from 1 to 10000"),
        ("##~~ @idempotent\n##~~ @retry 101", 2, "retry: 101 is no whole number from 0 to 100"),
        ("##~~ @idempotent yes", 1, "@idempotent stands alone, without yes"),
        ("##~~ @needs cpus=1\n##~~ @needs cpus=2", 2, "cpus is declared in line 1 already"),
        ("##~~ @time 1h\n##~~ @needs time=2h", 2, "time is declared in line 1 already"),
        ("##~~ @retry 1\n##~~ @limits retry=1", 2, "retry is declared in line 1 already"),
        (
            "#\n##~~ @retry 1\n#", 2,
            "another attempt runs the script again: add @idempotent if running it twice does no harm, or take retry away"
        ),
        (
            "##~~ @limits total=1 retry=1", 1,
            "another attempt runs the script again: add @idempotent if running it twice does no harm, or take retry away"
        ),
    ])
    func `that are not understood hide the script and are told with the line`(
        lines: String, line: Int, reason: String
    ) {
        #expect(problem(lines) == AnnotationProblem(line: line, reason: reason))
    }

    @Test func `are offered with the script, and told by file and line where they will not do`() throws {
        let scratch = ScratchDirectory()
        for (name, line) in [("good.sh", "@needs cpus=2"), ("bad.sh", "@needs cpus=two")] {
            let file = try Descriptor.open(scratch(name), O_WRONLY | O_CREAT, mode: 0o755)
            try file.write(Array("#!/bin/sh\n##~~ \(line)\n".utf8))
        }
        let catalogue = Catalogue(directory: scratch.path, style: AnnotationStyle())
        #expect(try catalogue.scripts().map(\.terms) == [Terms(needs: Needs(cpus: 2))])
        #expect(
            try catalogue.problems().map(\.description) == [
                "\(scratch("bad.sh")):2:6: cpus: two is no whole number from 1 to 100000"
            ])
    }
}

@Suite struct `What is to be chosen of the needs` {
    private func read(_ line: String, syntax: String = "##~~ @syntax 2\n") throws -> Terms {
        try Annotations(
            of: Array("\(syntax)##~~ \(line)".utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere")
        ).terms
    }

    @Test(arguments: [
        ("@needs cpus=1..8", Terms(needs: Needs(cpus: 1), leeway: Leeway(cpus: 1...8))),
        ("@needs cpus=1..8=4", Terms(needs: Needs(cpus: 4), leeway: Leeway(cpus: 1...8))),
        (
            "@needs mem=8G..64G = 16G cpus=2",
            Terms(needs: Needs(cpus: 2, memory: 16 << 30), leeway: Leeway(memory: 8 << 30...64 << 30))
        ),
        (
            "@needs time=10m..2:00:00 =1h mem= 1G",
            Terms(
                needs: Needs(memory: 1 << 30), timeLimit: .hours(1), leeway: Leeway(time: .minutes(10) ... .hours(2)))
        ),
    ])
    func `lies between two bounds`(line: String, terms: Terms) throws { #expect(try read(line) == terms) }

    @Test(arguments: [
        ("@needs cpus=8..1", "cpus: the range ends before it begins; write the smaller first"),
        ("@needs cpus=2..2", "cpus: the range ends before it begins; write the smaller first"),
        ("@needs cpus=1..8 = 9", "cpus: 9 lies outside of the range before it"),
        ("@needs mem=1G..", "mem:  is no size such as 512M or 32G"),
        ("@needs mem=..1G", "mem:  is no size such as 512M or 32G"),
        ("@needs cpus=1..8 =", "cpus:  is no whole number from 1 to 100000"),
        ("@needs time=1h..x", "x is no time such as 90s, 30m, 12h, 7d or 12:00:00"),
        ("@time 1h..2h", "1h..2h is no time such as 90s, 30m, 12h, 7d or 12:00:00"),
    ])
    func `has to be written so that it can be`(line: String, reason: String) throws {
        let problem = #expect(throws: AnnotationProblem.self) { _ = try read(line) }
        #expect(problem?.reason == reason && problem?.line == 2)
    }

    @Test func `is nothing in the original form`() throws {
        for line in ["@needs cpus=1..8", "@needs mem=8G..64G = 16G"] {
            #expect(throws: AnnotationProblem.self) { _ = try read(line, syntax: "") }
        }
    }
}
