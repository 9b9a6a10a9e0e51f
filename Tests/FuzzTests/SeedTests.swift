import Foundation
import TestSupport
import Testing

private let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus").path

private func seeds(_ folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(corpus)/\(folder)").sorted()) ?? []
}

private func bytes(_ seed: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(corpus)/\(seed)")))
}

/// What `make fuzz` begins with, and what it once found: each is run as the fuzzer runs it.
@Suite struct `What fuzzers begin with` {
    @Test func `is there`() { #expect(seeds("annotations").count >= 20 && seeds("forms").count >= 15) }

    @Test(arguments: seeds("annotations"))
    func `keeps what annotations promise`(seed: String) throws {
        let scratch = ScratchDirectory()
        try AnnotationsTarget(folder: scratch.path).run(try bytes("annotations/\(seed)"))
    }

    @Test(arguments: seeds("forms")) func `keeps what the decoding of forms promises`(seed: String) throws {
        try FormsTarget().run(try bytes("forms/\(seed)"))
    }
}
