internal import Linux

/// One key of the file: what it is called, what it is without being set, what it means, and how its text is understood.
struct SettingsKey: Sendable {
    let name: String
    /// Applied when the file does not set the key.
    let standard: String
    /// For the admin: a sentence or two, printed into etc/ScriptRunner.conf.
    let meaning: String
    /// Puts the value into the settings, or returns what is wrong with it.
    let apply: @Sendable (inout Settings, _ value: String, _ root: String) -> String?

    /// All keys, in the order of the file.
    static let all: [SettingsKey] = places + scripts + site + files + jobs + mail

    /// Keys of the original that are gone, and what to do instead.
    static let retired: [String: String] = [
        "web_port": "the web server listens, not ScriptRunner; remove this line and set base_url to the address that "
            + "browsers use",
        "scp_pass": "a password does not belong on a page that everybody reads; remove this line and give the user of "
            + "scp_user keys or tell them the password yourself",
    ]

    private static let places = [
        path("path_to_db", "db/scriptrunner.sqlite", \.pathToDb, "The database: one SQLite file, on a local disk."),
        path(
            "inbox_dir", "inbox", \.inboxDir,
            "Uploaded input files, and the folder `shared` that you may fill for everybody."),
        path(
            "outbox_dir", "outbox", \.outboxDir,
            "A folder for each job's outputs. The web server reads it to send downloads."),
        path("script_dir", "scripts", \.scriptDir, "Every executable regular file in here is offered to users."),
        path("state_dir", "state", \.stateDir, "Attempts with their logs, sockets and locks; on a local disk."),
    ]

    private static let scripts = [
        text("script_doc_prefix", "##~~", \.scriptDocPrefix, "Comment lines of a script that begin so describe it."),
        text(
            "input_param_prefix", "input", \.inputParamPrefix,
            "A parameter whose name begins so is a file of the inbox."),
        text(
            "output_param_prefix", "output", \.outputParamPrefix,
            "A parameter whose name begins so names an output file."),
        choice(
            "on_script_change", "fail", \.onScriptChange,
            "When a script was edited after a job was submitted: `fail` the job (the user can submit again), or `run` it as it is now."
        ),
    ]

    private static let site = [
        SettingsKey(
            name: "base_url", standard: "http://localhost:8080",
            meaning:
                "The address that browsers use, with a path if everything lives below one. With https, cookies are sent over https only."
        ) { settings, value, _ in
            guard let url = BaseURL(value) else {
                return "is no address such as https://jobs.example.org or https://example.org/jobs"
            }
            settings.baseURL = url
            return nil
        },
        number(
            "min_password_length", "8", 1...128, \.minPasswordLength,
            "Fewest characters of a password. 15 is recommended where there is no second factor."),
        span("session_days", "7", 1...365, \.sessionLifetime, "How long a sign-in lasts."),
        choice(
            "sign_up", "open", \.signUp, "`open`: everybody who reaches the page can make an account; `closed`: nobody."
        ),
        choice(
            "job_visibility", "all", \.jobVisibility,
            "Whose jobs the list shows: `all`, or a user's `own`. Logs and files are always the requester's alone."),
        optional(
            "scp_user", \.scpUser,
            "If set, the submit page tells how to scp into the shared folder of the inbox as this user of the machine."),
    ]

    private static let files = [
        size(
            "max_upload_bytes", "10G", \.maxUploadBytes, "Largest upload. The web server's limit has to allow it too."),
        size(
            "min_free_bytes", "256M", \.minFreeBytes,
            "Uploads are refused when the disk of the inbox would have less left, and no job is started while a disk that it needs has less."
        ),
        number(
            "min_free_inodes", "1000", 0...1_000_000_000, \.minFreeInodes,
            "The same for the number of files that can still be made on these disks (`df -i`); 0: do not look."),
        span(
            "retention_days", "7", 1...3650, \.retention,
            "Inputs, outputs and finished jobs older than this are removed by the cleaner."),
        span(
            "shared_retention_days", "0", 0...3650, \.sharedRetention,
            "Files in the folder `shared` of the inbox that nobody changed for so long, and that no waiting or running job uses, are removed by the cleaner; 0: never."
        ),
    ]

