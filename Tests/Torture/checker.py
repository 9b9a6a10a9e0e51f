"""Finds out whether the queue told the truth, from what was written down outside of it.

It knows four things: what was submitted and how each submission was answered, which the tests wrote down; what ran, which
the scripts themselves wrote down (chronicle.c); what the database says; and which faults there were. Nothing of the product
is used to judge the product but its database, opened read-only by SQLite when the faults are over.
"""

import dataclasses
import pathlib
import sqlite3
import urllib.parse
from collections import Counter, defaultdict

OVER = {"succeeded", "failed", "cancelled", "timed_out", "out_of_memory", "output_limit", "lost"}

# The table of docs/job-states.md, read there and not in the schema.
_OTHER_ENDS = {"failed", "timed_out", "out_of_memory", "output_limit", "lost"}
TRANSITIONS = (
    {(None, "queued"), ("queued", "starting"), ("queued", "cancelled"), ("starting", "queued"), ("starting", "running")}
    | {("starting", state) for state in ["stopping", "cancelled", "failed", "lost"]}
    | {("running", state) for state in _OTHER_ENDS | {"stopping", "succeeded"}}
    | {("stopping", state) for state in OVER}
    | {("failed", "queued"), ("lost", "queued")}
    # No change, but noted: all that it follows have succeeded.
    | {("queued", "queued")}
)


@dataclasses.dataclass
class Submission:
    """One form that was sent, perhaps several times. `tag` is its nonce, and goes along to the script."""

    tag: str
    plan: str
    # The number in the answer 303; None while nobody has said that there is a job.
    job: int | None = None
    # Another attempt after `failed` or `lost` is what its script declares.
    is_idempotent: bool = False
    # The numbers of the jobs that it is to follow.
    after: tuple = ()

    @property
    def ending(self):
        """How the script ends when it is left alone: ("exit", 3); None: it does not."""
        words = self.plan.split()
        return (words[-2], int(words[-1])) if words[-2] in ("exit", "signal") else None


@dataclasses.dataclass
class Line:
    """One line of a history."""

    what: str
    job: int
    attempt: int
    pid: int
    boot: str
    start: int
    tag: str
    ending: tuple | None = None


def read_history(path):
    """The lines of a history, and what is no line."""
    lines, garbage = [], []
    path = pathlib.Path(path)
    for text in path.read_text().splitlines() if path.exists() else []:
        words = text.split(" ")
        try:
            ending = (words[7], int(words[8])) if words[0] == "end" else None
            if words[0] not in ("begin", "end") or len(words) != (9 if ending else 7):
                raise ValueError(text)
            lines.append(Line(words[0], *map(int, words[1:4]), words[4], int(words[5]), words[6], ending))
        except (ValueError, IndexError):
            garbage.append(text)
    return lines, garbage


@dataclasses.dataclass
class Faults:
    """What was done that excuses something. Tags stand for jobs."""

    # Both halves of a supervisor were killed: `lost` is the truth.
    both_halves: set = dataclasses.field(default_factory=set)
    # Somebody asked for the end of it.
    wished: set = dataclasses.field(default_factory=set)
    # The script was ended from outside by this signal.
    script_killed: dict = dataclasses.field(default_factory=dict)
    # The names of boots that ended in a power cut.
    ended_boots: set = dataclasses.field(default_factory=set)
    # Acknowledged after the copy was made that the database was restored from, or removed by the cleaner.
    forgotten: set = dataclasses.field(default_factory=set)
    # The database was restored: an attempt may have run of which it knows nothing.
    is_restored: bool = False
    # Jobs that could not be started because of what was done to their starts may end as failed without having run.
    may_fail_to_start: bool = False
    # Nobody was there to send mails: they may still wait.
    mails_may_wait: bool = False


@dataclasses.dataclass(frozen=True)
class Violation:
    kind: str
    job: object
    text: str

    def __str__(self):
        return f"{self.kind}: job {self.job}: {self.text}"


class Database:
    """What the database says, read at once."""

    def __init__(self, path):
        # Never a plain open: only SQLite may open this file.
        connection = sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True, timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            self.integrity = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            self.strangers = [tuple(row) for row in connection.execute("PRAGMA foreign_key_check")]
            connection.execute("BEGIN")
            self.jobs = self._all(connection, "SELECT * FROM jobs ORDER BY id")
            self.events = self._by_job(connection, "SELECT * FROM events ORDER BY id")
            self.attempts = self._by_job(connection, "SELECT * FROM attempts ORDER BY job_id, number")
            self.mails = self._by_job(connection, "SELECT * FROM mails ORDER BY id")
            self.followed = self._by_job(connection, "SELECT * FROM job_dependencies")
        finally:
            connection.close()

    @staticmethod
    def _all(connection, sql):
        return [dict(row) for row in connection.execute(sql)]

    def _by_job(self, connection, sql):
        found = defaultdict(list)
        for row in self._all(connection, sql):
            found[row["job_id"]].append(row)
        return found


