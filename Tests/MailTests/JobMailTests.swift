import Linux
import Storage
import Testing

@testable import Mail

@Suite struct `A mail about a job` {
    @Test func `tells of the start`() {
        let mail = JobMail.started(
            job: JobID(12), script: "long.sh", link: "https://runner.example.org/jobs/12", at: morning)
        #expect(mail.kind == .started)
        #expect(mail.subject == "Job #12 [long.sh] Started")
        #expect(
            mail.body == """
                Your job #12 (long.sh) started on 2026-03-01 09:05 UTC.

                Watch it here:
                https://runner.example.org/jobs/12

                Another mail comes when it ends.

                """)
    }

    @Test func `tells of the end, the day of expiry, and the end of the log`() {
        let mail = JobMail.ended(
            job: JobID(12), script: "long.sh", outcome: .failed, sentence: "It exited with status 3.",
            link: "https://runner.example.org/jobs/12", logTail: "one\n\n  two", expiresAt: morning + .days(7),
            at: morning)
        #expect(mail.kind == .ended)
        #expect(
            mail.body == """
                Your job #12 (long.sh) ended on 2026-03-01 09:05 UTC.

                It exited with status 3.

                Outputs and log are here until 2026-03-08; then they are removed:
                https://runner.example.org/jobs/12

                The log ends so:

                  one
                \u{20}\u{20}
                    two

                """)
    }

    @Test func `warns before the time is over, and says when`() {
        let mail = JobMail.timeWarning(
            job: JobID(12), script: "long.sh", limit: .hours(10), end: morning + .hours(1),
            link: "https://runner.example.org/jobs/12", at: morning)
        #expect(mail.kind == .warning)
        #expect(mail.subject == "Job #12 [long.sh] Time Nearly Over")
        #expect(
            mail.body == """
                Your job #12 (long.sh) may run for 10 h, and has 1 h 0 min left. If it has not ended by \
                2026-03-01 10:05 UTC, it will be stopped. What it has written by then stays.

                Watch it here:
                https://runner.example.org/jobs/12

                """)
    }

    @Test func `tells how often a job was tried that was tried more than once`() {
        func body(attempts: Int) -> String {
            JobMail.ended(
                job: JobID(12), script: "long.sh", outcome: .failed, sentence: "It failed.", link: "link", logTail: "",
                attempts: attempts, expiresAt: morning + .days(7), at: morning
            ).body
        }
        #expect(body(attempts: 3).contains("\nIt failed. It had been tried 3 times.\n"))
        #expect(!body(attempts: 1).contains("tried"))
    }

    @Test func `says nothing of a log that there is no need to show`() {
        let mail = JobMail.ended(
            job: JobID(12), script: "long.sh", outcome: .complete, sentence: "It is done.", link: "link", logTail: "",
            expiresAt: morning + .days(7), at: morning)
        #expect(mail.body.hasSuffix("removed:\nlink\n"))
    }

    @Test(arguments: [
        (JobMail.Outcome.complete, "Complete"), (.failed, "Failed"), (.cancelled, "Cancelled"), (.lost, "Lost"),
    ])
    func `has the ending in its subject`(outcome: JobMail.Outcome, word: String) {
        let mail = JobMail.ended(
            job: JobID(1), script: "runComplexOperation1.sh", outcome: outcome, sentence: "", link: "", logTail: "",
            expiresAt: morning, at: morning)
        #expect(mail.subject == "Job #1 [runComplexOperation1.sh] \(word)")
    }
}
