import Linux
import Testing

@testable import Settings

/// Where the files of these tests would stand: relative paths count from `/srv/sr`.
let place = "/srv/sr/etc/ScriptRunner.conf"

/// What is said about a text; `nil` when it is understood.
func problem(with text: String) -> String? {
    do throws(SettingsProblem) {
        _ = try Settings.parse(text, file: place)
        return nil
    } catch { return error.description }
}

/// A value of the file as it was understood.
struct Understood: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let line: String
    let holds: @Sendable (Settings) -> Bool

    init<Value: Equatable & Sendable>(
        _ line: String, _ member: any KeyPath<Settings, Value> & Sendable, _ value: Value
    ) {
        testDescription = line.isEmpty ? "standard value \(value)" : line
        self.line = line
        holds = { $0[keyPath: member] == value }
    }
}

@Suite struct `A key of the settings` {
    @Test(arguments: SettingsKey.all.map(\.name))
    func `has a standard value that it takes itself, and a meaning`(name: String) throws {
        let key = try #require(SettingsKey.all.first { $0.name == name })
        var settings = Settings()

        #expect(key.apply(&settings, key.standard, "/srv/sr") == nil)
        #expect(problem(with: "\(name)=\(key.standard)\n") == nil)
        #expect(key.meaning.hasSuffix(".") || key.meaning.hasSuffix(")"))
        #expect(!key.meaning.contains("\n"))
    }

    @Test func `is there once, and so are all that the original had`() {
        let names = SettingsKey.all.map(\.name)
        let original = [
            "path_to_db", "inbox_dir", "outbox_dir", "script_dir", "script_doc_prefix", "input_param_prefix",
            "output_param_prefix", "email_address", "poll_interval", "scp_user",
        ]

        #expect(Set(names).count == names.count)
        #expect(Set(original).subtracting(names).isEmpty)
        #expect(Set(names).isDisjoint(with: SettingsKey.retired.keys))
    }

    @Test(arguments: [
        Understood("", \.pathToDb, "/srv/sr/db/scriptrunner.sqlite"),
        Understood("path_to_db=data.sqlite", \.pathToDb, "/srv/sr/data.sqlite"),
        Understood("path_to_db=/var/db/a.sqlite", \.pathToDb, "/var/db/a.sqlite"),
        Understood("", \.inboxDir, "/srv/sr/inbox"),
        Understood("inbox_dir = /data/in box/ ", \.inboxDir, "/data/in box"),
        Understood("inbox_dir=in//", \.inboxDir, "/srv/sr/in"),
        Understood("inbox_dir=/", \.inboxDir, "/"),
        Understood("inbox_dir=//", \.inboxDir, "/"),
        Understood("inbox_dir=../elsewhere", \.inboxDir, "/srv/sr/../elsewhere"),
        Understood("inbox_dir=/Daten/Übung", \.inboxDir, "/Daten/Übung"),
        Understood("", \.outboxDir, "/srv/sr/outbox"),
        Understood("outbox_dir=/o", \.outboxDir, "/o"),
        Understood("", \.scriptDir, "/srv/sr/scripts"),
        Understood("script_dir=/s", \.scriptDir, "/s"),
        Understood("", \.stateDir, "/srv/sr/state"),
        Understood("state_dir=/st", \.stateDir, "/st"),
        Understood("state_dir=/st/", \.attemptsDir, "/st/attempts"),
        Understood("", \.scriptDocPrefix, "##~~"),
        Understood("script_doc_prefix=#=#", \.scriptDocPrefix, "#=#"),
        Understood("", \.inputParamPrefix, "input"),
        Understood("input_param_prefix=in", \.inputParamPrefix, "in"),
        Understood("", \.outputParamPrefix, "output"),
        Understood("output_param_prefix=out", \.outputParamPrefix, "out"),
        Understood("", \.onScriptChange, .fail),
        Understood("on_script_change=run", \.onScriptChange, .run),
        Understood("", \.minPasswordLength, 8),
        Understood("min_password_length=128", \.minPasswordLength, 128),
        Understood("", \.sessionLifetime, .days(7)),
        Understood("session_days=365", \.sessionLifetime, .days(365)),
        Understood("", \.signUp, .open),
        Understood("sign_up=closed", \.signUp, .closed),
        Understood("", \.jobVisibility, .all),
        Understood("job_visibility=own", \.jobVisibility, .own),
        Understood("", \.scpUser, nil),
        Understood("scp_user=uploader", \.scpUser, "uploader"),
        Understood("scp_user=", \.scpUser, nil),
    ])
    func `of places, scripts and accounts is understood`(example: Understood) throws {
        #expect(example.holds(try Settings.parse(example.line, file: place)))
    }

