"""`scriptrunner serve`: what is killed comes back, what is told to stop goes, and jobs do not notice."""

import os
import signal
import subprocess
import threading
import time

import pytest
import requests

from machine import PAGES, Process, copy_programs, descendants, is_alive, processes_of
from site_under_test import Site, wait_until

ADDRESSES = {
    "home": "/", "login": "/login", "signup": "/signup", "account": "/account", "submit": "/submit", "jobs": "/jobs",
    "files": "/files",
}


def pid_of(site, program):
    """The number of the one process that the launcher has started for this program."""
    found = [p for p in descendants(site.process.pid) if p.name == program and p.parent == site.process.pid]
    return found[0].pid if len(found) == 1 else None


def answers(visitor, path):
    """Whether a program, not the web server in its stead, answers."""
    answer = visitor.get(path, timeout=5)
    return answer.status_code == 200 and "<h1" in answer.text


def test_every_program_that_is_killed_is_back_at_once(make_site):
    site = make_site(settings={"poll_interval": 3600})
    person = site.visitor("kills@example.org")
    for program in [*PAGES, "nginx", "worker"]:
        wait_until(f"{program} runs", lambda: pid_of(site, program))
        before = pid_of(site, program)
        whole = [p.pid for p in descendants(before)]
        began = time.monotonic()
        os.kill(before, signal.SIGKILL)
        if program == "nginx":
            # Not even a worker process of the old one is left, which would hold the port.
            assert len(whole) > 1
            wait_until("it is gone", lambda: not any(is_alive(pid) for pid in whole))
        wait_until(f"{program} is back", lambda: pid_of(site, program) not in [None, before], limit=10)
        if program == "nginx":
            wait_until("it listens", lambda: reaches(site))
        assert answers(person, ADDRESSES.get(program, "/")), program
        assert time.monotonic() - began < 5, program
    # The new worker runs jobs, and is rung.
    site.wait_for(person.queue("plain.sh"), "succeeded")
    launcher = site.process.pid
    wait_until("all are buried", lambda: not [
        p for p in descendants(launcher) if p.state == "Z" and p.parent == launcher])


def test_a_supervisor_without_its_worker_is_buried_by_the_launcher(make_site):
    site = make_site()
    number = site.visitor("orphan@example.org").queue("wait.sh", {"status": "5"})
    site.wait_for(number, "running")
    worker = pid_of(site, "worker")
    orphan = next(p.pid for p in descendants(worker) if p.parent == worker and p.name == "supervisor")
    os.kill(worker, signal.SIGKILL)
    wait_until("it has a new parent", lambda: Process(orphan).parent == site.process.pid)
    (site.outbox(number) / "go").touch()
    assert site.wait_for(number, "failed")["exit_code"] == 5
    wait_until("it is buried", lambda: not os.path.exists(f"/proc/{orphan}"))


