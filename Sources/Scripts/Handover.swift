/// What a script is given: an argument for each parameter, in the order of its annotations, and with `@syntax 2` variables of
/// its environment besides.
public struct Handover: Sendable, Equatable {
    public private(set) var arguments: [String] = []
    /// `NAME=value` each.
    public private(set) var variables: [String] = []
    /// The original form has names that are none of variables.
    private let hasVariables: Bool

    public init(to script: Script) { hasVariables = script.syntax >= 2 }

    /// Adds the next parameter.
    ///
    /// - Parameters:
    ///   - value: as the script gets it; of a list the items with a line break between each two.
    ///   - names: those that the user's files had, in the same way.
    public mutating func put(_ parameter: Parameter, _ value: String, names: String = "") {
        arguments.append(value)
        guard hasVariables else { return }
        for (variable, value) in zip(parameter.variables, [value, names]) { variables.append("\(variable)=\(value)") }
    }

    /// What every script finds in its environment, whatever it asks for; docs/script-authors.md lists it for authors.
    ///
    /// - Parameters:
    ///   - folder: the working folder.
    ///   - user: whom the script runs as.
    public static func environment(
        folder: String, user: String, job: String, attempt: Int, script: String, requester: String
    ) -> [String] {
        [
            "PATH=" + programFolders.joined(separator: ":"), "HOME=\(folder)", "LANG=C.UTF-8", "SHELL=/bin/sh",
            "USER=\(user)", "LOGNAME=\(user)", "SR_JOB=\(job)", "SR_ATTEMPT=\(attempt)", "SR_SCRIPT=\(script)",
            "SR_REQUESTER=\(requester)",
        ]
    }

    /// Where scripts find programs.
    static let programFolders = [
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
    ]
}
