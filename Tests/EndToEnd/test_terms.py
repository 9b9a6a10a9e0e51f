"""What a script says of its needs is told on its form, stored with its jobs, and kept to."""

import os
import re
import subprocess

import pytest

from reading import Page
from site_under_test import ROOT

HOLD = "while [ ! -e go ]; do sleep 0.02; done\n"
SCRIPTS = {
    "half.sh": f"#!/bin/sh\n##~~ Half of it.\n##~~ @needs cpus=2 mem=64M time=12:00:00\n{HOLD}",
    "licence.sh": f"#!/bin/sh\n##~~ One licence.\n##~~ @needs cpus=1 mem=64M\n##~~ @limits total=1\n{HOLD}",
    "again.sh": "#!/bin/sh\n##~~ @retry 2\n##~~ @idempotent\necho attempt $SR_ATTEMPT\n[ $SR_ATTEMPT -ge 3 ]\n",
    "huge.sh": "#!/bin/sh\n##~~ @needs cpus=64\n",
    "plain.sh": f"#!/bin/sh\n##~~ Says nothing.\n{HOLD}",
    "wrong.sh": "#!/bin/sh\n##~~ Wrong.\n##~~ @needs cpus=two\n",
}


@pytest.fixture(scope="module")
def site(make_site):
    settings = {"machine_cpus": 4, "default_time_limit": "3h", "retry_pause": 0, "kill_grace": 0}
    return make_site(scripts=SCRIPTS, settings=settings)


def let_go(site, *numbers):
    for number in numbers:
        site.wait_for(number, "running")
        (site.outbox(number) / "go").touch()
    for number in numbers:
        site.wait_for(number, "succeeded")


def test_the_form_tells_the_terms_and_the_job_keeps_them(site):
    ada = site.visitor("terms@example.org")
    form = ada.get("/submit/half.sh").text
    assert "While it runs, it has 2 CPUs and 64 MiB of memory. It may run for 12 h, then it is stopped." in form
    assert "While it runs, it has the machine to itself. It may run for 3 h" in ada.get("/submit/plain.sh").text
    one, two = ada.queue("half.sh"), ada.queue("half.sh")
    job = site.wait_for(one, "running")
    assert (job["needs_cpus"], job["needs_memory"], job["time_limit"]) == (2, 64 << 20, 12 * 3600 * 1000)
    assert "Stopped at the latest" in Page(ada.get(f"/jobs/{one}")).main
    # Both fit at a time, and a third does not.
    site.wait_for(two, "running")
    three = ada.queue("half.sh")
    text = ada.get(f"/jobs/{three}").text
    assert "It is its turn, and it needs 2 CPUs and 64 MiB; 0 CPUs and" in text
    assert re.search(r"<dt>Place in the queue</dt><dd>1</dd>", text)
    let_go(site, one, two, three)


def test_the_number_of_jobs_of_a_script_is_limited(site):
    ada, grace = site.visitor("licence@example.org"), site.visitor("other@example.org")
    first, second = ada.queue("licence.sh"), grace.queue("licence.sh")
    site.wait_for(first, "running")
    assert "1 job of this script may run at a time, and so many do." in grace.get(f"/jobs/{second}").text
    # Others are not kept back by it.
    other = grace.queue("half.sh")
    site.wait_for(other, "running")
    assert site.job(second)["state"] == "queued"
    let_go(site, first, second, other)


def test_a_failure_is_followed_by_other_attempts(site):
    ada = site.visitor("again@example.org")
    number = ada.queue("again.sh")
    site.wait_for(number, "succeeded")
    page = ada.get(f"/jobs/{number}").text
    assert page.count("failed (exit status 1) after") == 2 and "Attempt 3 succeeded (exit status 0)" in page
    for attempt in (1, 2):
        log = ada.get(f"/jobs/{number}/log?attempt={attempt}")
        assert log.text == f"attempt {attempt}\n"
        assert f"job-{number}-attempt-{attempt}.log" in log.headers["Content-Disposition"]
    assert ada.get(f"/jobs/{number}/log").text == "attempt 3\n"
    for wrong in ("0", "4", "x", "-1", "1/../2"):
        assert ada.get(f"/jobs/{number}/log?attempt={wrong}").status_code == 404
    assert site.visitor("nosy@example.org").get(f"/jobs/{number}/log?attempt=1").status_code == 404
    subjects = [mail["subject"] for mail in site.query("SELECT subject FROM mails WHERE job_id = ? ORDER BY id", number)]
    assert subjects == [f"Job #{number} [again.sh] Started", f"Job #{number} [again.sh] Complete"]


def test_what_the_machine_does_not_have_is_refused(site):
    ada = site.visitor("huge@example.org")
    text = ada.get("/submit/huge.sh").text
    assert "This script needs 64 CPUs, and the machine has only 4 for jobs." in text and "<button>Submit job" not in text
    answer = ada.submit("huge.sh")
    assert answer.status_code == 422 and "needs 64 CPUs" in answer.text
    assert site.query("SELECT id FROM jobs WHERE script = 'huge.sh'") == []


def test_a_script_whose_terms_are_not_understood_is_hidden_and_told_to_the_admin(site):
    ada = site.visitor("wrong@example.org")
    assert "wrong.sh" not in ada.get("/submit").text
    answer = subprocess.run(
        [ROOT / "bin/scriptrunner", "check"], capture_output=True, text=True, timeout=60, check=False,
        env={"SCRIPTRUNNER_CONF": str(site.state / "etc/ScriptRunner.conf")},
        **({"user": site.run_as} if os.getuid() == 0 else {}),
    )
    assert answer.returncode == 65
    assert f"{site.state}/scripts/wrong.sh:3:6: error: cpus: two is no whole number from 1 to 100000\n" in answer.stdout
