"""Process numbers that are given to others, and trees of processes that do not want to end."""

import ctypes
import os
import pathlib
import subprocess
import time

import mounts
from report import figure
from rig import AS_USER, LIMIT, Rig, is_alive, kill, wait_until

LAST_PID = pathlib.Path("/proc/sys/kernel/ns_last_pid")
CLONE_NEWPID = 0x20000000


# Numbers

def reuse(report, count=50):
    """The numbers of script, guard and shim are given to strangers of the same user, which lead sessions of their own.
    Neither a recovery nor a cancellation reaches them."""
    refusal = mounts.why_not()
    if refusal:
        return report.skip(refusal)
    if subprocess.run(["unshare", "-pf", "true"], capture_output=True, check=False).returncode:
        return report.skip("a pid namespace is not permitted here")
    mounts.unshare()
    ctypes.CDLL(None).unshare(CLONE_NEWPID)
    # The first process from now on is the new namespace's init.
    reading, writing = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(reading)
        status = 1
        try:
            subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
            among_strangers(report, count)
            text = "\n".join([str(report.faults), str(report.jobs), *report.violations])
            os.write(writing, text.encode()[:60_000])
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading) as told:
        lines = told.read().splitlines()
    _, status = os.waitpid(init, 0)
    if status or len(lines) < 2:
        report.add(["the phase broke off"])
        return report
    report.faults, report.jobs = int(lines[0]), int(lines[1])
    report.violations += lines[2:]
    report.remark(f"{report.faults} strangers with a known number, {len(report.violations)} of them signalled")
    return report


def among_strangers(report, count):
    with Rig(jobs=10, poll_interval=1) as rig:
        for turn in range(count):
            is_guard_alone = turn % 3 == 2
            job = rig.submit("wait exit 5")
            rig.start("worker")
            rig.wait_for(job, "running")
            guard, shim = rig.supervisors()[f"{rig.job(job)['uid']}.1"]
            script = rig.query("SELECT script_pid FROM attempts WHERE job_id = ?", job.job)[0]["script_pid"]
            rig.processes.pop("worker").kill()
            if is_guard_alone:
                # The shim sees the job through; the guard's number is a stranger's.
                numbers = [guard]
            else:
                numbers = [guard, shim, script]
                rig.faults.both_halves.add(job.tag)
            for pid in numbers:
                kill(pid)
            wait_until("they are gone", lambda: rig.bury() or not any(os.path.exists(f"/proc/{pid}") for pid in numbers))
            # Ours to bury, not the rig's.
            rig.processes.update((f"stranger {pid}", stranger(pid)) for pid in numbers)
            report.faults += len(numbers)
            if turn % 2:
                rig.cancel(job)
            rig.start("worker")
            if turn % 2 == 0 and is_guard_alone:
                rig.wait("the worker has looked", lambda: rig.query("SELECT pid FROM workers")[0]["pid"]
                         == rig.processes["worker"].pid)
                rig.cancel(job)
            rig.wait_for(job, "lost", "cancelled", "failed", "succeeded")
            rig.stop()
            for pid in numbers:
                process = rig.processes.pop(f"stranger {pid}")
                if process.poll() is None and is_alive(process.pid):
                    process.kill()
                    process.wait()
                else:
                    report.add([f"a stranger got signal {-process.wait()} (turn {turn + 1})"])
            report.progress(f"{turn + 1} of {count} turns")
        rig.start("worker")
        rig.finish(report, were_mailers_hurt=True)


def stranger(pid):
    """A process of the jobs' user that gets this number, and leads a session, as every script does."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        LAST_PID.write_text(str(pid - 1))
        process = subprocess.Popen(["sleep", "1000"], start_new_session=True, **AS_USER)
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
    raise AssertionError(f"the number {pid} is not to be had")


# Trees

def tree(report, count=20):
    """A script that is deaf to TERM, with a daemon in a session of its own: a cancellation leaves nothing of it."""
    took = []
    with Rig(jobs=10, kill_grace=0, poll_interval=10) as rig:
        rig.start("worker")
        for turn in range(count):
            job = rig.submit("stubborn flee flee flee wait exit 5")
            rig.wait_for(job, "running")
            tree = wait_until("all are there", lambda: len(pids := rig.processes_of(job)) == 4 and pids)
            rig.cancel(job)
            began = time.monotonic()
            rig.wait("all are gone", lambda: not any(map(is_alive, tree)))
            took.append(1000 * (time.monotonic() - began))
            rig.wait_for(job, "cancelled")
            report.faults += 1
            report.progress(f"{turn + 1} of {count} trees")
        rig.wait_until_over()
        rig.wait_for_mails()
        report.jobs += len(rig.submissions)
        report.remark(figure("from the answer to the cancellation until the tree is gone", took))
        report.add(rig.check())
    return report
