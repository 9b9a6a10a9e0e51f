import Linux
import Patterns
import TestSupport
import Testing

@testable import Scripts

/// The annotations of a script that begins with `@syntax 2`; lines of the language begin without their `##~~ ` here.
private func read(_ lines: [String], beside folder: String = "/nowhere") throws -> Annotations {
    let text = "#!/bin/bash\n##~~ @syntax 2\n" + lines.map { "##~~ \($0)\n" }.joined() + "\necho\n"
    return try Annotations(of: Array(text.utf8), style: AnnotationStyle(), neighbours: Neighbours(folder))
}

private func parameter(_ line: String) throws -> Parameter? { try read([line]).parameters.first }

@Suite struct `A parameter of the richer form` {
    @Test func `is all that its line says`() throws {
        let parameters = try read([
            "input [file .fa .fasta max=2G] - the reference",
            "reads [files 1..10 .fq .fq.gz max=20G] - read files",
            "k [int 1..99 = 31] - k-mer length",
            "error [float 0..1 = 0.05] - error rate",
            "mode [choice fast|exact=\"Slow, exact\"|auto = auto] - method",
            "seed? [int 0..] when mode=exact - random seed",
            "keep [flag] - keep temporary files",
            "label? [text 1..32 /[A-Za-z0-9_]+/] - sample name",
            "day [date = today] - sampling day",
            "token? [secret] - not logged, removed after the run",
            "result [output .csv = result.csv] - result file name",
            "threads [use cpus] - filled from the allocation",
        ]).parameters

        #expect(
            parameters == [
                Parameter(
                    name: "input", description: "the reference",
                    type: .file(ValueType.FileRule(endings: [".fa", ".fasta"], most: 2 << 30))),
                Parameter(
                    name: "reads", description: "read files",
                    type: .files(ValueType.FileRule(endings: [".fq", ".fq.gz"], most: 20 << 30), count: 1...10)),
                Parameter(name: "k", description: "k-mer length", type: .int(1...99), standard: .value("31")),
                Parameter(name: "error", description: "error rate", type: .float(0...1), standard: .value("0.05")),
                Parameter(
                    name: "mode", description: "method",
                    type: .choice([
                        ValueType.Choice(value: "fast", label: "fast"),
                        ValueType.Choice(value: "exact", label: "Slow, exact"),
                        ValueType.Choice(value: "auto", label: "auto"),
                    ]), standard: .value("auto")),
                Parameter(
                    name: "seed", description: "random seed", type: .int(0...(.max)), isOptional: true,
                    condition: Parameter.Condition(parameter: "mode", values: ["exact"])),
                Parameter(name: "keep", description: "keep temporary files", type: .flag, isOptional: true),
                Parameter(
                    name: "label", description: "sample name",
                    type: .text(length: 1...32, try Pattern("[A-Za-z0-9_]+")),
                    isOptional: true),
                Parameter(
                    name: "day", description: "sampling day", type: .date(ValueType.DayRange()), standard: .today),
                Parameter(
                    name: "token", description: "not logged, removed after the run",
                    type: .secret(length: 0...100_000, nil), isOptional: true),
                Parameter(
                    name: "result", description: "result file name", type: .output(endings: [".csv"]),
                    standard: .value("result.csv")),
                Parameter(name: "threads", description: "filled from the allocation", type: .use(.cpus)),
            ])
    }

    @Test(arguments: [
        ("k", ValueType.anyText), ("k -", .anyText), ("k - d", .anyText), ("k\t-\td", .anyText), ("input", .anyFile),
        ("inputReads - d", .anyFile), ("output - d", .anyOutput), ("k[int]", .int(.min ... .max)),
        ("k [ int ] - d", .int(.min ... .max)), ("k [int 1..99=31]", .int(1...99)), ("k [int -5..-1]", .int(-5 ... -1)),
        ("k [int ..9]", .int(.min...9)), ("k [float 1e-3..]", .float(0.001 ... .infinity)),
        ("k [lines]", .lines(count: 0...100_000, nil)), ("k [lines 1..20]", .lines(count: 1...20, nil)),
        ("k [email]", .email), ("k [files]", .files(ValueType.FileRule(), count: 1...1000)),
        ("k [files ..3 .a]", .files(ValueType.FileRule(endings: [".a"]), count: 1...3)),
        ("k [file max=2G .a]", .file(ValueType.FileRule(endings: [".a"], most: 2 << 30))),
        ("k [secret 8..]", .secret(length: 8...100_000, nil)), ("k [use mem]", .use(.memory)),
        ("k [use time]", .use(.time)),
        ("k [choice a]", .choice([ValueType.Choice(value: "a", label: "a")])),
        (
            #"k [choice "a b"="x | y ] \" \\"|c/d]"#,
            .choice([
                ValueType.Choice(value: "a b", label: #"x | y ] " \"#), ValueType.Choice(value: "c/d", label: "c/d"),
            ])
        ),
        (
            "k [choices 1..2 a|b]",
            .choices(
                [ValueType.Choice(value: "a", label: "a"), ValueType.Choice(value: "b", label: "b")], count: 1...2)
        ),
    ])
    func `has the type that stands in its brackets, or that its name tells`(_ line: String, _ type: ValueType) throws {
        #expect(try parameter(line)?.type == type)
    }

    @Test(arguments: [
        ("k [text = abc]", "abc"), (#"k [text = "a b"]"#, "a b"), (#"k? [text = ""]"#, ""), ("k [int = -3]", "-3"),
        ("k [choices a|b|c = c,a]", "c\na"), ("k [flag = yes]", "yes"), ("k [date = 2026-02-28]", "2026-02-28"),
        (#"k [text /a\/b|c]d/ = "c]d"]"#, "c]d"), (#"k [text = "ä ] [ = | /"]"#, "ä ] [ = | /"),
        ("k [email = a@b.c]", "a@b.c"),
        (#"k [lines = "one line"]"#, "one line"),
    ])
    func `is filled in with what stands behind the equals sign`(_ line: String, _ value: String) throws {
        #expect(try parameter(line)?.standard == .value(value))
    }

    @Test(
        arguments: [
            ("k [flag = no]", nil), ("k [flag]", nil), ("k [int]", nil), ("k [date = today]", Parameter.Standard.today),
        ] as [(String, Parameter.Standard?)])
    func `is empty else`(_ line: String, _ standard: Parameter.Standard?) throws {
        #expect(try parameter(line)?.standard == standard)
    }

    @Test func `has a description in which everything may stand`() throws {
        for description in ["a - b", "[int]", "when x=y", "- -", "?", "\"", "a [choice x] when b"] {
            #expect(try parameter("k [int] - \(description)")?.description == description)
            #expect(try parameter("k - \(description)")?.description == description)
        }
    }

    @Test func `depends on a choice, choices or a flag above it`() throws {
        let parameters = try read([
            "mode [choice a|b|\"c d\"]", "keep [flag]", "sets [choices x|y]", "p1 when mode=a",
            "p2 when mode=a|\"c d\"",
            "p3 [int] when keep - x", "p4 when keep=no", "p5 when sets=x|y - z",
        ]).parameters
        #expect(
            parameters.dropFirst(3).map(\.condition) == [
                Parameter.Condition(parameter: "mode", values: ["a"]),
                Parameter.Condition(parameter: "mode", values: ["a", "c d"]),
                Parameter.Condition(parameter: "keep", values: ["yes"]),
                Parameter.Condition(parameter: "keep", values: ["no"]),
                Parameter.Condition(parameter: "sets", values: ["x", "y"]),
            ])
    }

    @Test func `gives the script variables of its name`() throws {
        let parameters = try read(["k", "reads [files]", "token [secret]", "keep_it [flag]"]).parameters
        #expect(
            parameters.flatMap(\.variables)
                == ["SR_K", "SR_READS", "SR_READS_NAMES", "SR_TOKEN_FILE", "SR_KEEP_IT"])
    }

    @Test func `can be chosen from a file beside the script`() throws {
        let scratch = ScratchDirectory()
        let file = try Descriptor.open(scratch("genomes.txt"), O_WRONLY | O_CREAT)
        try file.write(Array("# all\nhg38\tHuman, 2013\n\nmm39\r\nT2T CHM13\tThe whole, 2022\n".utf8))
        let parameters = try read(
            ["g [choice from genomes.txt = mm39]", "h [choices from genomes.txt]"], beside: scratch.path
        )
        .parameters
        let choices = [
            ValueType.Choice(value: "hg38", label: "Human, 2013"), ValueType.Choice(value: "mm39", label: "mm39"),
            ValueType.Choice(value: "T2T CHM13", label: "The whole, 2022"),
        ]
        #expect(parameters.map(\.type) == [.choice(choices), .choices(choices, count: 1...1000)])
        #expect(parameters[0].standard == .value("mm39"))
    }

    @Test func `is chosen from a file that is read once, however many ask for it`() throws {
        let scratch = ScratchDirectory()
        try Descriptor.open(scratch("list"), O_WRONLY | O_CREAT).write(Array("a\n".utf8))
        let neighbours = Neighbours(scratch.path)
        let choices = [ValueType.Choice(value: "a", label: "a")]
        #expect(try neighbours.choices(in: "list").get() == choices)

        unlink(scratch("list"))

        #expect(try neighbours.choices(in: "list").get() == choices)
    }
}

@Suite struct `A script of the richer form` {
    @Test func `tells what it is, what it needs and what it leaves`() throws {
        let annotations = try read([
            "@title Align reads", "@about Maps reads to a reference genome - quickly.", "@about Second paragraph.",
            "@tags genomics, alignment,, genomics", "@needs cpus=8 mem=32G time=12:00:00", "@limits per-user=2 retry=1",
            "@idempotent", "@output *.bam - aligned reads", "@output log - what happened - in detail",
            "k [int]", "reads [files]", "keep [flag]", "sets [choices a|b|c]", "note?",
            "@example reads=demo/1.fq,demo/2.fq k=31 keep=yes sets=a,c note=\"two words\"",
        ])
        #expect(annotations.syntax == 2)
        #expect(annotations.title == "Align reads")
        #expect(annotations.about == ["Maps reads to a reference genome - quickly.", "Second paragraph."])
        #expect(annotations.tags == ["genomics", "alignment"])
        #expect(annotations.terms.needs.cpus == 8 && annotations.terms.retries == 1)
        #expect(
            annotations.outputs == [
                Script.OutputNote(names: "*.bam", description: "aligned reads"),
                Script.OutputNote(names: "log", description: "what happened - in detail"),
            ])
        #expect(
            annotations.example == [
                Script.Example(parameter: "reads", values: ["demo/1.fq", "demo/2.fq"]),
                Script.Example(parameter: "k", values: ["31"]), Script.Example(parameter: "keep", values: ["yes"]),
                Script.Example(parameter: "sets", values: ["a", "c"]),
                Script.Example(parameter: "note", values: ["two words"]),
            ])
    }

    @Test(arguments: [
        ("*.bam", "a.bam", true), ("*.bam", ".bam", true), ("*.bam", "a.bam.bai", false), ("a?c", "abc", true),
        ("a?c", "ac", false), ("*a*b*", "xaybz", true), ("*a*b*", "xbya", false), ("", "", true), ("", "a", false),
        ("*", "", true), ("log", "log", true), ("log", "Log", false), ("???", "äöü", true), ("[ab]", "a", false),
        ("*a", "aaaaaaaa", true), ("a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
    ])
    func `says what an output is by its name`(_ names: String, _ name: String, _ isAbout: Bool) {
        #expect(Script.OutputNote(names: names, description: "").isAbout(name) == isAbout)
    }

    @Test func `is described at its top, and nowhere else`() throws {
        let text = """
            #!/bin/sh
            # A comment.

            ##~~ @syntax 2
            ##~~ a [int]
            #
            ##~~ b [int]
            set -e
            ##~~ c [int]
            """
        let annotations = try Annotations(
            of: Array(text.utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere"))
        #expect(annotations.parameters.map(\.name) == ["a", "b"])
    }

    @Test(arguments: [
        ("##~~ a - b\n##~~ @syntax 2\n##~~ c [int] - d", ["a", "c [int]"]),
        ("##~~ c? [int 1..9] - d\n", ["c? [int 1..9]"]),
    ])
    func `says so first; a script that does not is read as ever`(_ text: String, _ names: [String]) throws {
        let annotations = try Annotations(
            of: Array(text.utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere"))
        #expect(annotations.syntax == 1 && annotations.parameters.map(\.name) == names)
    }
}
