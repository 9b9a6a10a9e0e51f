import Foundation
import TestSupport
import Testing

@testable import Scripts

/// The checkout's own folders, as they are shipped.
private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
private let examples = root.appendingPathComponent("examples").path

@Suite struct `The example scripts` {
    let scratch = ScratchDirectory()

    @Test(arguments: [("", 6), ("/original", 5)])
    func `are all offered, with nothing for the admin to mend`(folder: String, count: Int) throws {
        let catalogue = Catalogue(directory: examples + folder, style: AnnotationStyle())
        #expect(try catalogue.problems() == [])
        let files = try FileManager.default.contentsOfDirectory(atPath: examples + folder).filter {
            $0.hasSuffix(".sh")
        }
        #expect(try catalogue.scripts().map(\.name) == files.sorted() && files.count == count)
        for file in files {
            #expect(Inspector(style: AnnotationStyle()).inspect("\(examples)\(folder)/\(file)").remarks == [])
        }
    }

    @Test func `mean the same in both forms`() throws {
        let rich = Catalogue(directory: examples, style: AnnotationStyle())
        for original in try Catalogue(directory: examples + "/original", style: AnnotationStyle()).scripts() {
            let script = try #require(rich.script(named: original.name))
            #expect((original.syntax, script.syntax) == (1, 2))
            #expect(script.parameters.map(\.name) == original.parameters.map(\.name))
            #expect(script.parameters.map(\.type.isFile) == original.parameters.map(\.type.isFile))
            #expect(script.about == original.about)
        }
    }

    @Test(arguments: ["", "/original"])
    func `say what they are for, and what they want`(folder: String) throws {
        for script in try Catalogue(directory: examples + folder, style: AnnotationStyle()).scripts() {
            #expect(!script.about.isEmpty, "\(script.name)")
            // A dash in a sentence makes a parameter of it; none of ours is so long or has a blank in it.
            for parameter in script.parameters {
                #expect(!parameter.name.contains(" "), "\(script.name): \(parameter.name)")
                #expect(!parameter.description.isEmpty, "\(script.name): \(parameter.name)")
            }
        }
    }

    @Test(arguments: [
        Trial("runComplexOperation1.sh", ["lighthouse.txt", "TWO SHIPS", "out"], "4: Two ships passed in the night."),
        Trial("wordFrequencies.sh", ["lighthouse.txt", "1", "out"], "25\tthe\n"),
        Trial(
            "columnStatistics.sh", ["measurements.csv", "temperature", "out"],
            "standard deviation  3.73131\nmedian              6\n"),
        Trial("fastaReport.sh", ["sequences.fasta", "out", "reverse"], "made_up_3 rich in A and T\t41\t4.9\n"),
        Trial("estimatePi.sh", ["1", "out"], "1\t3.14"),
        Trial("original/wordFrequencies.sh", ["lighthouse.txt", "1", "out"], "25\tthe\n"),
        Trial(
            "original/columnStatistics.sh", ["measurements.csv", "temperature", "out"],
            "standard deviation  3.73131\nmedian              6\n"),
        Trial(
            "original/fastaReport.sh", ["sequences.fasta", "out", "reverse"], "made_up_3 rich in A and T\t41\t4.9\n"),
        Trial("original/estimatePi.sh", ["1", "out"], "1\t3.14"),
    ])
    func `do their work on the data beside them`(trial: Trial) throws {
        let run = try Run(trial.script, trial.arguments, in: scratch)
        #expect(run.status == 0, "\(run.log)")
        #expect(try String(contentsOfFile: scratch("out"), encoding: .utf8).contains(trial.expected))
        // And nothing else.
        let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
        #expect(left.allSatisfy(trial.arguments.contains), "\(left)")
    }

    @Test(arguments: [
        Trial("runComplexOperation1.sh", ["lighthouse.txt", "", "out"], "param is empty"),
        Trial("original/wordFrequencies.sh", ["lighthouse.txt", "a[$(reboot)]", "out"], "not: a[$(reboot)]"),
        Trial("wordFrequencies.sh", ["missing.txt", "1", "out"], "missing.txt"),
        Trial("columnStatistics.sh", ["measurements.csv", "remark", "out"], "\"fog\" is no number"),
        Trial("columnStatistics.sh", ["measurements.csv", "none", "out"], "no column \"none\""),
        Trial("fastaReport.sh", ["lighthouse.txt", "out", "reverse"], "Line 1:"),
        Trial("original/estimatePi.sh", ["0", "out"], "rounds must be"),
        Trial("verifyChecksum.sh", ["lighthouse.txt", String(repeating: "0", count: 64)], "not the one that was sent"),
        Trial("original/verifyChecksum.sh", ["lighthouse.txt", "12 `id`"], "may hold only the digits"),
    ])
    func `fail with a sentence when they cannot do it`(trial: Trial) throws {
        let run = try Run(trial.script, trial.arguments, in: scratch)
        #expect(run.status == 1 || run.status == 2)
        #expect(run.log.contains(trial.expected), "\(run.log)")
    }
}