    @Test(arguments: [
        Understood("", \.maxUploadBytes, 10 << 30),
        Understood("max_upload_bytes=0", \.maxUploadBytes, 0),
        Understood("max_upload_bytes=500000", \.maxUploadBytes, 500_000),
        Understood("max_upload_bytes=3K", \.maxUploadBytes, 3072),
        Understood("max_upload_bytes=2T", \.maxUploadBytes, 2 << 40),
        Understood("max_upload_bytes=1152921504606846976", \.maxUploadBytes, 1 << 60),
        Understood("", \.minFreeBytes, 256 << 20),
        Understood("min_free_bytes=1G", \.minFreeBytes, 1 << 30),
        Understood("", \.retention, .days(7)),
        Understood("retention_days=3650", \.retention, .days(3650)),
        Understood("", \.minFreeInodes, 1000),
        Understood("min_free_inodes=0", \.minFreeInodes, 0),
        Understood("", \.machineCPUs, nil),
        Understood("machine_cpus=64", \.machineCPUs, 64),
        Understood("", \.machineMemory, nil),
        Understood("machine_memory=512G", \.machineMemory, 512 << 30),
        Understood("", \.defaultCPUs, nil),
        Understood("default_cpus=2", \.defaultCPUs, 2),
        Understood("", \.defaultMemory, nil),
        Understood("default_memory=4G", \.defaultMemory, 4 << 30),
        Understood("", \.maxRunningJobs, nil),
        Understood("max_running_jobs=0", \.maxRunningJobs, nil),
        Understood("", \.maxRunningPerUser, nil),
        Understood("max_running_per_user=3", \.maxRunningPerUser, 3),
        Understood("", \.defaultTimeLimit, nil),
        Understood("default_time_limit=90", \.defaultTimeLimit, .seconds(90)),
        Understood("default_time_limit=90s", \.defaultTimeLimit, .seconds(90)),
        Understood("default_time_limit=30m", \.defaultTimeLimit, .minutes(30)),
        Understood("default_time_limit=12h", \.defaultTimeLimit, .hours(12)),
        Understood("default_time_limit=7d", \.defaultTimeLimit, .days(7)),
        Understood("default_time_limit=12:30:05", \.defaultTimeLimit, .seconds(45_005)),
        Understood("default_time_limit=0h", \.defaultTimeLimit, nil),
        Understood("", \.maxFileBytes, nil),
        Understood("max_file_bytes=1T", \.maxFileBytes, 1 << 40),
        Understood("", \.maxCPUTime, nil),
        Understood("max_cpu_time=2h", \.maxCPUTime, .hours(2)),
        Understood("", \.maxAddressSpace, nil),
        Understood("max_address_space=8G", \.maxAddressSpace, 8 << 30),
        Understood("", \.maxOpenFiles, nil),
        Understood("max_open_files=1024", \.maxOpenFiles, 1024),
        Understood("", \.maxProcesses, nil),
        Understood("max_processes=500", \.maxProcesses, 500),
        Understood("", \.cgroup, .auto),
        Understood("cgroup=off", \.cgroup, .off),
        Understood("cgroup=/sys/fs/cgroup/scriptrunner/", \.cgroup, .at(path: "/sys/fs/cgroup/scriptrunner")),
        Understood("", \.retryPause, .seconds(30)),
        Understood("retry_pause=00:02:00", \.retryPause, .minutes(2)),
        Understood("retry_pause=0", \.retryPause, .seconds(0)),
        Understood("max_running_jobs=10000", \.maxRunningJobs, 10_000),
        Understood("", \.pollInterval, 10),
        Understood("poll_interval=1", \.pollInterval, 1),
        Understood("", \.killGrace, .seconds(10)),
        Understood("kill_grace=0", \.killGrace, .seconds(0)),
        Understood("kill_grace=3600", \.killGrace, .seconds(3600)),
        Understood("", \.maxLogBytes, 100 << 20),
        Understood("max_log_bytes=7M", \.maxLogBytes, 7 << 20),
        Understood("", \.emailAddress, "scriptrunner@localhost"),
        Understood("email_address=Jobs <jobs@example.org>", \.emailAddress, "Jobs <jobs@example.org>"),
        Understood("", \.mailTransport, .file),
        Understood("mail_transport=smtp", \.mailTransport, .smtp),
        Understood("mail_transport=sendmail", \.mailTransport, .sendmail),
        Understood("", \.mailDir, "/srv/sr/mail"),
        Understood("mail_dir=/m", \.mailDir, "/m"),
        Understood("", \.smtpHost, "localhost"),
        Understood("smtp_host=mail.example.org", \.smtpHost, "mail.example.org"),
        Understood("", \.smtpPort, 25),
        Understood("smtp_port=65535", \.smtpPort, 65_535),
        Understood("", \.smtpSecurity, .none),
        Understood("smtp_security=starttls", \.smtpSecurity, .starttls),
        Understood("smtp_security=tls", \.smtpSecurity, .tls),
        Understood("", \.smtpUser, nil),
        Understood("smtp_user=me", \.smtpUser, "me"),
        Understood("", \.smtpPasswordFile, nil),
        Understood("smtp_password_file=etc/password", \.smtpPasswordFile, "/srv/sr/etc/password"),
        Understood("smtp_password_file=", \.smtpPasswordFile, nil),
        Understood("", \.smtpCaFile, nil),
        Understood("smtp_ca_file=/ca.pem", \.smtpCaFile, "/ca.pem"),
        Understood("", \.sendmailPath, "/usr/sbin/sendmail"),
        Understood("sendmail_path=bin/sendmail", \.sendmailPath, "/srv/sr/bin/sendmail"),
    ])
    func `of files, jobs and mail is understood`(example: Understood) throws {
        #expect(example.holds(try Settings.parse(example.line, file: place)))
    }