def reaches(site):
    try:
        return requests.get(site.url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_apache_that_is_killed_leaves_nothing_and_is_back(make_site):
    site = make_site(httpd="apache")
    person = site.visitor("apache@example.org")
    old = {p.pid for p in processes_of(site.state) if p.name in ["apache2", *PAGES]}
    assert len(old) >= 4
    os.kill(pid_of(site, "apache2"), signal.SIGKILL)
    wait_until("all of it is gone", lambda: not any(is_alive(pid) for pid in old))
    wait_until("it is back", lambda: reaches(site))
    assert person.get("/jobs").status_code == 200


def test_a_visitor_waits_while_a_program_is_started_again(make_site):
    site = make_site()
    person = site.visitor("patient@example.org")
    os.kill(pid_of(site, "jobs"), signal.SIGKILL)
    # At once, and again and again: the socket never refused anybody.
    for _ in range(20):
        assert person.get("/jobs", timeout=20).status_code == 200


def test_a_program_that_cannot_live_does_not_keep_the_machine_busy(folder):
    root = copy_programs(folder / "programs")
    site = Site(root=root)
    try:
        program = root / "cgi-bin/files"
        content = program.read_bytes()
        program.unlink()
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
        os.kill(pid_of(site, "files"), signal.SIGKILL)
        time.sleep(3)  # the one thing to see is how little happens
        ended = site.log.count("program-ended which=files")
        assert 3 <= ended <= 6, ended
        assert site.visitor().get("/").status_code == 200
        program.unlink()
        program.write_bytes(content)
        program.chmod(0o755)
        wait_until("it is back", lambda: site.visitor().get("/files", timeout=20).status_code == 200)
    finally:
        site.close()


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("httpd", ["nginx", "apache"])
def test_told_to_stop_it_takes_along_what_it_started_and_nothing_else(make_site, httpd, number):
    site = make_site(httpd=httpd)
    neighbour = subprocess.Popen(["sleep", "1000"])
    try:
        person = site.visitor("stop@example.org")
        assert person.get("/jobs").status_code == 200
        family = descendants(site.process.pid)
        assert len(family) > 8
        site.process.send_signal(number)
        assert site.process.wait(30) == 0
        assert [p for p in family if is_alive(p.pid)] == [] and processes_of(site.state) == []
        assert "Stopped. Jobs that are running go on" in (site.folder / "output").read_text()
        assert neighbour.poll() is None and os.getsid(neighbour.pid) == os.getsid(0)
    finally:
        neighbour.kill()
        neighbour.wait()


def test_a_running_job_outlives_a_stop_and_its_end_is_known(make_site):
    site = make_site(settings={"machine_cpus": 3, "default_cpus": 1})
    person = site.visitor("outlives@example.org")
    early, late = [person.queue("wait.sh", {"status": status}) for status in ["7", "0"]]
    for number in [early, late]:
        site.wait_for(number, "running")
        wait_until("it waits", lambda: "waiting" in person.get(f"/jobs/{number}/log").text)
    supervisors = site.pids_of("supervisor")
    assert len(supervisors) == 4
    folders = [site.outbox(number) for number in [early, late]]
    site.stop()
    assert {p.name for p in processes_of(site.state)} <= {"supervisor", "sh", "wait.sh", "sleep"}
    assert all(is_alive(pid) for pid in supervisors)
    # One ends while nobody serves, one when the next worker is there.
    (folders[0] / "go").touch()
    wait_until("it has ended", lambda: (folders[0] / "ran").exists() and len(site.pids_of("supervisor")) == 2)
    site.start()
    assert site.wait_for(early, "failed")["exit_code"] == 7
    assert site.job(late)["state"] == "running"
    (folders[1] / "go").touch()
    assert site.wait_for(late, "succeeded")["exit_code"] == 0
    assert [(folder / "ran").read_text() for folder in folders] == ["x\n", "x\n"]
    assert site.query("SELECT count(*) AS attempts FROM attempts") == [{"attempts": 2}]


@pytest.mark.parametrize("httpd", ["nginx", "apache"])
def test_killed_itself_it_takes_the_programs_along_and_starts_again(make_site, httpd):
    site = make_site(httpd=httpd)
    person = site.visitor("ninth@example.org")
    number = person.queue("wait.sh", {"status": "0"})
    site.wait_for(number, "running")
    family = [p.pid for p in descendants(site.process.pid) if p.name in ["worker", "nginx", "apache2", *PAGES]]
    assert len(family) >= 5
    site.process.kill()
    site.process.wait()
    # At once: what goes is given the time to go.
    site.start()
    assert not any(is_alive(pid) for pid in family)
    assert person.get("/jobs").status_code == 200
    (site.outbox(number) / "go").touch()
    site.wait_for(number, "succeeded")


def test_a_stop_breaks_no_answer_off(make_site):
    """Sign-ins take their time for the password; those that were accepted are answered by the program."""
    site = make_site()
    person = site.visitor()
    hidden = person.hidden(person.get("/login").text, "/login")
    statuses, lock = [], threading.Lock()

    def sign_in():
        try:
            answer = requests.post(
                site.url + "/login", {**hidden, "login": "patient@example.org", "password": "wrong horse battery"},
                cookies=person.http.cookies, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30)
            with lock:
                statuses.append((answer.status_code, "<h1" in answer.text))
        except requests.ConnectionError as error:
            # Who comes after the web server has left is told so at once; nobody is left waiting.
            with lock:
                statuses.append((None, "refused" in str(error)))

    threads = [threading.Thread(target=sign_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until("the first are being served", lambda: statuses)
    site.stop()
    for thread in threads:
        thread.join()
    assert len([status for status, _ in statuses if status]) >= 2
    assert not [status for status, _ in statuses if status in [500, 502, 503, 504]], statuses
    assert all(is_whole for _, is_whole in statuses), statuses
