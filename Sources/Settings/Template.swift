extension Settings {
    /// The text of a settings file that explains every key. Keys that are not in `values` stand there as a comment with
    /// their standard value.
    public static func template(setting values: KeyValuePairs<String, String> = [:]) -> String {
        var text = """
            # ScriptRunner's settings: key=value; a line that begins with # is a comment.
            #
            # Every key is listed with its meaning and its standard value; remove the # to change one. Relative paths
            # count from the folder above the one that holds this file. A mistake is told by every program at its start,
            # with the line.

            """
        for key in SettingsKey.all {
            text += "\n"
            for line in wrapped(key.meaning, width: 116) { text += "# \(line)\n" }
            if let value = values.first(where: { $0.key == key.name })?.value {
                text += "\(key.name)=\(value)\n"
            } else {
                text += "#\(key.name)=\(key.standard)\n"
            }
        }
        return text
    }

    /// The text of the file that is installed: data below /var/lib, the examples for a start.
    public static var installedTemplate: String {
        template(setting: [
            "path_to_db": "/var/lib/scriptrunner/db/scriptrunner.sqlite", "inbox_dir": "/var/lib/scriptrunner/inbox",
            "outbox_dir": "/var/lib/scriptrunner/outbox", "script_dir": "examples",
            "state_dir": "/var/lib/scriptrunner/state", "mail_dir": "/var/lib/scriptrunner/mail",
        ])
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            if !lines[lines.count - 1].isEmpty, lines[lines.count - 1].count + 1 + word.count > width {
                lines.append("")
            }
            lines[lines.count - 1] += lines[lines.count - 1].isEmpty ? String(word) : " " + word
        }
        return lines
    }
}
