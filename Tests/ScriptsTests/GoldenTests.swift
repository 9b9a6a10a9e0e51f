import Foundation
import Testing

@testable import Scripts

/// Scripts, and beside each what `scriptrunner check --json` says of it: the form in NAME.json, remarks in NAME.txt. Where one
/// of the two is missing, there is nothing to say.
///
/// After a change that is meant, `GOLDEN=renew swift test --filter Golden` writes them anew; `git diff` shows what changed.
private let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden").path
private let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Sources/Scripts").path

private func files(ending: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: golden)) ?? []).filter { $0.hasSuffix(ending) }.sorted()
}

private func content(_ name: String) -> String? { try? String(contentsOfFile: "\(golden)/\(name)", encoding: .utf8) }

@Suite struct `The golden scripts` {
    @Test func `are many, right ones and wrong ones`() {
        let scripts = files(ending: ".sh")
        let right = scripts.filter { content($0.dropLast(3) + ".json") != nil }
        #expect(right.count >= 15 && scripts.count - right.count >= 30)
        #expect(files(ending: ".json").count == right.count)
        #expect(files(ending: ".txt").allSatisfy { scripts.contains($0.dropLast(4) + ".sh") })
    }

    @Test(arguments: files(ending: ".sh")) func `are told what they ever were`(script: String) throws {
        let finding = Inspector(style: AnnotationStyle()).inspect("\(golden)/\(script)")
        let said = [
            ".json": finding.script.map { JSON.array([$0.json]).text },
            ".txt": finding.remarks.isEmpty
                ? nil : finding.remarks.map { $0.description.dropFirst(golden.utf8.count + 1) + "\n" }.joined(),
        ]
        for (ending, said) in said {
            let name = script.dropLast(3) + ending
            if ProcessInfo.processInfo.environment["GOLDEN"] == "renew" {
                try? FileManager.default.removeItem(atPath: "\(golden)/\(name)")
                try said?.write(toFile: "\(golden)/\(name)", atomically: true, encoding: .utf8)
            }
            #expect(said == content(String(name)))
        }
        if let form = said[".json"] as? String {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(form.utf8)) }
        }
    }

    /// A message is a literal of several words; what is put into it may be anything.
    @Test(arguments: try FileManager.default.contentsOfDirectory(atPath: sources))
    func `show every message that there is`(source: String) throws {
        let told = files(ending: ".txt").compactMap(content).flatMap { $0.split(separator: "\n") }
        let text = try String(contentsOfFile: "\(sources)/\(source)", encoding: .utf8)
        guard text.contains("AnnotationProblem") || source == "Neighbours.swift" else { return }
        for literal in literals(in: text) where literal.joined().split(separator: " ").count >= 2 {
            if unshowable.contains(literal[0]) { continue }
            #expect(told.contains { holds($0, literal) }, "no golden script shows \(literal)")
        }
    }

    /// What no file of a checkout can be: too long, or without permissions.
    private let unshowable = [
        "is longer than ", "cannot be read: ", "is not executable, so it is not offered: chmod 755 ",
    ]

    private func holds(_ line: Substring, _ pieces: [String]) -> Bool {
        var rest = line
        for piece in pieces where !piece.isEmpty {
            guard let found = rest.range(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }

    /// The literals of a source, each as what stands between its interpolations.
    private func literals(in source: String) -> [[String]] {
        var literals: [[String]] = []
        for line in source.split(separator: "\n") where !line.drop(while: { $0 == " " }).hasPrefix("//") {
            var rest = line[...]
            while let quote = rest.firstIndex(of: "\"") {
                rest = rest[quote...].dropFirst()
                literals.append(takeLiteral(from: &rest))
            }
        }
        return literals
    }

    /// Takes what stands before the closing quote, and that quote.
    private func takeLiteral(from rest: inout Substring) -> [String] {
        var pieces = [""]
        while let character = rest.popFirst(), character != "\"" {
            guard character == "\\", let escaped = rest.popFirst() else {
                pieces[pieces.count - 1].append(character)
                continue
            }
            guard escaped == "(" else {
                pieces[pieces.count - 1].append(escaped)
                continue
            }
            var depth = 1
            while depth > 0, let inner = rest.popFirst() {
                if inner == "\"" { _ = takeLiteral(from: &rest) }
                depth += inner == "(" ? 1 : inner == ")" ? -1 : 0
            }
            pieces.append("")
        }
        return pieces
    }
}
