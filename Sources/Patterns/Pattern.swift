internal import CRE2

/// A regular expression that a whole value has to match, in RE2's syntax (github.com/google/re2/wiki/Syntax).
///
/// Matching takes time linear in the value, whatever the pattern: who writes a pattern cannot make who fills in a form wait,
/// nor the other way round. There are no backreferences and no lookaround, which nothing could match in linear time.
public final class Pattern: Sendable, Equatable, CustomStringConvertible {
    /// As it was written, without the slashes around it.
    public let text: String
    // RE2's const functions may be called from several threads.
    nonisolated(unsafe) private let compiled: OpaquePointer

    /// A longer one is no pattern but a program. Bytes.
    public static let longest = 1000
    /// For the compiled pattern and the states that matching makes of it: what RE2 itself takes for enough is eight times
    /// as much. Bytes.
    private static let memory = 1 << 20
    /// What matching may cost: a second or two, where a value drives a pattern of many repetitions through all of them. Steps.
    static let mostSteps = 200_000_000

    /// How many steps each byte of a value takes at most.
    let size: Int
    /// The longest value that is held against it; none of a form is longer, unless the pattern is large. Bytes.
    public var longestValue: Int { Self.mostSteps / size }

    /// Why a text is no pattern, as a sentence without a full stop.
    public struct Problem: Error, Equatable, Sendable {
        public let reason: String
    }

    /// - Throws: ``Problem``.
    public init(_ text: String) throws(Problem) {
        guard text.utf8.count <= Self.longest else {
            throw Problem(reason: "the pattern is longer than \(Self.longest) bytes")
        }
        var copy = text
        let compiled = copy.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { cre2_compile($0.baseAddress, $0.count, Self.memory) }
        }
        guard let compiled else { throw Problem(reason: "there is no memory for the pattern") }
        if let reason = cre2_error(compiled).map({ String(cString: $0) }) {
            cre2_free(compiled)
            throw Problem(reason: "the pattern is not understood: \(reason)")
        }
        self.text = text
        size = max(1, Int(cre2_size(compiled)))
        self.compiled = compiled
    }

    deinit { cre2_free(compiled) }

    /// Whether all of the value matches. What is longer than ``longestValue`` does not.
    public func matchesAll(of value: String) -> Bool {
        guard value.utf8.count <= longestValue else { return false }
        var copy = value
        return copy.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { cre2_matches_whole(compiled, $0.baseAddress, $0.count) != 0 }
        }
    }

    public static func == (left: Pattern, right: Pattern) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    public var description: String { "/\(text)/" }
}