    private static let jobs = [
        numberOrNone(
            "machine_cpus", 100_000, \.machineCPUs,
            "How many CPUs jobs may have all together; 0: as many as the worker finds."),
        sizeOrNone(
            "machine_memory", \.machineMemory,
            "How much memory jobs may have all together; 0: what the machine has, less a tenth (at least 512M) for the system. Set it in a container."
        ),
        numberOrNone(
            "default_cpus", 100_000, \.defaultCPUs,
            "What a script gets that declares no needs. With 0 here and in default_memory it has the machine to itself, so jobs run one after another."
        ),
        sizeOrNone(
            "default_memory", \.defaultMemory,
            "The same for memory. If only one of the two is set: as large a share of the memory as of the CPUs, or one CPU."
        ),
        numberOrNone("max_running_jobs", 10_000, \.maxRunningJobs, "How many jobs run at once; 0: as many as fit."),
        numberOrNone(
            "max_running_per_user", 10_000, \.maxRunningPerUser,
            "How many jobs of one requester run at once; 0: as many as fit."),
        number(
            "max_sweep", "100", 0...1000, \.maxSweep,
            "How many jobs may be submitted together, each with other values; 0: one at a time."),
        durationOrNone(
            "default_time_limit", \.defaultTimeLimit,
            "How long a job may run whose script declares nothing else, such as 90, 30m, 12h, 7d or 12:00:00; 0: as long as it takes."
        ),
        sizeOrNone("max_file_bytes", \.maxFileBytes, "Largest file that a job may write; 0: no limit."),
        durationOrNone(
            "max_cpu_time", \.maxCPUTime, "Longest time that a process of a job may compute, such as 12h; 0: no limit."),
        sizeOrNone("max_address_space", \.maxAddressSpace, "Largest memory of one process of a job; 0: no limit."),
        numberOrNone(
            "max_open_files", 1 << 30, \.maxOpenFiles,
            "How many files a process of a job may have open; 0: no limit of ours."
        ),
        numberOrNone(
            "max_processes", 1 << 22, \.maxProcesses, "How many processes a job may have; 0: no limit of ours."),
        SettingsKey(
            name: "cgroup", standard: "auto",
            meaning:
                "Control groups keep a job's processes and memory together: `auto` (where the system lets us), `off`, or the path of a cgroup that the worker may divide."
        ) { settings, value, _ in
            switch value {
            case "auto": settings.cgroup = .auto
            case "off": settings.cgroup = .off
            case _ where value.utf8.first == UInt8(ascii: "/"): settings.cgroup = .at(path: absolute(value, ""))
            default: return "is neither auto nor off nor a path that begins with /"
            }
            return nil
        },
        SettingsKey(
            name: "retry_pause", standard: "30s",
            meaning:
                "The pause before another attempt where a script allows one; doubled for each further one, up to an hour."
        ) { settings, value, _ in
            guard let pause = Instant.Span(written: value), pause <= .hours(1) else {
                return "is no time up to an hour such as 30, 90s, 30m or 00:10:00"
            }
            settings.retryPause = pause
            return nil
        },
        number(
            "poll_interval", "10", 1...3600, \.pollInterval,
            "Seconds after which an idle worker looks for jobs although nobody rang."),
        SettingsKey(
            name: "kill_grace", standard: "10",
            meaning: "Seconds that a script has between the request to stop (TERM) and its end (KILL)."
        ) { settings, value, _ in
            guard let seconds = Int64(value), (0...3600).contains(seconds) else {
                return "is no number of seconds from 0 to 3600"
            }
            settings.killGrace = .seconds(seconds)
            return nil
        },
        size(
            "max_log_bytes", "100M", \.maxLogBytes,
            "How much of a log is kept on disk: its beginning and its end. The middle is dropped while the script runs on."
        ),
    ]

    private static let mail = [
        text("email_address", "scriptrunner@localhost", \.emailAddress, "The sender of all mails."),
        choice(
            "mail_transport", "file", \.mailTransport,
            "How mail leaves: `smtp`, `sendmail`, or `file` (one .eml for each in mail_dir)."),
        path("mail_dir", "mail", \.mailDir, "Where mail_transport=file puts them."),
        text("smtp_host", "localhost", \.smtpHost, "The mail server."),
        number("smtp_port", "25", 1...65_535, \.smtpPort, "Its port: usually 25, 587 with starttls, 465 with tls."),
        choice(
            "smtp_security", "none", \.smtpSecurity, "`none`, `starttls` or `tls`. The server's certificate is checked."
        ),
        optional("smtp_user", \.smtpUser, "If set, ScriptRunner signs in to the mail server."),
        optionalPath(
            "smtp_password_file", \.smtpPasswordFile,
            "A file, readable by ScriptRunner alone, whose first line is the password."),
        optionalPath("smtp_ca_file", \.smtpCaFile, "Certificates to trust instead of the system's."),
        path("sendmail_path", "/usr/sbin/sendmail", \.sendmailPath, "The program for mail_transport=sendmail."),
    ]

