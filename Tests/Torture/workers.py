"""Workers that follow one another: restarts and upgrades beside many live jobs, two at once, one that was asleep."""

import contextlib
import fcntl
import pathlib
import re
import shutil
import signal
import sqlite3
import time

from checker import OVER
from names import number_of
from report import figure
from rig import LIMIT, Rig, kill, state_of, wait_until


def adoption(report, count=10, live=200):
    """Restarts by SIGKILL and upgrades, while so many jobs run: all are adopted, none is disturbed.

    What is measured is the time from the new worker's start until it has taken the queue over and holds a process
    descriptor of a supervisor of every live attempt."""
    restarts, upgrades = [], []
    with Rig(jobs=live + 5, poll_interval=10) as rig:
        rig.revive("worker", "submit")
        jobs = [rig.submit(f"wait exit {number % 256}", how="fastcgi") for number in range(live)]
        rig.wait("all run", lambda: rig.count("running") == live)
        supervisors = rig.supervisors()
        halves = {name: set(pids) for name, pids in supervisors.items()}
        for turn in range(count):
            is_upgrade = turn % 2 == 1
            former = rig.processes.pop("worker")
            if is_upgrade:
                install_elsewhere(rig, turn)
                took = -time.monotonic()
                rig.start("worker")
                former.send_signal(signal.SIGTERM)
            else:
                former.kill()
                former.wait()
                took = -time.monotonic()
                rig.start("worker")
            wait_until("all are adopted", lambda: is_adopted(rig, halves), LIMIT)
            took += time.monotonic()
            (upgrades if is_upgrade else restarts).append(1000 * took)
            if is_upgrade and former.wait(LIMIT) != 0:
                report.add([f"a worker that was told to go ended by {former.returncode}"])
            report.faults += 1
            now = rig.supervisors()
            if {name: set(pids) for name, pids in now.items()} != halves:
                report.add([f"after a restart {len(now)} attempts have supervisors, before it {len(halves)}"])
            report.progress(f"{turn + 1} of {count} restarts")
        rig.let_go()
        rig.wait_until_over()
        rig.wait_for_mails()
        report.jobs += len(jobs)
        again = rig.query("SELECT count(*) AS count FROM attempts WHERE number > 1")[0]["count"]
        if again:
            report.add([f"{again} jobs were disturbed"])
        report.remark(figure(f"adoption of {live} jobs after a kill", restarts))
        report.remark(figure("in an upgrade", upgrades))
        report.add(rig.check())
    return report


def install_elsewhere(rig, turn):
    """The same release in another folder, as an upgrade brings another one."""
    target = rig.elsewhere / f"release-{turn}"
    target.mkdir()
    for part in ["cgi-bin", "lib"]:
        (target / part).symlink_to((rig.programs / part).resolve())
    shutil.copytree(rig.programs / "bin", target / "bin")
    rig.programs = target


def is_adopted(rig, halves):
    worker = rig.processes["worker"].pid
    if rig.query("SELECT pid FROM workers")[0]["pid"] != worker:
        return False
    watched = watched_by(worker)
    return all(pids & watched for pids in halves.values())


def watched_by(pid):
    """The processes that a process has descriptors of (pidfd_open(2))."""
    found = set()
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            match = re.search(r"^Pid:\t(\d+)$", entry.read_text(), re.M)
        except OSError:
            continue
        if match:
            found.add(int(match.group(1)))
    return found


def rivals(report, count=20):
    """Several workers are started at once on one database, again and again, while jobs come: one rules."""
    random = report.random
    with Rig(jobs=20) as rig:
        rig.start("submit")
        for turn in range(count):
            names = [f"rival-{number}" for number in range(3)]
            for name in names:
                rig.start("worker", who=name)
            for _ in range(5):
                rig.submit(f"sleep {random.randrange(200)} exit {random.randrange(256)}", how="fastcgi")
                time.sleep(random.random() / 20)
            wait_until("one rules", lambda: ruler(rig) in [rig.processes[name].pid for name in names])
            rig.wait("they are over", lambda: not rig.unfinished(), reviving=("submit",))
            number = ruler(rig)
            victim = next(name for name in names if rig.processes[name].pid == number)
            # The one that rules is killed, and another one goes on; what is left at last is told to go.
            rig.processes[victim].kill()
            rig.submit("exit 0", how="fastcgi")
            rig.wait("another one rules", lambda: not rig.unfinished(), reviving=("submit",))
            report.faults += 1
            for name in names:
                process = rig.processes.pop(name)
                kill(process.pid, signal.SIGTERM)
                # One that waits for its turn has not begun to listen, and ends by the signal.
                if process.wait(LIMIT) not in (0, 75, -signal.SIGTERM, -signal.SIGKILL):
                    report.add([f"a rival ended by {process.returncode}"])
            report.progress(f"{turn + 1} of {count} rounds")
        rig.start("worker")
        rig.finish(report, were_mailers_hurt=True)
    return report


def ruler(rig):
    try:
        rows = rig.query("SELECT pid FROM workers")
    except sqlite3.OperationalError:
        return None  # locked by one that sleeps
    return rows[0]["pid"] if rows else None


