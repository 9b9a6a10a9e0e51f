"""The checker itself: a true story passes, and every kind of untruth is found."""

import os
import pathlib
import sqlite3
import subprocess
import tempfile

import pytest

from checker import Checker, Database, Faults, Line, Submission, read_history
from rig import AS_USER, ROOT

BOOT, EARLIER = "boot-now", "boot-before"


class Story:
    """Three jobs, made in a real database: one succeeded after a vain start, one failed, one was cancelled as it waited."""

    def __init__(self, folder):
        self.folder = folder
        self.path = f"{folder}/db/scriptrunner.sqlite"
        (folder / "etc").mkdir()
        (folder / "etc/ScriptRunner.conf").write_text("")
        for name in ["db", "state", "inbox", "outbox", "scripts", "mail"]:
            (folder / name).mkdir()
        if AS_USER:
            subprocess.run(["chown", "-R", f"{AS_USER['user']}", folder], check=True)
        subprocess.run(
            [ROOT / "bin/scriptrunner", "migrate"], check=True, capture_output=True,
            env={"SCRIPTRUNNER_CONF": f"{folder}/etc/ScriptRunner.conf"}, **AS_USER)
        self.sql("INSERT INTO users (id, email, created_at) VALUES (1, 'ada@example.org', 1)")
        self.sql("INSERT INTO script_copies VALUES (zeroblob(32), x'00', 1)")
        self.submissions, self.history, self.faults = [], [], Faults()
        self.survivors = []
        self.submissions = [
            Submission("01" * 16, "exit 0", job=1), Submission("02" * 16, "exit 7", job=2),
            Submission("03" * 16, "wait exit 0", job=3), Submission("04" * 16, "exit 0", job=None)]
        self.faults.wished.add("03" * 16)
        self.job(1, [None, "queued", "starting", "queued", "starting", "running", "succeeded"], exit_code=0)
        self.job(2, [None, "queued", "starting", "running", "failed"], exit_code=7)
        self.job(3, [None, "queued", "cancelled"])
        self.ran(1, 2, 101, ("exit", 0))
        self.ran(2, 1, 102, ("exit", 7))

    def sql(self, *statements):
        """As nobody could do it: without the triggers, the references and the checks."""
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA ignore_check_constraints = 1")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    def without_guards(self):
        self.sql("DROP TRIGGER jobs_transition", "DROP TRIGGER jobs_first_state")

    def job(self, number, states, exit_code="NULL", signal="NULL"):
        tag = f"{number:02d}" * 16
        self.sql(
            "INSERT INTO jobs (id, uid, nonce, user_id, script, script_hash, queued_at)"
            f" VALUES ({number}, '{tag}', x'{tag}', 1, 'job.sh', zeroblob(32), 1)")
        attempt = 0
        for before, after in zip(states, states[1:]):
            attempt += after == "starting"
            self.sql(
                "INSERT INTO events (job_id, attempt, at, from_state, to_state, actor) VALUES"
                f" ({number}, {attempt}, 1, {repr(before) if before else 'NULL'}, '{after}', 'worker')")
            if before is None:
                continue
            over = after not in ("queued", "starting", "running", "stopping")
            self.sql(
                f"UPDATE jobs SET state = '{after}', attempt = {attempt}, ended_at = {2 if over else 'NULL'},"
                f" exit_code = {exit_code if over else 'NULL'}, signal = {signal if over else 'NULL'} WHERE id = {number}")
            if after == "starting":
                self.sql(f"INSERT INTO attempts (job_id, number, generation, claimed_at) VALUES ({number}, {attempt}, 1, 1)")
            if after == "running":
                self.sql(
                    f"UPDATE attempts SET started_at = 1, boot_id = '{BOOT}', script_pid = {100 + number}, script_start = 5"
                    f" WHERE job_id = {number} AND number = {attempt}")
                self.mail(number, attempt, "started")
            if over:
                self.mail(number, attempt, "ended")

    def mail(self, job, attempt, kind):
        self.sql(
            "INSERT INTO mails (job_id, attempt, kind, recipient, subject, body, created_at, due_at, state, sent_at)"
            f" VALUES ({job}, {attempt}, '{kind}', 'a', 'b', 'c', 1, 1, 'sent', 1)")

    def ran(self, job, attempt, pid, ending, boot=BOOT):
        tag = f"{job:02d}" * 16
        self.history.append(Line("begin", job, attempt, pid, boot, 5, tag))
        if ending:
            self.history.append(Line("end", job, attempt, pid, boot, 5, tag, ending))

    def no_end(self, job):
        self.history = [line for line in self.history if line.what == "begin" or line.job != job]

    def found(self):
        checker = Checker(Database(self.path), self.history, self.submissions, self.faults, self.survivors)
        return sorted({violation.kind for violation in checker.check()})


