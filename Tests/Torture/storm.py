"""SIGKILL of any single process while fifty jobs run; both halves of a supervisor at once; a database from yesterday."""

import contextlib
import os
import shutil
import signal
import sqlite3
import time
import urllib.parse

from report import figure
from rig import Rig, children, is_alive, kill

# How often each kind is chosen.
VICTIMS = {"guard": 40, "shim": 40, "worker": 8, "submit": 8, "mailer": 4}
# A job whose start comes to nothing again and again is given up, and rightly so: a job that is hit so often at the gate, or whose
# worker is, is left alone.
MOST_HITS = 3


def plan(random):
    ending = random.choice([f"exit {random.randrange(256)}", f"exit {random.randrange(256)}", "exit 0", "signal 11"])
    return random.choice(["", "", "", "leave ", "flee "]) + f"sleep {random.randrange(100, 2500)} {ending}"


def draft(rig, random, is_chain):
    """A form for a job that follows none or, in chains, often some of the latest."""
    if not is_chain:
        return rig.draft(plan(random))
    recent = [form.job for form in rig.submissions[-12:] if form.job]
    after = random.sample(recent, min(len(recent), random.choice([0, 1, 1, 2, 3])))
    # Most succeed, so that there are long chains, and some do not.
    return rig.draft(f"sleep {random.randrange(400)} exit {random.choice([0, 0, 0, 0, 0, 1])}", after=after)


def keep_busy(rig, random, live, is_chain):
    """Submits until so many jobs are not over; who gets no answer presses the button again, or goes away."""
    for _ in range(live - rig.unfinished()):
        form = draft(rig, random, is_chain)
        if rig.send(form, how="fastcgi") is None and random.random() < 0.5:
            rig.revive("worker", "submit")
            rig.send(form, how="fastcgi")


def kill_if(pid, condition):
    """Kills the process if it is still the one that is meant; numbers are given to others."""
    with contextlib.suppress(OSError):
        process = os.pidfd_open(pid)
        try:
            if condition():
                signal.pidfd_send_signal(process, signal.SIGKILL)
                return True
        finally:
            os.close(process)
    return False


def chains(report, count=500):
    """The same while most jobs follow others: no follower runs too early, or in vain, or is forgotten."""
    return single(report, count, live=25, is_chain=True)


def single(report, count=1000, live=50, is_chain=False):
    """SIGKILL, so often, of any one process: worker, page, mailer, a guard, a shim."""
    random = report.random
    with Rig(jobs=live + 10) as rig:
        rig.revive("worker", "submit")
        hits, hurt = {}, set()
        killed = dict.fromkeys(VICTIMS, 0)
        while report.faults < count:
            keep_busy(rig, random, live, is_chain)
            halves = {name: pids for name, pids in rig.supervisors().items() if len(pids) == 2 and name not in hurt
                      and hits.get(name.split(".")[0], 0) < MOST_HITS}
            [worst] = rig.query("SELECT max(vain_starts) AS starts FROM jobs WHERE ended_at IS NULL")
            for _ in range(random.randrange(1, 6)):
                kind = random.choices(list(VICTIMS), VICTIMS.values())[0]
                if kind == "worker" and (worst["starts"] or 0) >= MOST_HITS:
                    continue
                is_done = False
                if kind in ("guard", "shim") and halves:
                    name = random.choice(sorted(halves))
                    pid = halves.pop(name)[kind == "shim"]
                    is_done = kill_if(pid, lambda: os.readlink(f"/proc/{pid}/fd/3").endswith(name))
                    if is_done:
                        hurt.add(name)
                        hits[name.split(".")[0]] = hits.get(name.split(".")[0], 0) + 1
                elif kind == "mailer":
                    worker = rig.processes["worker"].pid
                    is_done = any(kill_if(pid, lambda: os.readlink(f"/proc/{pid}/exe").endswith("/mailer"))
                                  for pid in children(worker)[-1:])
                elif kind in rig.processes and rig.processes[kind].poll() is None:
                    rig.processes[kind].kill()
                    rig.processes[kind].wait()
                    is_done = True
                report.faults += is_done
                killed[kind] += is_done
            time.sleep(random.random() / 20)
            rig.revive("worker", "submit")
            report.jobs = len(rig.submissions)
            report.progress(f"{report.faults} of {count} kills")
        rig.wait_until_over(reviving=("worker", "submit"))
        rig.settle_mails()
        report.remark(", ".join(f"{kind} {number}" for kind, number in killed.items()))
        if is_chain:
            fates = rig.query(
                "SELECT state = 'cancelled' AS is_let_down, count(*) AS count FROM jobs"
                " WHERE id IN (SELECT job_id FROM job_dependencies) GROUP BY 1 ORDER BY 1")
            counts = [fate["count"] for fate in fates]
            report.remark("followers that ran and that were let down: " + ", ".join(map(str, counts)))
            if len(counts) < 2:
                report.add(["all followers had the same fate, which proves little"])
        report.add(rig.check())
    return report


