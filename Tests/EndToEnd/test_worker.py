"""What happens to a job, with the real worker and supervisors."""

import os
import signal
import subprocess
import time

import pytest

from site_under_test import ROOT, wait_until


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


def letgo(site, number):
    (site.outbox(number) / "go").touch()


def begun(site, ada, script="wait.sh", status="0"):
    number = ada.queue(script, {"status": status} if script == "wait.sh" else {})
    site.wait_for(number, "running")
    return number


@pytest.mark.parametrize("status", [0, 1, 3, 255])
def test_the_exit_status_is_the_scripts_own(site, ada, status):
    number = begun(site, ada, status=str(status))
    letgo(site, number)
    job = site.wait_for(number, "succeeded", "failed")
    assert (job["state"], job["exit_code"]) == ("succeeded" if status == 0 else "failed", status)
    page = ada.get(f"/jobs/{number}").text
    assert f"<dt>Exit status</dt><dd>{status}</dd>" in page


def test_a_signal_is_named(site, ada):
    number = ada.queue("signal.sh")
    job = site.wait_for(number, "failed")
    assert job["exit_code"] is None and job["signal"] == signal.SIGSEGV
    assert "(SEGV)" in ada.get(f"/jobs/{number}").text


def test_what_cannot_be_started_says_why(site, ada):
    number = ada.queue("nothing.sh")
    job = site.wait_for(number, "failed")
    assert job["exit_code"] is None and "interpreter" in job["reason"]
    assert [mail["kind"] for mail in site.query("SELECT kind FROM mails WHERE job_id = ?", number)] == ["ended"]


def test_too_much_log_loses_its_middle_and_costs_nothing_else(make_site):
    site = make_site(settings={"max_log_bytes": "100K"})
    ada = site.visitor("ada@example.org")
    number = ada.queue("loud.sh")
    site.wait_for(number, "succeeded")
    assert site.query("SELECT log_bytes FROM attempts WHERE job_id = ?", number)[0]["log_bytes"] == 6_000_000
    assert "line 0099999" in ada.get(f"/jobs/{number}").text
    log = ada.get(f"/jobs/{number}/log").text
    lines = log.splitlines()
    assert len(log) < 400_000 and "\0" not in log
    assert lines[0].startswith("line 0000000") and lines[-1].startswith("line 0099999")
    assert sum("left out ...]" in line for line in lines) == 1


def test_a_script_sees_a_fixed_environment(site, ada):
    number = ada.queue("environment.sh")
    site.wait_for(number, "succeeded")
    folder = site.outbox(number)
    variables = dict(
        entry.split("=", 1) for entry in (folder / "environment").read_text().split("\0") if entry
    )
    assert set(variables) == {
        "PATH", "HOME", "LANG", "SHELL", "USER", "LOGNAME", "SR_JOB", "SR_ATTEMPT", "SR_SCRIPT", "SR_REQUESTER", "SR_RUN",
        "PWD",
    }
    assert variables["HOME"] == str(folder) and variables["SR_JOB"] == str(number)
    assert variables["SR_REQUESTER"] == "ada@example.org" and variables["SR_SCRIPT"] == "environment.sh"
    assert (folder / "folder").read_text().strip() == str(folder)
    assert (folder / "input").read_text().strip() == "/dev/null"
    assert (folder / "mask").read_text().strip() == "0027"
    # Nothing but standard input, output and error, and the one that ls opens itself.
    names = [line.split()[-3] for line in (folder / "descriptors").read_text().splitlines() if "->" in line]
    assert names == ["0", "1", "2", "3"]


def test_the_log_is_open_for_appending_alone(site, ada):
    number = begun(site, ada)
    script = site.query("SELECT script_pid FROM attempts WHERE job_id = ?", number)[0]["script_pid"]
    with open(f"/proc/{script}/fdinfo/1") as info:
        flags = int(next(line for line in info if line.startswith("flags")).split()[1], 8)
    assert flags & os.O_APPEND and flags & os.O_ACCMODE == os.O_WRONLY
    letgo(site, number)
    site.wait_for(number, "succeeded")