def holds_the_lock(rig):
    """Whether somebody holds the database's write lock, and goes on holding it."""
    def is_held():
        with open(f"{rig.database_path}.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    end = time.monotonic() + 0.2
    while is_held():
        if time.monotonic() > end:
            return True
        time.sleep(0.01)
    return False


def asleep(report, count=None):
    """A worker is stopped (SIGSTOP) right after any of its system calls. The admin takes it for dead, takes its lock away
    and starts another one; when all is over, the sleeper wakes up. It changes nothing, and runs nothing again."""
    with Rig() as rig:
        plan, log = rig.write_plan(trace=True)
        story(rig, plan)
        calls = [int(line.split()[3]) for line in log.read_text().splitlines() if line.startswith("call 0 ")]
        first = taken_over_at(calls)
        points = report.sample(range(first, len(calls) + 1), count)
        report.say(f"a worker's life has {len(calls)} calls, {first} of them before it has its lock")
        for at in points:
            plan, _ = rig.write_plan(f"rule 0 stop 0 {at} 1 all")
            report.faults += story(rig, plan)
            report.progress(f"call {at} of {len(calls)}")
        rig.start("worker")
        rig.let_go()
        rig.finish(report, were_mailers_hurt=True)
    return report


def doze(report, count=None):
    """A worker is stopped (SIGSTOP) right after it has opened something, until all of its scripts are over. Then it goes on,
    with what it has read before."""
    with Rig() as rig:
        plan, log = rig.write_plan(trace=True)
        nap(rig, plan)
        calls = [line.split() for line in log.read_text().splitlines() if line.startswith("call 0 ")]
        opening = [at for at, call in enumerate(calls, 1) if int(call[3]) == number_of("openat2")]
        points = report.sample(opening, count)
        report.say(f"a worker's life has {len(opening)} calls that open something")
        for at in points:
            plan, _ = rig.write_plan(f"rule 0 stop 0 {at} 1 all")
            report.faults += nap(rig, plan)
            report.progress(f"call {at} of {len(calls)}")
        rig.start("worker")
        rig.finish(report)
    return report


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def are_all_over(rig, jobs):
    try:
        return all(rig.job(job)["state"] in OVER for job in jobs)
    except sqlite3.OperationalError:
        return False  # locked by one that sleeps


def is_asleep(process):
    return state_of(process.pid) == "T"


def nap(rig, plan):
    """One life of a worker over short jobs; says whether it was stopped and woken in it."""
    jobs = [rig.submit(f"exit {code}") for code in (1, 2, 3)]
    worker = rig.start("worker", plan)

    def are_over():
        return are_all_over(rig, jobs)

    wait_until("it has seen to all, or sleeps", lambda: is_asleep(worker) or are_over())
    was_asleep = is_asleep(worker)
    if was_asleep:
        # Supervisors that were started go on to their end; a mailer may have to wait for the sleeper's lock.
        with contextlib.suppress(AssertionError):
            wait_until("they are over", lambda: all(state_of(child) in ("Z", None) for child in children_of(worker.pid)), 0.5)
        worker.send_signal(signal.SIGCONT)
    rig.wait("all is over", are_over)
    worker.terminate()

    def is_gone():
        # What it opens last, it opens when all is over.
        if is_asleep(worker):
            worker.send_signal(signal.SIGCONT)
        return worker.poll() is not None

    wait_until("it ends", is_gone)
    rig.stop()
    return was_asleep


def taken_over_at(calls):
    """The number of the first call after the worker has its lock: its first flock."""
    return calls.index(number_of("flock")) + 2


def story(rig, plan):
    """One life of a worker over three jobs; says whether it was stopped and woken in it."""
    jobs = [rig.submit("exit 1"), rig.submit("sleep 30 exit 2"), rig.submit("wait exit 3")]
    first = rig.start("worker", plan, who="first")

    def are_over():
        with contextlib.suppress(sqlite3.OperationalError):
            if rig.job(jobs[2])["state"] == "running":
                rig.let_go(jobs[2])
        return are_all_over(rig, jobs)

    wait_until("it has seen to all, or sleeps", lambda: is_asleep(first) or are_over())
    if not is_asleep(first):
        first.send_signal(signal.SIGTERM)
        wait_until("it ends or sleeps", lambda: first.poll() is not None or is_asleep(first))
    woken = first.poll() is None
    if woken:
        (rig.folder / "state/worker.lock").unlink()
        second = rig.start("worker")
        # One that fell asleep with the database's write lock in its hands keeps everybody waiting, until it wakes.
        with contextlib.suppress(AssertionError):
            wait_until("the second rules", lambda: ruler(rig) == second.pid, 0.1 if holds_the_lock(rig) else 2)
            rig.wait("the second sees to all", are_over, 10)
        first.send_signal(signal.SIGCONT)
        # Now both see that there is something to do.
        rig.submit("exit 9")
        rig.wait("all is over beside the one that woke up", lambda: are_over() and not rig.unfinished())
        first.send_signal(signal.SIGTERM)
        first.wait(LIMIT)
        rig.stop()
    rig.processes.pop("first", None)
    return woken
