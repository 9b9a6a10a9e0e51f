// swift-tools-version: 6.2
import PackageDescription

// The dependency arrows are the architecture: a target reaches exactly what it names here. `make check` builds with
// explicit import checking, so an arrow that is not drawn does not compile.

/// The settings of every Swift target of ours: imports are internal unless said otherwise, warnings are errors, and the
/// Concurrency and StringProcessing libraries are not loaded behind our back, so that a program needs only the core of
/// the Swift runtime.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
    .unsafeFlags([
        "-Xfrontend", "-disable-implicit-concurrency-module-import",
        "-Xfrontend", "-disable-implicit-string-processing-module-import",
    ]),
]

/// Tests may use all of the runtime.
let relaxed: [SwiftSetting] = [
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

/// Shipped programs find their private copy of the Swift runtime beside themselves and carry no symbols.
let shipped: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-no-toolchain-stdlib-rpath", "-Xlinker", "-s",
            "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/../lib/scriptrunner",
            "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/..",
        ], .when(configuration: .release))
]

/// The supervisor stands alone: no shared library at all, because one starts with every job.
let standalone: [LinkerSetting] = [
    .unsafeFlags(["-static-executable", "-Xlinker", "-s"], .when(configuration: .release))
]

/// pipe2, close_range and their kin are GNU extensions; every target must see the same headers, so all define it.
let gnu: [CSetting] = [.define("_GNU_SOURCE")]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, cSettings: gnu, swiftSettings: strict)
}

func program(
    _ name: String, _ dependencies: [Target.Dependency], linkerSettings: [LinkerSetting] = shipped
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, cSettings: gnu, swiftSettings: strict, linkerSettings: linkerSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, cSettings: gnu, swiftSettings: relaxed)
}