    // MARK: Kinds of values

    private static func text(
        _ name: String, _ standard: String, _ member: any (WritableKeyPath<Settings, String> & Sendable),
        _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: standard, meaning: meaning) { settings, value, _ in
            guard !value.isEmpty else { return "has no value" }
            settings[keyPath: member] = value
            return nil
        }
    }

    private static func optional(
        _ name: String, _ member: any (WritableKeyPath<Settings, String?> & Sendable), _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: "", meaning: meaning) { settings, value, _ in
            settings[keyPath: member] = value.isEmpty ? nil : value
            return nil
        }
    }

    private static func path(
        _ name: String, _ standard: String, _ member: any (WritableKeyPath<Settings, String> & Sendable),
        _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: standard, meaning: meaning) { settings, value, root in
            guard !value.isEmpty else { return "has no value" }
            settings[keyPath: member] = absolute(value, root)
            return nil
        }
    }

    private static func optionalPath(
        _ name: String, _ member: any (WritableKeyPath<Settings, String?> & Sendable), _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: "", meaning: meaning) { settings, value, root in
            settings[keyPath: member] = value.isEmpty ? nil : absolute(value, root)
            return nil
        }
    }

    private static func number(
        _ name: String, _ standard: String, _ range: ClosedRange<Int>,
        _ member: any (WritableKeyPath<Settings, Int> & Sendable), _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: standard, meaning: meaning) { settings, value, _ in
            guard let number = Int(value), range.contains(number) else {
                return "is no whole number from \(range.lowerBound) to \(range.upperBound)"
            }
            settings[keyPath: member] = number
            return nil
        }
    }

    private static func span(
        _ name: String, _ standard: String, _ range: ClosedRange<Int64>,
        _ member: any (WritableKeyPath<Settings, Instant.Span> & Sendable), _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: standard, meaning: meaning) { settings, value, _ in
            guard let days = Int64(value), range.contains(days) else {
                return "is no number of days from \(range.lowerBound) to \(range.upperBound)"
            }
            settings[keyPath: member] = .days(days)
            return nil
        }
    }

    private static func size(
        _ name: String, _ standard: String, _ member: any (WritableKeyPath<Settings, Int64> & Sendable),
        _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: standard, meaning: meaning) { settings, value, _ in
            guard let bytes = Linux.size(written: value) else { return noSize }
            settings[keyPath: member] = bytes
            return nil
        }
    }

    private static let noSize = "is no number of bytes such as 500000, 100M or 10G"

    // In the file 0 means that there is none.

    private static func sizeOrNone(
        _ name: String, _ member: any (WritableKeyPath<Settings, Int64?> & Sendable), _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: "0", meaning: meaning) { settings, value, _ in
            guard let bytes = Linux.size(written: value) else { return noSize }
            settings[keyPath: member] = bytes == 0 ? nil : bytes
            return nil
        }
    }

    private static func numberOrNone(
        _ name: String, _ most: Int, _ member: any (WritableKeyPath<Settings, Int?> & Sendable), _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: "0", meaning: meaning) { settings, value, _ in
            guard let number = Int(value), (0...most).contains(number) else {
                return "is no whole number from 0 to \(most)"
            }
            settings[keyPath: member] = number == 0 ? nil : number
            return nil
        }
    }

    private static func durationOrNone(
        _ name: String, _ member: any (WritableKeyPath<Settings, Instant.Span?> & Sendable), _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: "0", meaning: meaning) { settings, value, _ in
            guard let span = Instant.Span(written: value) else {
                return "is no time such as 90, 90s, 30m, 12h, 7d or 12:00:00"
            }
            settings[keyPath: member] = span == .seconds(0) ? nil : span
            return nil
        }
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ standard: String, _ member: any (WritableKeyPath<Settings, Choice> & Sendable),
        _ meaning: String
    ) -> SettingsKey {
        SettingsKey(name: name, standard: standard, meaning: meaning) { settings, value, _ in
            guard let choice = Choice(rawValue: value) else {
                return "is none of: " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
            }
            settings[keyPath: member] = choice
            return nil
        }
    }

    /// Relative paths count from the folder above etc/.
    private static func absolute(_ path: String, _ root: String) -> String {
        var whole = path.utf8.first == UInt8(ascii: "/") ? path : root + "/" + path
        while whole.utf8.count > 1, whole.utf8.last == UInt8(ascii: "/") { whole.removeLast() }
        return whole
    }
}
