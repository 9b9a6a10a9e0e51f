internal import Accounts
internal import Linux
internal import Patterns

/// A text of JSON (RFC 8259), made piece by piece.
public enum JSON {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSON])
    /// In this order.
    case object([(String, JSON)])

    static func number(_ value: some BinaryInteger) -> JSON { .number(String(value)) }
    /// The first and the last.
    static func range(_ range: ClosedRange<some BinaryInteger>?) -> JSON {
        range.map { .array([.number($0.lowerBound), .number($0.upperBound)]) } ?? .null
    }
    static func strings(_ values: [String]) -> JSON { .array(values.map(JSON.string)) }

    /// With a line for each element, indented by two blanks.
    public var text: String {
        var text = ""
        write(to: &text, indent: "\n")
        return text + "\n"
    }

    private func write(to text: inout String, indent: String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let value): text += value
        case .string(let value): JSON.quote(value, into: &text)
        case .array(let elements):
            JSON.list(elements, "[", "]", to: &text, indent) { $0.write(to: &$1, indent: $2) }
        case .object(let members):
            JSON.list(members, "{", "}", to: &text, indent) { member, text, indent in
                JSON.quote(member.0, into: &text)
                text += ": "
                member.1.write(to: &text, indent: indent)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, to text: inout String, _ indent: String,
        _ write: (Element, inout String, String) -> Void
    ) {
        text += opening
        let inner = indent + "  "
        for (index, element) in elements.enumerated() {
            text += (index == 0 ? "" : ",") + inner
            write(element, &text, inner)
        }
        text += (elements.isEmpty ? "" : indent) + closing
    }

    private static func quote(_ value: String, into text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension Script {
    /// The form that its annotations make, for other programs.
    public var json: JSON {
        let about: [(String, JSON)] = [
            ("name", .string(name)), ("syntax", .number(syntax)), ("title", title.map(JSON.string) ?? .null),
            ("about", .strings(about)), ("tags", .strings(tags)), ("parameters", .array(parameters.map(\.json))),
        ]
        let notes = outputs.map {
            JSON.object([("names", .string($0.names)), ("description", .string($0.description))])
        }
        let access = access.map {
            JSON.object([("groups", .strings($0.groups.map(\.text))), ("users", .strings($0.users.map(\.text)))])
        }
        let example = example.map { JSON.object($0.map { ($0.parameter, .strings($0.values)) }) }
        return .object(
            about + terms.json + [
                ("access", access ?? .null), ("outputs", .array(notes)), ("example", example ?? .null),
            ])
    }
}

extension Parameter {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [
            ("name", .string(name)), ("description", .string(description)), ("type", .string(type.word)),
            ("optional", .bool(isOptional)),
        ]
        switch standard {
        case .value(let value): members.append(("default", .string(value)))
        case .today: members.append(("default", .string("today")))
        case nil: break
        }
        members += type.json
        if let condition {
            members.append(
                (
                    "when",
                    .object([("parameter", .string(condition.parameter)), ("values", .strings(condition.values))])
                ))
        }
        return .object(members)
    }
}

extension ValueType {
    /// What it allows; of a range, an end that is open is missing.
    fileprivate var json: [(String, JSON)] {
        func range<Number: Comparable>(_ range: ClosedRange<Number>, _ least: Number, _ most: Number) -> [(
            String, JSON
        )] {
            (range.lowerBound > least ? [("min", .number("\(range.lowerBound)"))] : [])
                + (range.upperBound < most ? [("max", .number("\(range.upperBound)"))] : [])
        }
        func list(_ choices: [Choice]) -> [(String, JSON)] {
            [
                (
                    "choices",
                    .array(choices.map { .object([("value", .string($0.value)), ("label", .string($0.label))]) })
                )
            ]
        }
        func files(_ rule: FileRule) -> [(String, JSON)] {
            [("endings", .strings(rule.endings))] + (rule.most.map { [("maxBytes", .number($0))] } ?? [])
        }
        func day(_ name: String, _ bound: DayRange.Bound?) -> [(String, JSON)] {
            switch bound {
            case .day(let day): [(name, .string("\(day)"))]
            case .today: [(name, .string("today"))]
            case nil: []
            }
        }
        switch self {
        case .plain, .flag, .email: return []
        case .text(let length, let pattern), .secret(let length, let pattern):
            return range(length, 0, Parameter.longestText) + (pattern.map { [("pattern", .string($0.text))] } ?? [])
        case .lines(let count, let pattern):
            return range(count, 0, Parameter.longestText) + (pattern.map { [("pattern", .string($0.text))] } ?? [])
        case .int(let bounds): return range(bounds, .min, .max)
        case .float(let bounds): return range(bounds, -.infinity, .infinity)
        case .choice(let choices): return list(choices)
        case .choices(let choices, let count): return list(choices) + range(count, 1, TypeParser.mostChoices)
        case .date(let range): return day("min", range.first) + day("max", range.last)
        case .file(let rule): return files(rule)
        case .files(let rule, let count): return files(rule) + range(count, 1, TypeParser.mostFiles)
        case .output(let endings): return [("endings", .strings(endings))]
        case .use(let resource): return [("resource", .string(resource.rawValue))]
        }
    }
}

extension Leeway {
    fileprivate var json: JSON {
        let seconds = time.map { $0.lowerBound.milliseconds / 1000...$0.upperBound.milliseconds / 1000 }
        return .object([("cpus", .range(cpus)), ("memory", .range(memory)), ("seconds", .range(seconds))])
    }
}

extension Terms {
    fileprivate var json: [(String, JSON)] {
        let needs: [(String, JSON)] = [
            ("cpus", needs.cpus.map(JSON.number) ?? .null), ("memory", needs.memory.map(JSON.number) ?? .null),
            ("seconds", timeLimit.map { .number($0.milliseconds / 1000) } ?? .null),
        ]
        let limits: [(String, JSON)] = [
            ("perUser", perUserLimit.map(JSON.number) ?? .null), ("total", totalLimit.map(JSON.number) ?? .null),
            ("retry", .number(retries)),
        ]
        return [
            ("needs", .object(needs)), ("choice", leeway.json), ("limits", .object(limits)),
            ("idempotent", .bool(isIdempotent)),
        ]
    }
}
