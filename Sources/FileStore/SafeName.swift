/// The name under which an upload is kept, shown, and seen by scripts.
///
/// Of what the browser says, the part after the last slash or backslash is taken (old browsers send whole paths).
/// Control characters become `_`, and so do dots and dashes at the beginning, so that no file is hidden or taken for an
/// option; blanks around it go. What is longer than 200 bytes is cut before its extension. What is empty then is `file`.
public enum SafeName {
    /// File systems take 255 bytes; scripts like to add an ending. Bytes.
    static let longest = 200
    /// A longer extension is none. Bytes.
    static let longestExtension = 16

    // All by scalars, not by characters: to Swift a slash that an accent follows is one character and no slash; to the
    // kernel it is one. And a letter may carry any number of accents.
    public static func of(_ given: String) -> String {
        let last = given.unicodeScalars.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last
        var scalars = String.UnicodeScalarView()
        for scalar in last ?? Substring.UnicodeScalarView() {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: scalars.append("_")
            default: scalars.append(scalar)
            }
        }
        while scalars.first == " " { scalars.removeFirst() }
        while scalars.last == " " { scalars.removeLast() }
        if scalars.first == "." || scalars.first == "-" {
            scalars.replaceSubrange(..<scalars.index(after: scalars.startIndex), with: ["_"])
        }
        return scalars.isEmpty ? "file" : shortened(scalars)
    }

    private static func shortened(_ scalars: String.UnicodeScalarView) -> String {
        guard String(scalars).utf8.count > longest else { return String(scalars) }
        var ending = ""
        if let dot = scalars.lastIndex(of: "."), String(scalars[dot...]).utf8.count <= longestExtension {
            ending = String(scalars[dot...])
        }
        var stem = String.UnicodeScalarView()
        var room = longest - ending.utf8.count
        for scalar in scalars {
            room -= UTF8.width(scalar)
            guard room >= 0 else { break }
            stem.append(scalar)
        }
        while stem.last == " " { stem.removeLast() }
        return String(stem) + ending
    }
}