class Checker:
    """Compares. `violations` tells all that is wrong; an empty list is what everybody hopes for.

    - submissions: all that were sent, by whomever.
    - survivors: processes (number, job) that carry the mark of a job that is over.
    """

    def __init__(self, database, history, submissions, faults=None, survivors=(), garbage=()):
        self.database = database
        self.history = history
        self.submissions = {submission.tag: submission for submission in submissions}
        self.faults = faults or Faults()
        self.survivors = survivors
        self.garbage = garbage
        self.violations = []
        self.by_number = {job["id"]: job for job in database.jobs}

    def check(self):
        self._database()
        self._submissions()
        self._executions()
        for job in self.database.jobs:
            self._chain(job)
            self._attempts(job)
            self._ending(job)
            self._following(job)
            self._mails(job)
        for pid, job in self.survivors:
            self._tell("survivor", job, f"process {pid} is alive")
        return self.violations

    def _tell(self, kind, job, text):
        self.violations.append(Violation(kind, job, text))

    def _database(self):
        if self.database.integrity != ["ok"]:
            self._tell("corrupt", None, "; ".join(self.database.integrity[:5]))
        if self.database.strangers:
            self._tell("corrupt", None, f"broken references: {self.database.strangers[:5]}")
        for text in self.garbage:
            self._tell("history", None, f"no line of a history: {text!r}")

    # Submissions

    def _submissions(self):
        by_tag = defaultdict(list)
        for job in self.database.jobs:
            by_tag[job["nonce"].hex()].append(job["id"])
        for tag, jobs in by_tag.items():
            if len(jobs) > 1:
                self._tell("doubled", jobs[0], f"one form made the jobs {jobs}")
            if tag not in self.submissions:
                self._tell("invented", jobs[0], "nobody submitted it")
        for tag, submission in self.submissions.items():
            found = by_tag.get(tag, [])
            if submission.job is not None and tag not in self.faults.forgotten and submission.job not in found:
                self._tell("lost submission", submission.job, f"was acknowledged, and is not there (found: {found})")

    # What ran

    def _executions(self):
        begins = [line for line in self.history if line.what == "begin"]
        for tag, count in Counter(line.tag for line in begins).items():
            submission = self.submissions.get(tag)
            if submission is None:
                self._tell("unknown execution", None, f"a script ran with the tag {tag}")
            elif count > 1 and not submission.is_idempotent:
                where = [(line.job, line.attempt, line.pid) for line in begins if line.tag == tag]
                self._tell("executed twice", where[0][0], f"ran {count} times: {where}")
        for (tag, job, attempt), count in Counter((line.tag, line.job, line.attempt) for line in begins).items():
            if count > 1:
                self._tell("attempt executed twice", job, f"attempt {attempt} ran {count} times")
        self.begins = defaultdict(dict)
        self.ends = defaultdict(dict)
        for line in self.history:
            (self.begins if line.what == "begin" else self.ends)[line.tag][line.attempt] = line

    # What the database says of a job

    def _chain(self, job):
        events = self.database.events[job["id"]]
        before = None
        attempt = 0
        for event in events:
            change = (event["from_state"], event["to_state"])
            if change not in TRANSITIONS:
                self._tell("illegal transition", job["id"], f"{change[0]} -> {change[1]}")
            if event["from_state"] != before:
                self._tell("broken chain", job["id"], f"{before} was followed by {change[0]} -> {change[1]}")
            before = event["to_state"]
            attempt += before == "starting"
            if event["attempt"] != attempt:
                self._tell("broken chain", job["id"], f"{change[1]} is noted for attempt {event['attempt']}, not {attempt}")
        if before != job["state"]:
            self._tell("broken chain", job["id"], f"the last event says {before}, the job {job['state']}")
        if attempt != job["attempt"]:
            self._tell("broken chain", job["id"], f"{attempt} attempts were claimed, the job says {job['attempt']}")

    def _attempts(self, job):
        numbers = [attempt["number"] for attempt in self.database.attempts[job["id"]]]
        if numbers != list(range(1, job["attempt"] + 1)):
            self._tell("attempts", job["id"], f"has {numbers}, and is at {job['attempt']}")
        tag = job["nonce"].hex()
        for attempt in self.database.attempts[job["id"]]:
            ran = self.begins[tag].get(attempt["number"])
            known = (attempt["script_pid"], attempt["script_start"], attempt["boot_id"])
            if ran and ran.job != job["id"] and not self.faults.is_restored:
                self._tell("history", job["id"], f"its tag ran as job {ran.job}")
            elif ran and known != (ran.pid, ran.start, ran.boot):
                self._tell("untrue attempt", job["id"], f"ran as {(ran.pid, ran.start, ran.boot)}, the database says {known}")
            if ran and attempt["started_at"] is None:
                self._tell("untrue attempt", job["id"], f"attempt {attempt['number']} ran, and is not known to have begun")
        if not self.faults.is_restored:
            for number in set(self.begins[tag]) - set(numbers):
                self._tell("unknown execution", job["id"], f"attempt {number} ran, and is not known")

    def _ending(self, job):
        state, code, number = job["state"], job["exit_code"], job["signal"]
        tag, at = job["nonce"].hex(), job["id"]
        submission = self.submissions.get(tag)
        if state not in OVER:
            self._tell("not over", at, f"is {state}")
            return
        if submission is None:
            return
        ran = self.begins[tag].get(job["attempt"])
        end = self.ends[tag].get(job["attempt"])
        # As the ticket tells: the power may have gone between the ticket and the script's first line.
        boot = next((row["boot_id"] for row in self.database.attempts[at] if row["number"] == job["attempt"]), "")
        is_cut_off = boot in self.faults.ended_boots
        told = ("exit", code) if code is not None else ("signal", number) if number is not None else None
        if state == "lost":
            if tag not in self.faults.both_halves and not is_cut_off:
                self._tell("lost without cause", at, "nobody killed both halves of its supervisor")
            if told:
                self._tell("made up", at, f"is lost and knows {told}")
            return
        if (state == "succeeded") != (code == 0) and state in ("succeeded", "failed"):
            self._tell("made up", at, f"is {state} with exit status {code}")
        if state == "cancelled" and tag not in self.faults.wished and not self._was_let_down(at):
            self._tell("unwished", at, "was cancelled, and nobody asked for it")
        if state in ("timed_out", "out_of_memory", "output_limit"):
            self._tell("made up", at, f"is {state}, and no limit was set")
        if told and not ran:
            self._tell("made up", at, f"{state} with {told}, and no script ran")
        elif ran and not told:
            self._tell("status lost", at, f"{state} without a status, and its script ran ({end and end.ending})")
        elif ran:
            self._status(at, tag, told, end, submission)
        elif state == "failed" and not self.faults.may_fail_to_start:
            self._tell("not run", at, f"failed without having run: {job['reason']}")

    def _status(self, job, tag, told, end, submission):
        """The script ran and a status is known: is it the true one?"""
        if end:
            if told != end.ending:
                self._tell("wrong status", job, f"the script ended by {end.ending}, the job says {told}")
            return
        killed = self.faults.script_killed.get(tag)
        may_be_stopped = tag in self.faults.wished
        if killed and told == ("signal", killed) or may_be_stopped and told in [("signal", 15), ("signal", 9)]:
            return
        self._tell("wrong status", job, f"the script did not come to its end ({submission.plan}), the job says {told}")

    def _followed(self, number):
        return [self.by_number[row["after_id"]] for row in self.database.followed[number]]

    def _was_let_down(self, number):
        """One that it was to follow has ended without success."""
        return any(other["state"] in OVER - {"succeeded"} for other in self._followed(number))

    def _following(self, job):
        """It follows whom it was asked to, began after they had succeeded, and not at all if one of them did not."""
        at, tag = job["id"], job["nonce"].hex()
        followed = self._followed(at)
        submission = self.submissions.get(tag)
        if submission and not set(submission.after) <= {other["id"] for other in followed}:
            self._tell("follows others", at, f"was to follow {submission.after}")
        if self._was_let_down(at) and (self.begins[tag] or job["state"] != "cancelled"):
            self._tell("ran without cause", at, f"is {job['state']}, and one that it follows did not succeed")
        for attempt in self.database.attempts[at]:
            for other in followed:
                if other["ended_at"] is None or other["ended_at"] > attempt["claimed_at"]:
                    self._tell("ran too early", at, f"attempt {attempt['number']} began before the end of job {other['id']}")

    def _mails(self, job):
        events = self.database.events[job["id"]]
        # Of a job that is tried again its requester has heard already.
        wanted = {("started", event["attempt"]) for event in events if event["to_state"] == "running"}
        wanted = set(sorted(wanted, key=lambda mail: mail[1])[:1])
        if job["state"] in OVER:
            wanted.add(("ended", job["attempt"]))
        found = Counter((mail["kind"], mail["attempt"]) for mail in self.database.mails[job["id"]])
        for mail in wanted - set(found):
            self._tell("mail missing", job["id"], f"{mail[0]}, attempt {mail[1]}")
        for mail, count in found.items():
            if count > 1:
                self._tell("mail doubled", job["id"], f"{mail[0]}, attempt {mail[1]}: {count}")
            if mail not in wanted:
                self._tell("mail without cause", job["id"], f"{mail[0]}, attempt {mail[1]}")
        if not self.faults.mails_may_wait:
            for mail in self.database.mails[job["id"]]:
                if mail["state"] != "sent":
                    self._tell("mail not sent", job["id"], f"{mail['kind']}: {mail['state']}, {mail['last_error']}")
