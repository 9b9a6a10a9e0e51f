/// Reads a parameter line of the richer form:
///
///     NAME? [TYPE …] when OTHER=VALUE - DESCRIPTION
///
/// Everything but the name may be missing.
struct ParameterLine {
    let name: String
    let namePosition: Int
    let isOptional: Bool
    let reading: TypeParser.Reading?
    let typePosition: Int
    let condition: Condition?
    let description: String

    struct Condition {
        let parameter: String
        let position: Int
        /// `nil`: nothing was said, as of a flag.
        let values: [String]?
    }

    /// Bytes.
    static let longestName = 64

    /// - Throws: ``AnnotationProblem``.
    init(_ scanner: inout LineScanner, _ neighbours: Neighbours) throws(AnnotationProblem) {
        namePosition = scanner.position
        name = scanner.take { ValueType.isLetter($0) || ValueType.isDigit($0) || $0 == UInt8(ascii: "_") }
        guard let first = name.utf8.first, ValueType.isLetter(first), name.utf8.count <= Self.longestName else {
            throw scanner.problem(
                "a parameter has a name of letters, digits and _ that begins with a letter; what the script is for is "
                    + "told by @about", at: namePosition)
        }
        isOptional = scanner.take("?")
        guard scanner.isAtEnd || scanner.next.map(LineScanner.isBlank) == true || scanner.next == UInt8(ascii: "[")
        else {
            throw scanner.problem(
                "a parameter has a name of letters, digits and _ and a blank behind it; what the script is for is told by "
                    + "@about")
        }
        scanner.skipBlanks()
        typePosition = scanner.position
        reading = scanner.next == UInt8(ascii: "[") ? try TypeParser.take(&scanner, neighbours) : nil
        scanner.skipBlanks()
        condition = try ParameterLine.condition(&scanner)
        scanner.skipBlanks()
        if scanner.isAtEnd {
            description = ""
            return
        }
        let isAfterBlank = scanner.isAfterBlank
        let dash = scanner.position
        guard scanner.take("-"), isAfterBlank, scanner.isAtEnd || scanner.next.map(LineScanner.isBlank) == true else {
            throw scanner.problem(
                reading == nil && condition == nil
                    ? "after the name comes [a type], when, or a description behind \" - \""
                    : "after this comes a description behind \" - \"", at: dash)
        }
        description = scanner.takeRest()
    }

    private static func condition(_ scanner: inout LineScanner) throws(AnnotationProblem) -> Condition? {
        let before = scanner
        guard scanner.isAfterBlank, scanner.take(while: ValueType.isLetter) == "when" else {
            scanner = before
            return nil
        }
        scanner.skipBlanks()
        let position = scanner.position
        let parameter = scanner.take { ValueType.isLetter($0) || ValueType.isDigit($0) || $0 == UInt8(ascii: "_") }
        guard !parameter.isEmpty else {
            throw scanner.problem("when wants a parameter and a value, as in: when mode=exact")
        }
        guard scanner.take("=") else { return Condition(parameter: parameter, position: position, values: nil) }
        var values: [String] = []
        repeat {
            let place = scanner.position
            let value =
                scanner.next == UInt8(ascii: "\"")
                ? try scanner.takeText(between: "\"", keepingBackslashes: false, called: "the text in quotes")
                : scanner.take { !LineScanner.isBlank($0) && !"|\"[]=".utf8.contains($0) }
            guard !value.isEmpty else { throw scanner.problem("a value is missing, as in: when mode=exact", at: place) }
            values.append(value)
        } while scanner.take("|")
        return Condition(parameter: parameter, position: position, values: values)
    }
}