@pytest.fixture
def story():
    with tempfile.TemporaryDirectory(prefix="scriptrunner-checker-") as folder:
        os.chmod(folder, 0o755)
        yield Story(pathlib.Path(folder))


def test_a_true_story_passes(story):
    assert story.found() == []


def test_a_job_may_be_cancelled_because_of_one_that_it_follows(story):
    story.faults.wished.clear()
    story.sql("INSERT INTO job_dependencies VALUES (3, 2)")
    assert story.found() == []


# What is done to the story, and what has to be found.
UNTRUTHS = {
    "an acknowledged job is not there": (
        lambda story: story.submissions.append(Submission("05" * 16, "exit 0", job=4)), ["lost submission"]),
    "an acknowledged job is another": (
        lambda story: setattr(story.submissions[0], "job", 2), ["lost submission"]),
    "a job comes from nowhere": (lambda story: story.submissions.pop(2), ["invented"]),
    "a form made two jobs": (
        lambda story: [
            story.sql("INSERT INTO users (id, email, created_at) VALUES (2, 'b@example.org', 1)",
                      "UPDATE jobs SET user_id = 2, nonce = (SELECT nonce FROM jobs WHERE id = 2) WHERE id = 3"),
            setattr(story.submissions[2], "job", None), story.faults.wished.add("02" * 16)], ["doubled", "unknown execution"]),
    "a job began before the end of one that it follows": (
        lambda story: story.sql("INSERT INTO job_dependencies VALUES (2, 1)"), ["ran too early"]),
    "a job ran though one that it follows failed": (
        lambda story: story.sql(
            "INSERT INTO job_dependencies VALUES (1, 2)", "UPDATE attempts SET claimed_at = 3 WHERE job_id = 1"),
        ["ran without cause"]),
    "a job follows another than it was to": (
        lambda story: setattr(story.submissions[1], "after", (1,)), ["follows others"]),
    "a job was cancelled though the one that it follows succeeded": (
        lambda story: [
            story.faults.wished.clear(), story.sql("INSERT INTO job_dependencies VALUES (3, 1)")], ["unwished"]),
    "an attempt ran twice": (lambda story: story.ran(2, 1, 102, None), ["attempt executed twice", "executed twice"]),
    "a job ran in two attempts": (
        lambda story: story.ran(1, 1, 99, ("exit", 0)), ["executed twice", "untrue attempt"]),
    "a script ran that nobody submitted": (lambda story: story.ran(9, 1, 99, None), ["unknown execution"]),
    "an attempt ran that was never claimed": (
        lambda story: setattr(story.submissions[1], "is_idempotent", True) or story.ran(2, 2, 99, ("exit", 7)),
        ["unknown execution"]),
    "a script ran that was not the ticket's": (
        lambda story: story.sql("UPDATE attempts SET script_pid = 99 WHERE job_id = 2"), ["untrue attempt"]),
    "a script ran in another boot than is said": (
        lambda story: story.sql("UPDATE attempts SET boot_id = 'other' WHERE job_id = 2"), ["untrue attempt"]),
    "a script ran without a known beginning": (
        lambda story: story.sql("UPDATE attempts SET started_at = NULL WHERE job_id = 2"), ["untrue attempt"]),
    "a change that does not exist": (
        lambda story: [story.without_guards(),
                       story.sql("UPDATE events SET from_state = 'queued' WHERE job_id = 2 AND to_state = 'running'")],
        ["broken chain", "illegal transition"]),
    "a gap in the events": (
        lambda story: story.sql("DELETE FROM events WHERE job_id = 1 AND from_state = 'starting' AND to_state = 'queued'"),
        ["broken chain"]),
    "no event for the last change": (
        lambda story: story.sql("DELETE FROM events WHERE job_id = 3 AND to_state = 'cancelled'"),
        ["broken chain"]),
    "an event for the wrong attempt": (
        lambda story: story.sql("UPDATE events SET attempt = 1 WHERE job_id = 1 AND to_state = 'succeeded'"),
        ["broken chain"]),
    "a claim without an attempt": (
        lambda story: story.sql("DELETE FROM attempts WHERE job_id = 1 AND number = 1"), ["attempts"]),
    "another exit status than the script's": (
        lambda story: story.sql("UPDATE jobs SET exit_code = 8 WHERE id = 2"), ["wrong status"]),
    "a signal instead of a status": (
        lambda story: story.sql("UPDATE jobs SET exit_code = NULL, signal = 9 WHERE id = 2"), ["wrong status"]),
    "a status for a script that was cut off": (
        lambda story: [story.faults.ended_boots.add(BOOT), story.no_end(2)], ["wrong status"]),
    "no status for a script that ended": (
        lambda story: story.sql("UPDATE jobs SET exit_code = NULL WHERE id = 2"), ["status lost"]),
    "success made up": (
        lambda story: [story.without_guards(), story.sql("UPDATE jobs SET state = 'succeeded' WHERE id = 2"),
                       story.sql("UPDATE events SET to_state = 'succeeded' WHERE job_id = 2 AND to_state = 'failed'")],
        ["made up"]),
    "a status without a run": (
        lambda story: setattr(story, "history", [line for line in story.history if line.job != 2]), ["made up"]),
    "failed without having run": (
        lambda story: [story.sql("UPDATE jobs SET exit_code = NULL WHERE id = 2"),
                       setattr(story, "history", [line for line in story.history if line.job != 2])], ["not run"]),
    "lost although nobody killed it": (
        lambda story: [story.without_guards(), story.sql("UPDATE jobs SET state = 'lost', exit_code = NULL WHERE id = 2"),
                       story.sql("UPDATE events SET to_state = 'lost' WHERE job_id = 2 AND to_state = 'failed'")],
        ["lost without cause"]),
    "lost with a status": (
        lambda story: [story.faults.both_halves.add("02" * 16), story.without_guards(),
                       story.sql("UPDATE jobs SET state = 'lost' WHERE id = 2"),
                       story.sql("UPDATE events SET to_state = 'lost' WHERE job_id = 2 AND to_state = 'failed'")],
        ["made up"]),
    "cancelled although nobody asked": (lambda story: story.faults.wished.clear(), ["unwished"]),
    "a limit that nobody set": (
        lambda story: [story.without_guards(), story.sql("UPDATE jobs SET state = 'timed_out' WHERE id = 2"),
                       story.sql("UPDATE events SET to_state = 'timed_out' WHERE job_id = 2 AND to_state = 'failed'")],
        ["made up"]),
    "a job that never ends": (
        lambda story: [story.without_guards(),
                       story.sql("UPDATE jobs SET state = 'running', ended_at = NULL, exit_code = NULL WHERE id = 2",
                                 "DELETE FROM events WHERE job_id = 2 AND to_state = 'failed'",
                                 "DELETE FROM mails WHERE job_id = 2 AND kind = 'ended'")], ["not over"]),
    "no mail for the start": (
        lambda story: story.sql("DELETE FROM mails WHERE job_id = 2 AND kind = 'started'"), ["mail missing"]),
    "no mail for the end": (lambda story: story.sql("DELETE FROM mails WHERE job_id = 3"), ["mail missing"]),
    "a mail for a start that came to nothing": (lambda story: story.mail(1, 1, "started"), ["mail without cause"]),
    "two mails for one end": (
        lambda story: [story.sql("ALTER TABLE mails RENAME TO former", "CREATE TABLE mails AS SELECT * FROM former"),
                       story.mail(2, 1, "ended")], ["mail doubled"]),
    "a mail that was not sent": (
        lambda story: story.sql("UPDATE mails SET state = 'given_up', sent_at = NULL WHERE job_id = 3"), ["mail not sent"]),
    "a process that outlived its job": (lambda story: story.survivors.append((99, 2)), ["survivor"]),
    "a reference to nothing": (
        lambda story: story.sql("UPDATE jobs SET script_hash = x'00' WHERE id = 2"), ["corrupt"]),
}


