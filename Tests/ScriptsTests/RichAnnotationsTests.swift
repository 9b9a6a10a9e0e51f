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

@Suite struct `A line that is not understood` {
    /// The column counts from the beginning of the line; `##~~ ` are five characters.
    @Test(arguments: [
        ("k [integer]", 9, "there is no type integer; write int"),
        (
            "k [strange]", 9,
            "there is no type strange; there are text, lines, int, float, choice, choices, flag, date, "
                + "email, file, files, output, secret and use"
        ),
        ("k []", 9, "a type is missing, such as int, choice or file"),
        ("k [int", 8, "the bracket begins here and does not end: ] is missing"),
        ("k [int 5]", 13, "5 is no range such as 1..99, 1.. or ..9"),
        ("k [int 9..1]", 13, "9..1 begins above its end"),
        ("k [int 01..9]", 13, "01..9 is no range such as 1..99, 1.. or ..9"),
        ("k [int a..b]", 13, "a..b is no range such as 1..99, 1.. or ..9"),
        (
            "k [int 1..99 = 100]", 21,
            "what the form is filled in with will not do: This has to be a whole number from 1 to 99."
        ),
        ("k [int 1..99 = ]", 21, "a value is missing, as in: = 31"),
        ("k [int = 1 2]", 17, "a text with blanks or signs in it stands in quotes: = \"…\""),
        ("k [int /a/]", 13, "int does not take this; what the form is filled in with is written = 31"),
        ("k [file = a]", 14, "file takes nothing of the kind"),
        ("k [file max=two]", 18, "max wants a size, as in: max=2G"),
        ("k [file *.fa]", 14, "file takes nothing of the kind"),
        ("k [files 0..2]", 15, "the count lies between 1 and 1000"),
        ("k [text /(/]", 14, "the pattern is not understood: missing ): ("),
        ("k [text /a]", 14, "the pattern begins here and does not end: / is missing"),
        (#"k [text = "a]"#, 16, "the text in quotes begins here and does not end: \" is missing"),
        ("k [choice]", 15, "a choice is missing, as in: choice fast|exact=\"Slow, exact\""),
        ("k [choice a|]", 18, "a choice is missing, as in: choice fast|exact=\"Slow, exact\""),
        ("k [choice a|a]", 18, "a stands here twice"),
        (
            "k [choice a=b]", 18,
            "a label stands in quotes: a=\"…\"; what the form is filled in with has a blank before its ="
        ),
        ("k [choice a|b = c]", 22, "what the form is filled in with will not do: This is none of the choices."),
        ("k [choice from no.txt]", 21, "no.txt cannot be read: No such file or directory"),
        ("k [choice from ../x]", 21, "the file of the choices lies beside the script, and is not hidden: ../x"),
        ("k [choices 3.. a|b]", 9, "there are only 2 to choose from"),
        ("k [flag = maybe]", 16, "a flag is filled in with yes or no"),
        ("k? [flag]", 6, "flag is never missing; take the ? away"),
        (
            "k [date = tomorrow]", 16,
            "what the form is filled in with will not do: This has to be a day such as 1970-01-01."
        ),
        ("k [date 2026-01-02..2026-01-01]", 14, "2026-01-02..2026-01-01 begins after its end"),
        ("k [use disk]", 13, "use wants one of cpus, mem and time, as in: use cpus"),
        ("k [int] description", 14, "after this comes a description behind \" - \""),
        ("k [int] -description", 14, "after this comes a description behind \" - \""),
        ("k description", 8, "after the name comes [a type], when, or a description behind \" - \""),
        (
            "k-mer - length", 7,
            "a parameter has a name of letters, digits and _ and a blank behind it; what the script is for is told by @about"
        ),
        ("Aligns reads.", 13, "after the name comes [a type], when, or a description behind \" - \""),
        (
            "1k [int]", 6,
            "a parameter has a name of letters, digits and _ that begins with a letter; what the script is "
                + "for is told by @about"
        ),
        (
            "größe [int]", 8,
            "a parameter has a name of letters, digits and _ and a blank behind it; what the script is for is told by @about"
        ),
        ("k when x=y", 13, "there is no parameter x in the lines above"),
        ("k when", 12, "when wants a parameter and a value, as in: when mode=exact"),
        ("job [int]", 6, "job would be SR_JOB, which every script has already; take another name"),
        ("@syntax 2", 6, "@syntax stands once, before all other lines"),
        (
            "@titel x", 6,
            "@titel is not understood; there are @title, @about, @tags, @needs, @limits, @time, @retry, "
                + "@idempotent, @access, @example and @output"
        ),
        ("@title", 12, "@title says nothing, as in: @title Align reads"),
        ("@needs cpus=two", 6, "cpus: two is no whole number from 1 to 100000"),
        ("@output *.bam", 14, "@output wants names and a description, as in: @output *.bam - aligned reads"),
        ("@example k=1", 15, "there is no parameter k"),
        ("@example k", 15, "@example wants names and values, as in: @example k=31 reads=demo.fq"),
    ])
    func `is told with its column and what to write`(_ line: String, _ column: Int, _ reason: String) {
        #expect(throws: AnnotationProblem(line: 3, column: column, reason: reason)) { try read([line]) }
    }

    @Test(arguments: [
        (["k [int]", "k [int]"], 4, 6, "k is described in line 3 already"),
        (["k [int]", "K [int]"], 4, 6, "K and k would both be SR_K; take another name"),
        (["a [file]", "A_names"], 4, 6, "A_names and a would both be SR_A_NAMES; take another name"),
        (["mode [choice a|b]", "x when mode=c"], 4, 13, "mode is never c"),
        (["mode [choice a|b]", "x when mode"], 4, 13, "when wants a value, as in: when mode=a"),
        (["mode", "x when mode=c"], 4, 13, "when wants a choice, choices or a flag; mode is text"),
        (["@title a", "@title b"], 4, 6, "@title stands in line 3 already"),
        (
            ["k [int 1..9]", "@example k=10"], 4, 15,
            "the example will not do for k: This has to be a whole number from 1 to 9."
        ),
        (["f [file]", "@example f=../x"], 4, 15, "../x is no file below the script's folder"),
        (
            ["@retry 1"], 3, 6,
            "another attempt runs the script again: add @idempotent if running it twice does no harm, or "
                + "take retry away"
        ),
    ])
    func `is told where it goes against another`(_ lines: [String], _ line: Int, _ column: Int, _ reason: String) {
        var found: AnnotationProblem?
        do { _ = try read(lines) } catch { found = error as? AnnotationProblem }
        #expect(found?.line == line && found?.reason == reason)
        if !reason.hasPrefix("another attempt") { #expect(found?.column == column) }
    }

    @Test func `about the syntax is told, too`() {
        for line in ["@syntax", "@syntax 3", "@syntax 2 x"] {
            #expect(throws: AnnotationProblem.self) {
                try Annotations(
                    of: Array("##~~ \(line)\n".utf8), style: AnnotationStyle(), neighbours: Neighbours("/nowhere"))
            }
        }
    }
}
