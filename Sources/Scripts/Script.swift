/// A script that users may run, as its own comments describe it.
public struct Script: Sendable, Equatable {
    /// Its file name in script_dir.
    public let name: String
    /// Its full path.
    public let path: String
    /// Its annotation lines that describe no parameter, in their order: what the script is for.
    public let about: [String]
    /// In the order of the lines, which is the order of the arguments.
    public let parameters: [Parameter]
    /// What it needs, how long it may take, and what follows a failure.
    public let terms: Terms
}

/// One value that a script wants.
public struct Parameter: Sendable, Equatable {
    /// What the value is, told by the name's prefix.
    public enum Kind: Sendable {
        /// Any text.
        case text
        /// A file of the inbox.
        case input
        /// The name of an output file.
        case output
    }

    public let name: String
    public let description: String
    public let kind: Kind

    /// Longest text. All arguments and variables of a program together hold about 2 MiB on Linux, and one of them
    /// 128 KiB (execve(2), MAX_ARG_STRLEN). Bytes.
    public static let longestText = 100_000
    /// Longest output file name; a file system takes 255 bytes, and the script may want to add an ending.
    public static let longestOutputName = 200

    /// What is wrong with a text or an output file's name, as a sentence for the form; `nil` when it will do.
    ///
    /// Files of the inbox are checked by the inbox.
    public func problem(with value: String) -> String? {
        if value.utf8.contains(0) { return "This text holds a NUL character, which no program can be given." }
        switch kind {
        case .text:
            if value.utf8.count > Self.longestText {
                return "This text is longer than \(Self.longestText) bytes; put it into a file and upload that."
            }
            return value.unicodeScalars.allSatisfy(Self.canBeShown)
                ? nil
                : "This text holds control characters, which no page can show as they are; "
                    + "put it into a file and upload that."
        case .input: return nil
        case .output:
            if value.isEmpty { return "Give the output file a name, such as result.txt." }
            if value.utf8.count > Self.longestOutputName {
                return "This name is longer than \(Self.longestOutputName) bytes."
            }
            if value.utf8.contains(UInt8(ascii: "/")) { return "A file name cannot hold a slash." }
            // By bytes: a mark that joins the first character does not change what programs see.
            if value.utf8.first == UInt8(ascii: ".") { return "A file name cannot begin with a dot." }
            if value.utf8.first == UInt8(ascii: "-") {
                return "A file name cannot begin with a dash: programs would take it for an option."
            }
            if value.unicodeScalars.contains(where: { $0 == "\n" || $0 == "\t" || !Self.canBeShown($0) }) {
                return "A file name cannot hold line breaks or other control characters."
            }
            return nil
        }
    }

    /// Whether a page, and a terminal that shows a log, can show this as it is: tabs and line breaks, but no other control
    /// characters, nor noncharacters. So what a job's page tells is what the script was given.
    private static func canBeShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: true
        case 0..<0x20, 0x7F...0x9F, 0xFDD0...0xFDEF: false
        default: scalar.value & 0xFFFE != 0xFFFE
        }
    }
}