def both(report, count=500, at_once=10):
    """Guard and shim at once, in either order: the job is lost, and none of its processes is left."""
    random = report.random
    gone = []
    with Rig(jobs=at_once + 5, poll_interval=10) as rig:
        rig.start("worker")
        while report.faults < count:
            number = min(at_once, count - report.faults)
            jobs = [rig.submit(random.choice(["flee wait exit 1", "stubborn wait exit 1", "leave wait exit 1"]))
                    for _ in range(number)]
            for job in jobs:
                rig.wait_for(job, "running")
            supervisors = rig.supervisors()
            trees = {job.tag: rig.processes_of(job) for job in jobs}
            # Now and then nobody is there to see it.
            is_alone = random.random() < 0.2
            if is_alone:
                rig.processes["worker"].kill()
            began = {}
            for job in jobs:
                rig.faults.both_halves.add(job.tag)
                halves = supervisors[f"{rig.job(job)['uid']}.1"]
                for pid in random.sample(halves, 2):
                    kill(pid)
                began[job.tag] = time.monotonic()
            report.faults += number
            report.jobs += number
            if is_alone:
                rig.revive("worker")
            waiting = {job.tag for job in jobs}
            while waiting:
                rig.revive("worker")
                for tag in [tag for tag in waiting if not any(map(is_alive, trees[tag]))]:
                    waiting.discard(tag)
                    if not is_alone:
                        gone.append(1000 * (time.monotonic() - began[tag]))
                if time.monotonic() - max(began.values()) > 20:
                    break  # the checker finds the survivors
                time.sleep(0.002)
            for job in jobs:
                state = rig.wait_for(job, "lost", "failed", "succeeded", "queued")["state"]
                if state != "lost":
                    report.add([f"job {job.job} is {state} after both halves of its supervisor were killed"])
            report.progress(f"{report.faults} of {count} pairs")
        rig.wait_until_over()
        rig.wait_for_mails()
        report.remark(figure("tree gone after", gone))
        report.add(rig.check())
    return report


def restored(report, count=20):
    """A copy of the database is made at any moment, and comes back when all is over: nothing runs again."""
    random = report.random
    for turn in range(count):
        with Rig(jobs=20) as rig:
            rig.start("worker")
            for _ in range(12):
                rig.submit(f"sleep {random.randrange(300)} exit {random.randrange(256)}")
                if random.random() < 0.3:
                    for pids in rig.supervisors().values():
                        # Some starts come to nothing, so that there are second attempts.
                        if len(pids) == 2 and random.random() < 0.3:
                            kill(pids[1])
                            break
            copy = rig.elsewhere / "yesterday"
            end = time.monotonic() + random.random()
            while time.monotonic() < end:
                rig.revive("worker")
                time.sleep(0.01)
            backup(rig, copy)
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                known = {nonce.hex() for nonce, in connection.execute("SELECT nonce FROM jobs")}
            for _ in range(3):
                rig.submit(f"exit {random.randrange(256)}")
            rig.wait_until_over()
            rig.stop()
            rig.faults.is_restored = True
            rig.faults.forgotten |= {form.tag for form in rig.submissions if form.tag not in known}
            for suffix in ["", "-wal", "-shm"]:
                (rig.database_path.parent / (rig.database_path.name + suffix)).unlink(missing_ok=True)
            shutil.copy(copy, rig.database_path)
            rig.hand_over(rig.database_path.parent)
            report.faults += 1
            rig.start("worker")
            # Numbers of forgotten jobs come again; folders' names do not.
            for _ in range(3):
                rig.submit(f"exit {random.randrange(256)}")
            rig.wait_until_over()
            rig.settle_mails()
            report.jobs += len(rig.submissions)
            report.add(rig.check(), f"restore {turn + 1}")
            report.progress(f"{turn + 1} of {count} restores")
    return report


def backup(rig, target):
    """As docs tell the admin: a whole database in one file."""
    connection = sqlite3.connect(f"file:{urllib.parse.quote(str(rig.database_path))}?mode=ro", uri=True, timeout=30)
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()
