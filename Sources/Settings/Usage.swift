internal import Linux

/// Ends a program that takes no arguments when it was given some: with what it does for `--help`, else with EX_USAGE (64)
/// of sysexits.h. So nobody who asks a daemon for help starts it.
///
/// - Parameter purpose: what the program does, in a line or two.
public func takeNoArguments(_ program: StaticString, _ purpose: StaticString) {
    let arguments = CommandLine.arguments.dropFirst()
    guard let first = arguments.first else { return }
    let usage = "usage: \(program)\n\n\(purpose)\n"
    let isHelp = arguments.count == 1 && (first == "--help" || first == "-h")
    let text = isHelp ? usage : "\(program): takes no arguments\n\(usage)"
    _ = write(isHelp ? 1 : 2, text, text.utf8.count)
    exit(isHelp ? 0 : 64)
}
