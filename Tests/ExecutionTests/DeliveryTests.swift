import FileStore
import JobQueue
import Linux
import Settings
import Storage
import TestSupport
import Testing

@testable import Execution

/// What the submit page would never let through, as it may stand in the database after the script was edited.
@Suite struct `What the worker checks for the last time` {
    private static func text(_ name: String, _ value: String) -> JobParameter {
        JobParameter(name: name, kind: .text, value: value)
    }

    @Test(arguments: [
        ("k [int 1..9]", [text("k", "10")], "k will not do: This has to be a whole number from 1 to 9."),
        ("k [int]", [text("k", "a[$(id)]")], "k will not do: This has to be a whole number."),
        ("k [text /[a-z]+/]", [text("k", "A")], "k will not do: This does not have the form"),
        ("k [choice a|b]", [text("k", "c")], "k will not do: This is none of the choices."),
        ("k", [text("k", "")], "k will not do: Fill this in."),
        (
            "k [output .csv]", [JobParameter(name: "k", kind: .output, value: "x.txt")],
            "k will not do: The name has to end"
        ),
        ("k [output]", [text("k", "x")], "k will not do: The script wants another kind of value now."),
        ("k", [JobParameter(name: "k", kind: .output, value: "x")], "k will not do: The script wants another kind"),
        ("k [secret]", [text("k", "open")], "k will not do: It is not there any more"),
        (
            "k [secret]", [JobParameter(name: "k", kind: .secret, value: String(repeating: "0", count: 32))],
            "k will not do: It is not there any more"
        ),
        ("k [file]", [text("k", "x")], "The file x for k is not there any more."),
        (
            "k [file]", [JobParameter(name: "k", kind: .shared, value: "none")],
            "The file none for k is not there any more."
        ),
        ("k [flag]\n##~~ d when k", [text("k", ""), text("d", "x")], "d will not do: It is not asked for"),
        ("k [flag]\n##~~ d when k", [text("k", "yes"), text("d", "")], "d will not do: Fill this in."),
        ("k", [text("k", "x"), text("d", "y")], "The script wants other parameters now"),
        ("k\n##~~ d", [text("k", "x")], "The script wants other parameters now"),
        ("k", [text("k", "x"), text("k", "y")], "k will not do: The script wants another kind of value now."),
    ])
    func `keeps a script from what it did not ask for`(lines: String, given: [JobParameter], reason: String) throws {
        let shop = try Shop()
        let job = try shop.submit(text: "#!/bin/sh\n##~~ @syntax 2\n##~~ \(lines)\ntouch ran\n", given)
        let end = try shop.runToEnd(job)
        #expect(end.state == .failed && end.reason?.contains(reason) == true, "\(end.reason ?? "")")
        #expect(try !shop.hasOutput(job, "ran"))
    }

    @Test func `are files, too: how many, how large, how they are called`() throws {
        for (type, names, reason) in [
            ("files 2..", ["a.csv"], "These are 1 files; at least 2 are wanted."),
            ("file", ["a.csv", "b.csv"], "Only one file is wanted."),
            ("file .txt", ["a.csv"], "The name has to end in .txt."),
            ("file max=3", ["a.csv"], "a.csv has 4 B; at most 3 B are allowed here."),
        ] {
            let shop = try Shop()
            for name in names { try Shop.write("1234", to: shop.settings.inboxDir + "/shared/" + name) }
            let given = names.map { JobParameter(name: "f", kind: .shared, value: $0) }
            let job = try shop.submit(text: "#!/bin/sh\n##~~ @syntax 2\n##~~ f [\(type)]\ntouch ran\n", given)
            let end = try shop.runToEnd(job)
            #expect(end.state == .failed && end.reason?.contains(reason) == true, "\(end.reason ?? "")")
        }
    }

    @Test func `lets through what will do, and says what the job was given`() throws {
        let shop = try Shop(["machine_cpus=4", "machine_memory=1G"])
        let secret = try asOrdinaryUser { try Secrets(stateDirectory: shop.settings.stateDir).keep("open") }
        let job = try shop.submit(
            text: """
                #!/bin/sh
                ##~~ @syntax 2
                ##~~ k [int 1..9]
                ##~~ s [secret]
                ##~~ c [use cpus]
                ##~~ m [use mem]
                ##~~ t [use time]
                printf '%s|' "$SR_K" "$(cat "$2")" "$3" "$4" "$5" > told
                """,
            [Self.text("k", "9"), JobParameter(name: "s", kind: .secret, value: secret)])
        #expect(try shop.runToEnd(job).state == .succeeded)
        // It has the machine to itself.
        #expect(try shop.output(job, "told") == "9|open|4|1073741824||")
        #expect(Secrets(stateDirectory: shop.settings.stateDir).find(secret) == nil)
    }
}