def test_a_worker_killed_while_jobs_run_is_replaced_and_adopts_them(site, ada):
    numbers = [begun(site, ada, status=str(status)) for status in (0, 5, 9)]
    for _ in range(3):
        worker = site.pids_of("worker")
        os.kill(worker[0], signal.SIGKILL)
        wait_until("another worker", lambda: (now := site.pids_of("worker")) and now != worker)
        assert all(site.job(number)["state"] == "running" for number in numbers)
    for number in numbers:
        letgo(site, number)
    for number, status in zip(numbers, (0, 5, 9)):
        job = site.wait_for(number, "succeeded", "failed")
        assert job["exit_code"] == status
        assert (site.outbox(number) / "ran").read_text() == "x\n"


def test_cancel_ends_the_whole_group_and_what_fled_from_it(site, ada):
    number = ada.queue("stubborn.sh")
    site.wait_for(number, "running")
    wait_until("it is up", (site.outbox(number) / "up").exists)
    home = f"HOME={site.outbox(number)}\0".encode()

    def processes():
        found = []
        for pid in os.listdir("/proc"):
            try:
                if pid.isdigit() and home in open(f"/proc/{pid}/environ", "rb").read():
                    found.append(pid)
            except OSError:
                pass
        return found

    assert len(processes()) >= 2
    ada.cancel(number)
    job = site.wait_for(number, "cancelled")
    assert job["signal"] == signal.SIGKILL
    assert not processes()


def test_a_polite_script_may_clean_up(site, ada):
    number = ada.queue("polite.sh")
    wait_until("it is up", lambda: site.job(number)["attempt"] and (site.outbox(number) / "up").exists())
    site.wait_for(number, "running")
    ada.cancel(number)
    assert site.wait_for(number, "cancelled")["exit_code"] == 0
    assert "asked to end" in ada.get(f"/jobs/{number}/log").text


def test_jobs_start_in_order_one_at_a_time_by_default(make_site):
    site = make_site()
    ada = site.visitor("ada@example.org")
    numbers = [ada.queue("wait.sh", {"status": "0"}) for _ in range(3)]
    for position, number in enumerate(numbers):
        site.wait_for(number, "running")
        assert [site.job(later)["state"] for later in numbers[position + 1:]] == ["queued"] * (2 - position)
        letgo(site, number)
        site.wait_for(number, "succeeded")
    starts = site.query("SELECT job_id FROM events WHERE to_state = 'running' ORDER BY id")
    assert [row["job_id"] for row in starts] == numbers


def test_an_edited_script_is_not_run_for_a_job_that_waited(make_site):
    site = make_site()
    ada = site.visitor("ada@example.org")
    first = begun(site, ada)
    second = ada.queue("plain.sh")
    site.write_script("plain.sh", "#!/bin/sh\necho changed > ran\n")
    letgo(site, first)
    job = site.wait_for(second, "failed")
    assert "was changed after" in job["reason"] and not (site.outbox(second) / "ran").exists()
    # The copy that was submitted is kept.
    content = site.query(
        "SELECT content FROM script_copies JOIN jobs ON script_hash = hash WHERE jobs.id = ?", second)
    assert content[0]["content"] == b"#!/bin/sh\necho plain\n"


def test_a_second_worker_is_refused(site):
    environment = {"SCRIPTRUNNER_CONF": str(site.state / "etc/ScriptRunner.conf")}
    second = subprocess.run(
        [ROOT / "bin/worker"], env=environment, capture_output=True, text=True, timeout=60, check=False,
        **({"user": site.run_as} if os.getuid() == 0 else {}),
    )
    assert second.returncode == 75
    assert "another worker serves this queue" in second.stderr


def test_an_idle_worker_sleeps_but_starts_a_job_at_once(make_site):
    site = make_site(settings={"poll_interval": 3600})
    ada = site.visitor("ada@example.org")
    worker = site.pids_of("worker")[0]

    def switches():
        with open(f"/proc/{worker}/status") as status:
            return int(next(line for line in status if line.startswith("voluntary_ctxt")).split()[1])

    wait_until("mails and all are done", lambda: not site.pids_of("mailer"))
    before = switches()
    time.sleep(3)  # the thing under test is that nothing happens in a while
    assert switches() - before <= 1
    site.wait_for(ada.queue("plain.sh"), "succeeded")