let package = Package(
    name: "ScriptRunner",
    targets: [
        // C doors: module maps and tiny shims, no logic.
        .target(name: "CLinux", cSettings: gnu),
        .systemLibrary(name: "CFastCGI", pkgConfig: "fcgi", providers: [.apt(["libfcgi-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),

        .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),

        // Typed doors and the base.
        module("Linux", ["CLinux"]),
        module("EventLog", ["Linux"]),
        module("Sodium", ["CSodium"]),
        module("Patterns", ["CRE2"]),
        module("SQLite", ["CSQLite", "CLinux", "Linux"]),
        module("Storage", ["SQLite", "Linux"]),
        module("Settings", ["Linux"]),
        module("Web", ["CFastCGI", "CLinux", "Linux", "EventLog"]),

        // What the project is about.
        module("Accounts", ["Storage", "SQLite", "Sodium", "Linux"]),
        module("Scripts", ["Accounts", "Patterns", "Settings", "Sodium", "Linux"]),
        module("JobQueue", ["Storage", "SQLite", "Settings", "Scripts", "Sodium", "Linux"]),
        module("FileStore", ["Storage", "SQLite", "Sodium", "Linux", "CLinux"]),
        module("Mail", ["Storage", "SQLite", "Settings", "EventLog", "Linux"]),
        module("Notices", ["JobQueue", "Mail", "Storage", "SQLite", "Settings", "Linux"]),
        module("SMTP", ["Mail", "Settings", "CCurl", "Linux"]),
        module("Supervision", ["Linux", "CLinux"]),
        module(
            "Execution",
            [
                "Accounts", "JobQueue", "FileStore", "Mail", "Notices", "Scripts", "Supervision", "Storage", "SQLite",
                "Settings", "Sodium", "EventLog", "Linux", "CLinux",
            ]),
        module("Serving", ["Settings", "EventLog", "Linux", "CLinux"]),
        module(
            "Cleaning",
            [
                "Accounts", "JobQueue", "FileStore", "Mail", "Storage", "SQLite", "Sodium", "EventLog", "Linux",
            ]),
        module(
            "Pages",
            [
                "Web", "Accounts", "Scripts", "JobQueue", "FileStore", "Mail", "Notices", "Storage", "SQLite",
                "Settings",
                "EventLog", "Sodium", "Linux",
            ]),

        // One FastCGI program per page.
        program("home", ["Pages", "Storage"]),
        program("login", ["Pages", "Storage"]),
        program("signup", ["Pages", "Storage"]),
        program("account", ["Pages", "Storage"]),
        program("submit", ["Pages", "Storage"]),
        program("jobs", ["Pages", "Storage"]),
        program("files", ["Pages", "Storage"]),

        // The daemon, one supervisor per running job, the sender of mail, the cron task, the admin's command.
        program("worker", ["Execution", "Settings", "EventLog", "Linux"]),
        program("supervisor", ["Supervision"], linkerSettings: standalone),
        program("mailer", ["Mail", "SMTP", "Storage", "SQLite", "Settings", "EventLog", "Linux"]),
        program("cleaner", ["Cleaning", "FileStore", "Storage", "Settings", "EventLog", "Linux"]),
        program(
            "scriptrunner",
            [
                "Serving", "Accounts", "Scripts", "JobQueue", "FileStore", "Notices", "Storage", "SQLite", "Settings",
                "Supervision", "EventLog", "Linux", "CLinux",
            ]),

        // Tests. TestSupport holds what several of them need: scratch directories, a fixed clock, spawned programs.
        .target(
            name: "TestSupport", dependencies: ["Storage", "SQLite", "Linux"], path: "Tests/TestSupport",
            cSettings: gnu, swiftSettings: relaxed),
        tests("LinuxTests", ["Linux", "TestSupport"]),
        tests("EventLogTests", ["EventLog", "Linux"]),
        tests("SQLiteTests", ["SQLite", "Linux", "TestSupport"]),
        tests("StorageTests", ["Storage", "SQLite", "Linux", "TestSupport"]),
        tests("SettingsTests", ["Settings", "Linux", "TestSupport"]),
        // A page program for tests of the loop that serves all pages.
        .executableTarget(
            name: "webprobe", dependencies: ["Web", "EventLog", "Linux"], path: "Tests/webprobe", cSettings: gnu,
            swiftSettings: strict),
        tests("WebTests", ["Web", "Linux", "TestSupport"]),
        tests("AccountsTests", ["Accounts", "Storage", "SQLite", "Linux", "TestSupport"]),
        tests("PatternsTests", ["Patterns"]),
        tests("ScriptsTests", ["Scripts", "Accounts", "Patterns", "Linux", "TestSupport"], exclude: ["Golden"]),
        tests("JobQueueTests", ["JobQueue", "Accounts", "Scripts", "Storage", "SQLite", "Linux", "TestSupport"]),
        tests("FileStoreTests", ["FileStore", "Storage", "SQLite", "Sodium", "Linux", "TestSupport"]),
        tests("MailTests", ["Mail", "Settings", "EventLog", "Storage", "SQLite", "Linux", "TestSupport"]),
        tests("SMTPTests", ["SMTP", "Mail", "Settings", "Linux", "TestSupport"]),
        tests("SupervisionTests", ["Supervision", "Linux", "TestSupport"]),
        tests(
            "CleaningTests",
            [
                "Cleaning", "Accounts", "JobQueue", "FileStore", "Mail", "Storage", "SQLite", "Sodium", "EventLog",
                "Linux", "TestSupport",
            ]),
        tests(
            "ExecutionTests",
            [
                "Execution", "Supervision", "JobQueue", "Accounts", "FileStore", "Mail", "Scripts", "Storage", "SQLite",
                "Settings", "EventLog", "Linux", "TestSupport",
            ]),
        tests(
            "PagesTests",
            [
                "Pages", "Web", "Accounts", "JobQueue", "FileStore", "Mail", "Scripts", "Storage", "SQLite", "Settings",
                "Linux", "TestSupport",
            ]),
        // Built programs as they are, with real other programs around them.
        tests(
            "ProgramTests", ["Mail", "Storage", "SQLite", "Linux", "TestSupport"], exclude: ["mailserver.py"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

// The same sources are a test that runs the seeds, and the program of `make fuzz`, which can be linked only with libFuzzer.
let fuzzed: [Target.Dependency] = ["Scripts", "Web", "FileStore", "Linux"]
let fuzzing =
    Context.environment["SCRIPTRUNNER_FUZZ"] == nil
    ? tests("FuzzTests", fuzzed + ["TestSupport"], exclude: ["main.swift", "Corpus", "README.md"])
    : Target.executableTarget(
        name: "fuzz", dependencies: fuzzed, path: "Tests/FuzzTests",
        exclude: ["SeedTests.swift", "Corpus", "README.md"],
        cSettings: gnu, swiftSettings: relaxed)
package.targets.append(fuzzing)