@Suite struct `The guide for script authors` {
    let scratch = ScratchDirectory()

    @Test func `begins with a script that works`() throws {
        let guide = try String(contentsOf: root.appendingPathComponent("docs/script-authors.md"), encoding: .utf8)
        let block = try #require(guide.components(separatedBy: "```sh\n").first { $0.hasPrefix("#!/bin/bash\n") })
        let text = try #require(block.components(separatedBy: "```").first)
        let path = scratch("longestLines.sh")
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)

        let script = try #require(
            Catalogue(directory: scratch.path, style: AnnotationStyle()).script(named: "longestLines.sh"))
        #expect(script.about == ["Lists the longest lines of a text."])
        #expect(script.parameters.map(\.name) == ["input", "most", "output"])

        let run = try Run(path, ["lighthouse.txt", "1", "out"], in: scratch)
        #expect(run.status == 0)
        #expect(run.log == "Done: the list has 1 lines.\n")
        #expect(try String(contentsOfFile: scratch("out"), encoding: .utf8).hasPrefix("119\tThe lamp"))
        #expect(try Run(path, ["lighthouse.txt", "1+1", "out"], in: scratch).status == 2)
    }
}

@Suite struct `The guide to rich forms` {
    let scratch = ScratchDirectory()

    private func blocks() throws -> [String] {
        let guide = try String(contentsOf: root.appendingPathComponent("docs/forms.md"), encoding: .utf8)
        return guide.components(separatedBy: "```sh\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
    }

    @Test func `holds lines that are all understood`() throws {
        try "hg38\tHuman\n".write(toFile: scratch("genomes.txt"), atomically: true, encoding: .utf8)
        let blocks = try blocks()
        #expect(blocks.count >= 3)
        for block in blocks {
            let text = block.hasPrefix("#!") ? block : "##~~ @syntax 2\n" + block
            let annotations = try Annotations(
                of: Array(text.utf8), style: AnnotationStyle(), neighbours: Neighbours(scratch.path))
            #expect(annotations.syntax == 2 && (!annotations.parameters.isEmpty || annotations.access != nil))
        }
    }

    @Test func `begins with a script that works`() throws {
        let path = scratch("align.sh")
        try #require(try blocks().first).write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        let variables = [
            "SR_READS": "/a.fq\n/b.fq", "SR_K": "31", "SR_MODE": "auto", "SR_THREADS": "8", "SR_RESULT": scratch("out"),
        ]
        let run = try Run(path, [], variables, in: scratch)
        #expect(run.log == "k=31 mode=auto, 2 files of reads, 8 threads\n" && run.status == 0)
    }
}

/// A script, its arguments, and a text that is to be seen afterwards.
struct Trial: Sendable, CustomTestStringConvertible {
    let script: String
    let arguments: [String]
    let expected: String

    init(_ script: String, _ arguments: [String], _ expected: String) {
        self.script = script
        self.arguments = arguments
        self.expected = expected
    }

    var testDescription: String { "\(script) \(arguments)" }
}

/// A script run as a job is: full paths, a bare environment, an empty folder to work in, no input.
private struct Run {
    let status: Int32
    let log: String

    init(
        _ script: String, _ arguments: [String], _ variables: [String: String] = [:], in scratch: ScratchDirectory
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: script.hasPrefix("/") ? script : "\(examples)/\(script)")
        process.arguments = arguments.map { argument in
            switch argument {
            case "out", "reverse": scratch(argument)
            case _ where [".txt", ".csv", ".fasta"].contains { argument.hasSuffix($0) }: "\(examples)/data/\(argument)"
            default: argument
            }
        }
        process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": scratch.path, "LANG": "C.UTF-8"]
            .merging(variables) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: scratch.path)
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        status = process.terminationStatus
        log = String(decoding: bytes, as: UTF8.self)
    }
}
