public import Linux

/// Writes one line an event to standard error: time, program, event, and what it concerns.
///
///     2026-03-01T09:05:07.123Z worker job-started job=12 attempt=1
///
/// Values are quoted when they hold anything but plain characters; characters that end, hide or reorder text are
/// escaped, so that nothing that a user typed can forge a line. Each line is one write(2), and long values are cut so
/// that a pipe takes it whole, so lines of several programs never mix. A password, token or parameter value is never
/// passed here.
public struct EventLog: Sendable {
    private let program: String
    private let output: CInt
    private let now: Clock

    /// - Parameter output: the descriptor to write to, if not standard error.
    public init(program: String, output: CInt = 2, now: @escaping Clock) {
        self.program = program
        self.output = output
        self.now = now
    }

    /// Writes the line. A log that cannot be written is no reason to fail: the result of write(2) is ignored.
    public func note(_ event: StaticString, _ details: KeyValuePairs<StaticString, String> = [:]) {
        var line = "\(now().iso8601(milliseconds: true)) \(program) \(event)"
        for (key, value) in details {
            line += " \(key)=\(EventLog.quoted(value))"
        }
        line += "\n"
        var text = line
        text.withUTF8 { bytes in
            _ = write(output, bytes.baseAddress, bytes.count)
        }
    }

    /// More of a value is not written. A pipe takes 4096 bytes at once, which is room for three such values. Bytes.
    static let longestValue = 1000

    /// The value as it stands in a line: bare if it is plain, else in double quotes with `\` escapes. Three dots after
    /// the quotes: there was more.
    static func quoted(_ value: String) -> String {
        let plain =
            !value.isEmpty && value.utf8.count <= longestValue
            && value.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "+"):
                    true
                default: false
                }
            }
        return plain ? value : inQuotes(value)
    }

    /// The value in double quotes, whatever it holds, for a place of its own in a line that people read.
    public static func inQuotes(_ value: String) -> String {
        var quoted = "\""
        for scalar in value.unicodeScalars {
            guard quoted.utf8.count < longestValue else { return quoted + "\"..." }
            switch scalar.properties.generalCategory {
            case _ where scalar == "\"": quoted += "\\\""
            case _ where scalar == "\\": quoted += "\\\\"
            case _ where scalar == "\n": quoted += "\\n"
            // C0, DEL, C1, the Unicode line separators, marks that turn the direction of writing or cannot be seen.
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                quoted += "\\u{\(String(scalar.value, radix: 16))}"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
