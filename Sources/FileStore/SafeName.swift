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

    public static func of(_ given: String) -> String {
        let last = given.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        var scalars = String.UnicodeScalarView()
        for scalar in last.unicodeScalars {
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
        let name = String(scalars)
        return name.isEmpty ? "file" : shortened(name)
    }

    private static func shortened(_ name: String) -> String {
        guard name.utf8.count > longest else { return name }
        var ending = ""
        if let dot = name.lastIndex(of: "."), name[dot...].utf8.count <= longestExtension {
            ending = String(name[dot...])
        }
        var stem = name.dropLast(ending.count)
        while stem.utf8.count + ending.utf8.count > longest { stem = stem.dropLast() }
        return stem + ending
    }
}