    @Test(arguments: [
        ("path_to_db=", #""" has no value"#),
        ("inbox_dir = ", #""" has no value"#),
        ("script_doc_prefix=", #""" has no value"#),
        ("email_address=", #""" has no value"#),
        ("on_script_change=Run", #""Run" is none of: fail, run"#),
        ("sign_up=maybe", #""maybe" is none of: open, closed"#),
        ("job_visibility=", #""" is none of: all, own"#),
        ("mail_transport=carrier pigeon", #""carrier pigeon" is none of: smtp, sendmail, file"#),
        ("smtp_security=ssl", #""ssl" is none of: none, starttls, tls"#),
        ("min_password_length=0", #""0" is no whole number from 1 to 128"#),
        ("min_password_length=129", #""129" is no whole number from 1 to 128"#),
        ("poll_interval=ten", #""ten" is no whole number from 1 to 3600"#),
        ("poll_interval=10s", #""10s" is no whole number from 1 to 3600"#),
        ("poll_interval=1.5", #""1.5" is no whole number from 1 to 3600"#),
        ("poll_interval=-1", #""-1" is no whole number from 1 to 3600"#),
        ("poll_interval=", #""" is no whole number from 1 to 3600"#),
        ("smtp_port=65536", #""65536" is no whole number from 1 to 65535"#),
        ("max_running_jobs=99999999999999999999", #""99999999999999999999" is no whole number from 0 to 10000"#),
        ("machine_cpus=-1", #""-1" is no whole number from 0 to 100000"#),
        ("default_memory=4GB", #""4GB" is no number of bytes such as 500000, 100M or 10G"#),
        ("default_time_limit=12:60:00", #""12:60:00" is no time such as 90, 90s, 30m, 12h, 7d or 12:00:00"#),
        ("default_time_limit=5000d", #""5000d" is no time such as 90, 90s, 30m, 12h, 7d or 12:00:00"#),
        ("max_cpu_time=-5", #""-5" is no time such as 90, 90s, 30m, 12h, 7d or 12:00:00"#),
        ("retry_pause=61m", #""61m" is no time up to an hour such as 30, 90s, 30m or 00:10:00"#),
        ("cgroup=on", #""on" is neither auto nor off nor a path that begins with /"#),
        ("session_days=0", #""0" is no number of days from 1 to 365"#),
        ("retention_days=week", #""week" is no number of days from 1 to 3650"#),
        ("kill_grace=3601", #""3601" is no number of seconds from 0 to 3600"#),
        ("kill_grace=-1", #""-1" is no number of seconds from 0 to 3600"#),
        ("max_upload_bytes=lots", #""lots" is no number of bytes such as 500000, 100M or 10G"#),
        ("max_upload_bytes=", #""" is no number of bytes such as 500000, 100M or 10G"#),
        ("max_upload_bytes=G", #""G" is no number of bytes such as 500000, 100M or 10G"#),
        (
            "max_upload_bytes=9223372036854775807",
            #""9223372036854775807" is no number of bytes such as 500000, 100M or 10G"#
        ),
        ("max_upload_bytes=-1", #""-1" is no number of bytes such as 500000, 100M or 10G"#),
        ("max_upload_bytes=1.5G", #""1.5G" is no number of bytes such as 500000, 100M or 10G"#),
        ("max_upload_bytes=10 G", #""10 G" is no number of bytes such as 500000, 100M or 10G"#),
        ("max_upload_bytes=10GB", #""10GB" is no number of bytes such as 500000, 100M or 10G"#),
        (
            "max_upload_bytes=9223372036854775808",
            #""9223372036854775808" is no number of bytes such as 500000, 100M or 10G"#
        ),
        ("max_upload_bytes=8388608T", #""8388608T" is no number of bytes such as 500000, 100M or 10G"#),
        ("base_url=", #""" is no address such as https://jobs.example.org or https://example.org/jobs"#),
    ])
    func `with a bad value is told with file, line and key`(line: String, words: String) {
        let name = line.prefix { $0 != "=" && $0 != " " }

        #expect(problem(with: "# a comment\n\n\(line)\n") == "\(place):3: \(name): \(words)")
    }
}