@pytest.mark.parametrize("untruth", UNTRUTHS)
def test_an_untruth_is_found(story, untruth):
    doctor, wanted = UNTRUTHS[untruth]
    doctor(story)
    assert story.found() == wanted


def test_a_damaged_file_is_found(story):
    connection = sqlite3.connect(story.path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'jobs_by_user'").fetchone()[0]
    connection.close()
    with open(story.path, "r+b") as file:
        # The index has no entries any more; the table has all.
        file.seek((root - 1) * 4096 + 3)
        file.write(b"\0\0")
    assert "corrupt" in story.found()


@pytest.mark.parametrize("excuse", ["both halves killed", "power cut"])
def test_what_faults_excuse_is_no_untruth(story, excuse):
    story.without_guards()
    story.sql(
        "UPDATE jobs SET state = 'lost', exit_code = NULL WHERE id = 2",
        "UPDATE events SET to_state = 'lost' WHERE job_id = 2 AND to_state = 'failed'")
    story.no_end(2)
    assert story.found() == ["lost without cause"]
    if excuse == "power cut":
        story.faults.ended_boots.add(BOOT)
    else:
        story.faults.both_halves.add("02" * 16)
    assert story.found() == []


def test_a_wish_excuses_the_signals_of_a_stop_and_no_other(story):
    story.no_end(2)
    story.faults.wished.add("02" * 16)
    for number, wanted in [(15, []), (9, []), (11, ["wrong status"])]:
        story.sql(f"UPDATE jobs SET exit_code = NULL, signal = {number} WHERE id = 2")
        assert story.found() == wanted


def test_an_idempotent_job_may_run_in_two_attempts_but_no_attempt_twice(story):
    story.submissions[0].is_idempotent = True
    story.ran(1, 1, 99, ("exit", 1))
    story.sql(f"UPDATE attempts SET started_at = 1, boot_id = '{BOOT}', script_pid = 99, script_start = 5"
              " WHERE job_id = 1 AND number = 1")
    assert story.found() == []
    story.ran(1, 1, 99, ("exit", 1))
    assert story.found() == ["attempt executed twice"]


def test_an_unacknowledged_form_may_make_one_job_or_none(story):
    assert story.found() == []
    story.job(4, [None, "queued", "starting", "running", "succeeded"], exit_code=0)
    story.ran(4, 1, 104, ("exit", 0))
    assert story.found() == []


def test_a_history_is_read_and_garbage_told(tmp_path):
    path = tmp_path / "history"
    path.write_text("begin 1 2 3 boot 4 tag\nend 1 2 3 boot 4 tag exit 5\nbegin 1 2\nend 1 2 3 boot 4 tag exit\nx\n")
    lines, garbage = read_history(path)
    assert lines == [Line("begin", 1, 2, 3, "boot", 4, "tag"), Line("end", 1, 2, 3, "boot", 4, "tag", ("exit", 5))]
    assert garbage == ["begin 1 2", "end 1 2 3 boot 4 tag exit", "x"]
    assert read_history(tmp_path / "none") == ([], [])
