internal import Linux

/// What is wrong with the settings, in one line that names file, line and key.
public struct SettingsProblem: Error, Equatable, CustomStringConvertible, Sendable {
    public let description: String

    public init(_ description: String) { self.description = description }
}

extension Settings {
    /// The exit status of a program whose settings are wrong: EX_CONFIG of sysexits.h.
    public static let exitStatus: CInt = 78
    /// Where an installed ScriptRunner looks.
    static let installedFile = "/etc/scriptrunner/ScriptRunner.conf"
    /// No such file is longer. Bytes.
    private static let longestFile = 1 << 20

    /// Finds and reads the file: the one that SCRIPTRUNNER_CONF names, else the installed one, else
    /// etc/ScriptRunner.conf in one of the three folders above the program.
    public static func load() throws(SettingsProblem) -> Settings {
        if let named = getenv("SCRIPTRUNNER_CONF") { return try load(file: String(cString: named)) }
        if access(installedFile, F_OK) == 0 { return try load(file: installedFile) }
        var folder = executableFolder
        for _ in 1...3 {
            folder = parent(of: folder)
            let file = folder + "/etc/ScriptRunner.conf"
            if access(file, F_OK) == 0 { return try load(file: file) }
        }
        throw SettingsProblem(
            "no settings: neither SCRIPTRUNNER_CONF nor \(installedFile) nor an etc/ScriptRunner.conf above the program"
        )
    }

    /// Reads the settings, or says what is wrong on standard error and ends the program.
    public static func loadOrExit() -> Settings {
        do { return try load() } catch { fail(error) }
    }

    /// Ends the program because of its settings, or because of what they name.
    public static func fail(_ problem: SettingsProblem, status: CInt = exitStatus) -> Never {
        let line = problem.description + "\n"
        _ = write(2, line, line.utf8.count)
        exit(status)
    }

    /// Reads this file.
    public static func load(file: String) throws(SettingsProblem) -> Settings {
        let absolute: String
        if file.hasPrefix("/") {
            absolute = file
        } else {
            var folder = [CChar](repeating: 0, count: Int(PATH_MAX))
            guard getcwd(&folder, folder.count) != nil else { throw SettingsProblem("\(file): no current folder") }
            absolute =
                String(decoding: folder.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/" + file
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Descriptor.open(absolute, O_RDONLY).readAll(limit: longestFile)
        } catch {
            throw SettingsProblem("\(absolute): cannot be read: \(error.reason)")
        }
        // Half understood bytes would become half right paths.
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let number = 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0)
            throw SettingsProblem("\(absolute):\(number): is no UTF-8; save the file in that encoding")
        }
        return try parse(text, file: absolute)
    }

    /// Understands the text of a file that stands at `file`.
    static func parse(_ text: String, file: String) throws(SettingsProblem) -> Settings {
        let root = parent(of: parent(of: file))
        var settings = Settings()
        settings.file = file
        for key in SettingsKey.all {
            // The standard values are ours; a test reads them all.
            _ = key.apply(&settings, key.standard, root)
        }
        var number = 0
        // By bytes, because \r\n is one character of a string, and no line break to split at. The mark that some
        // editors put before the first line is no part of it.
        let lines = text.utf8.starts(with: "\u{FEFF}".utf8) ? text.utf8.dropFirst(3) : text.utf8[...]
        for line in lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let line = trimmed(line)
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            guard !line.contains(where: { $0 < 0x20 && $0 != UInt8(ascii: "\t") || $0 == 0x7F }) else {
                throw SettingsProblem("\(file):\(number): holds control characters; remove them")
            }
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
                throw SettingsProblem(
                    "\(file):\(number): \(Substring(line)): expected key=value, or # before a comment")
            }
            let name = String(Substring(trimmed(line[..<equals])))
            let value = String(Substring(trimmed(line[line.index(after: equals)...])))
            if let advice = SettingsKey.retired[name] {
                throw SettingsProblem("\(file):\(number): \(name): no longer a setting: \(advice)")
            }
            guard let key = SettingsKey.all.first(where: { $0.name == name }) else {
                throw SettingsProblem("\(file):\(number): \(name): unknown key; etc/ScriptRunner.conf lists all")
            }
            if let first = settings.lines[name] {
                throw SettingsProblem("\(file):\(number): \(name): set already in line \(first); remove one of them")
            }
            settings.lines[name] = number
            if let problem = key.apply(&settings, value, root) {
                throw SettingsProblem("\(file):\(number): \(name): \"\(value)\" \(problem)")
            }
        }
        return settings
    }

    /// A problem with what a key names, with the place where it is set.
    public func problem(with key: String, _ sentence: String) -> SettingsProblem {
        let place = lines[key].map { "\(file):\($0)" } ?? "\(file) (standard value)"
        return SettingsProblem("\(place): \(key): \(sentence)")
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}

/// The folder of the running program, links resolved.
public let executableFolder: String = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return parent(of: path)
}()
