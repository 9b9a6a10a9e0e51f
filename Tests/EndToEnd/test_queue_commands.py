"""What the admin does about the queue, by the command on the machine."""

import re

import pytest

from site_under_test import ROOT, wait_until

SLOW = "#!/bin/sh\n##~~ Waits to be let go.\nwhile [ ! -e go ]; do sleep 0.02; done\n"


@pytest.fixture(scope="module")
def site(make_site):
    """One job at a time."""
    return make_site(scripts={"slow.sh": SLOW}, settings={"kill_grace": 0, "poll_interval": 3600})


@pytest.fixture
def command(site):
    return site.admin


def let_go(site, number):
    site.wait_for(number, "running")
    (site.outbox(number) / "go").touch()
    site.wait_for(number, "succeeded")


def row(text, number):
    return next(line for line in text.splitlines() if line.split()[:1] == [str(number)])


def test_the_queue_is_drained_and_resumed(site, command):
    ada = site.visitor("drain@example.org")
    running = ada.queue("slow.sh")
    site.wait_for(running, "running")
    assert command("drain").stdout == "no job starts until `scriptrunner resume`; 1 still running\n"
    assert "as before" in command("drain").stdout
    waiting = ada.queue("slow.sh")
    let_go(site, running)
    listed = command("jobs").stdout
    assert re.match(r"drained since \S+ \S+ UTC by user \S+: no job starts\nJOB +STATE +REQUESTER +SCRIPT +SINCE +WHY\n", listed)
    assert "The administrator has let no job start since" in row(listed, waiting)
    assert "has let no job start since" in ada.get("/").text and "has let no job start since" in ada.get(f"/jobs/{waiting}").text
    assert site.job(waiting)["state"] == "queued"
    assert command("resume").stdout == "jobs start again\n"
    # The worker was rung for: it does not wait for its next look.
    site.wait_for(waiting, "running")
    assert command("resume").stdout == "nothing had been drained\n"
    assert "let no job start" not in ada.get("/").text
    let_go(site, waiting)
    assert command("jobs").stdout == "no job runs or waits\n"
    assert row(command("jobs", "--all").stdout, waiting).split()[1:4] == ["succeeded", "drain@example.org", "slow.sh"]


def test_waiting_jobs_are_held_released_and_moved(site, command):
    ada = site.visitor("hold@example.org")
    running, first, second, third = (ada.queue("slow.sh") for _ in range(4))
    site.wait_for(running, "running")
    answer = command("hold", first, second)
    assert answer.stdout.splitlines() == [f"job {n}: held until `scriptrunner release {n}`" for n in (first, second)]
    assert "as before" in command("hold", first).stdout
    answer = command("hold", running, 99999, second, status=65)
    assert answer.stderr == f"job {running}: does not wait: it is running\njob 99999: there is no such job\n"
    assert answer.stdout == f"job {second}: held until `scriptrunner release {second}`, as before\n"
    assert row(command("jobs").stdout, first).split()[1] == "held"
    command("release", first, second)
    assert command("priority", second, -5).stdout == f"job {second}: has the priority -5\n"
    assert command("priority", third, 7).returncode == 0
    for number in (running, third, first, second):
        let_go(site, number)
    assert command("priority", second, 1, status=65).stderr == f"job {second}: does not wait: it is succeeded\n"


def test_jobs_are_cancelled_and_their_requester_is_told_by_whom(site, command):
    ada = site.visitor("cancel@example.org")
    running, waiting = ada.queue("slow.sh"), ada.queue("slow.sh")
    site.wait_for(running, "running")
    answer = command("cancel", waiting, running)
    assert answer.stdout == f"job {waiting}: cancelled\njob {running}: will be stopped\n"
    site.wait_for(running, "cancelled")
    assert "Cancelled by the administrator before it started." in ada.get(f"/jobs/{waiting}").text
    assert "dministrator" in site.job(running)["reason"]

    def mails(number):
        return site.query("SELECT subject, body FROM mails WHERE job_id = ? AND kind = 'ended'", number)

    for number in (waiting, running):
        (mail,) = mails(number)
        assert mail["subject"] == f"Job #{number} [slow.sh] Cancelled"
        assert "administrator" in mail["body"] and "You cancelled" not in mail["body"]
    assert command("cancel", waiting, status=65).stderr == f"job {waiting}: is over already\n"


def test_what_is_not_understood_changes_nothing(site, command):
    ada = site.visitor("careful@example.org")
    running, waiting = ada.queue("slow.sh"), ada.queue("slow.sh")
    site.wait_for(running, "running")
    for words in [
        ("hold", waiting, "x"), ("cancel", waiting, "-1"), ("cancel", waiting, "01"), ("hold",), ("cancel",),
        ("priority", waiting), ("priority", waiting, "high"), ("priority", waiting, 1001), ("jobs", "all"),
        ("drain", "now"),
    ]:
        assert command(*words, status=64).stdout == ""
    job = site.job(waiting)
    assert (job["state"], job["held"], job["priority"]) == ("queued", 0, 0)
    assert "the machine to itself" in row(command("jobs").stdout, waiting)
    command("cancel", waiting, running)
    wait_until("both are over", lambda: command("jobs").stdout == "no job runs or waits\n")
