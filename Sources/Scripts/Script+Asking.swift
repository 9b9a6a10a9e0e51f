extension Script {
    /// Which parameters a form asks for, given what the ones before have: those without a condition, and those whose
    /// condition holds. What is not asked for is empty, whatever was sent.
    ///
    /// - Parameter value: of a parameter that is asked for, as the script gets it.
    /// - Returns: for each parameter, in their order, whether it is asked for.
    public func asked(_ value: (Parameter) throws -> String) rethrows -> [Bool] {
        var values: [String: String] = [:]
        return try parameters.map { parameter in
            guard parameter.isGiven else { return false }
            if let condition = parameter.condition {
                // One that is not asked for itself has no value.
                guard let other = values[condition.parameter],
                    let type = parameters.first(where: { $0.name == condition.parameter })?.type,
                    condition.holds(for: other, of: type)
                else { return false }
            }
            values[parameter.name] = try value(parameter)
            return true
        }
    }
}

extension Parameter.Condition {
    fileprivate func holds(for value: String, of type: ValueType) -> Bool {
        switch type {
        case .flag: values.contains(value == ValueType.yes ? ValueType.yes : "no")
        case .choices:
            ValueType.items(of: value).contains { values.contains($0) }
        default: values.contains(value)
        }
    }
}

extension Parameter {
    /// Nobody gives what is used of the machine.
    public var isGiven: Bool { if case .use = type { false } else { true } }

    /// What is wrong when nothing is given although it is asked for; `nil` when it may be empty.
    public var problemWhenEmpty: String? { isOptional ? nil : type.missing }
}
