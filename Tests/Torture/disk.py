"""Disks that are full, and disks that fail: at each write of worker, supervisor and page, and for real in a small one."""

import errno
import pathlib
import time

import mounts
from names import list_of, name_of
from rig import USER, Rig, wait_until
from sweep_programs import WorkerStory
from sweep_supervisor import GUARD, SHIM

WRITES = [
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "fsync", "fdatasync", "sync_file_range", "ftruncate", "fallocate",
    "openat", "openat2", "mkdirat", "mkdir", "linkat", "renameat2", "renameat", "rename", "unlinkat", "unlink", "symlinkat",
]
SYNCS = ["fsync", "fdatasync"]
# What a full disk does not refuse.
NEVER_FULL = ["unlinkat", "unlink"]
ERRORS = {
    "ENOSPC": (errno.ENOSPC, [name for name in WRITES if name not in NEVER_FULL]),
    "EIO": (errno.EIO, WRITES),
}


def acted(log):
    """The calls that were made to fail, by name."""
    return [name_of(int(line.split()[3])) for line in log.read_text().splitlines() if line.startswith("acted")]


def failed_syncs(log):
    """What could not be synced: paths."""
    lines = (line.split(None, 5) for line in log.read_text().splitlines() if line.startswith("acted"))
    return [line[5] for line in lines if name_of(int(line[3])) in SYNCS]


def writes_of(who, log, calls):
    """How many of these calls it made that can be made to fail, by the log of a plan with `trace`."""
    numbers = set(list_of(*calls).split(","))
    lines = (line.split() for line in log.read_text().splitlines() if line.startswith(f"call {who} "))
    return sum(number in numbers and not opens for _, _, _, number, *opens in lines)


# The page

def page(report, count=None):
    """One write fails: the visitor is not told that there is a job unless there is one, and pressing again makes it one."""
    with Rig() as rig:
        for name, (number, calls) in ERRORS.items():
            rig.tidy()
            plan, log = rig.write_plan(f"rule 0 fail {number} 1000000 1 {list_of(*calls)}", trace=True)
            assert rig.send(rig.draft("exit 3"), plan=plan) == 303
            total = writes_of(0, log, calls)
            for at in report.sample(range(1, total + 1), count):
                plan, log = rig.write_plan(f"rule 0 fail {number} {at} 1 {list_of(*calls)}")
                form = rig.draft(f"exit {at % 250}")
                rig.tidy()
                status = rig.send(form, plan=plan)
                failed = acted(log)
                report.faults += len(failed)
                # SQLite does not mind when the directory of its log cannot be synced. Of a log that has been there since the
                # database was made that is no matter: then it was synced, and that it was is minded.
                missed = [path for path in failed_syncs(log) if path != str(rig.database_path.parent)]
                if status == 303 and missed:
                    report.add([f"acknowledged although {missed[0]} was not synced ({name} at write {at})"])
                if rig.send(form) != 303:
                    report.add([f"the form is not taken after {name} at write {at} of a submission"])
                report.progress(f"submit: {name} at write {at} of {total}")
        rig.start("worker")
        rig.finish(report)
    return report


# The worker

CHUNK = 30


def worker(report, count=None):
    """One write fails, or some in a row: it goes on by itself, and nothing it says is wrong."""
    for name, (number, calls) in ERRORS.items():
        with Rig() as rig:
            plan, log = rig.write_plan(f"rule 0 fail {number} 1000000 1 {list_of(*calls)}", trace=True)
            story = WorkerStory(rig)
            story.play(plan)
            story.play(plan)
            total = writes_of(0, log, calls) // 2
            story.finish(report)
        report.say(f"a worker's life has about {total} writes")
        # Many in a row take long: a worker without room waits before it tries again.
        rows = [(at, 15) for at in range(1, total + 1, 5)]
        points = report.sample(sorted([(at, 1) for at in range(1, total + 1)] + rows), count)
        for start in range(0, len(points), CHUNK):
            with Rig() as rig:
                story = WorkerStory(rig)
                for at, row in points[start : start + CHUNK]:
                    plan, log = rig.write_plan(f"rule 0 fail {number} {at} {row} {list_of(*calls)}")
                    story.play(plan)
                    report.faults += len(acted(log))
                    report.progress(f"{name} at write {at} of {total}")
                story.finish(report)
    return report


# The supervisor

def supervisor(report, count=None):
    """One write of either half fails: the status is kept, or the script has not run and runs later."""
    with Rig(wrapped=["supervisor"]) as rig:
        rig.start("worker")
        for name, (number, calls) in ERRORS.items():
            _, log = rig.plan_for("supervisor", trace=True)
            rig.submit("say 200 exit 7")
            rig.wait_until_over()
            rig.wait("the trace is over", lambda: log.read_text().count("end ") >= 2)
            points = []
            for who in (GUARD, SHIM):
                points += [(who, at) for at in range(1, writes_of(who, log, calls) + 1)]
            points = report.sample(points, count)
            report.say(f"{name}: {len(points)} writes of guard and shim")
            for start in range(0, len(points), 12):
                logs = [rig.plan_for("supervisor", f"rule {who} fail {number} {at} 1 {list_of(*calls)}")[1]
                        for who, at in points[start : start + 12]]
                for _ in logs:
                    rig.submit("say 200 exit 7")
                rig.wait_until_over()
                report.faults += sum(len(acted(log)) for log in logs)
                report.progress(f"{name}: {start + len(logs)} of {len(points)} points")
        rig.wait_for_mails()
        report.jobs += len(rig.submissions)
        report.add(rig.check())
    return report


# Really full

# The empty database takes half of it.
SMALL = {"db": "1m", "state": "512k"}


def full(report, count=1):
    """Database, then state_dir, on a very small disk that is filled up while jobs run, and has room again later."""
    refusal = mounts.why_not()
    if refusal:
        return report.skip(refusal)
    mounts.unshare()
    for _ in range(count):
        for folder in ("db", "state"):
            is_full(report, folder)
            report.progress(f"{folder} was full")
    return report


def is_full(report, folder):
    rig = Rig(jobs=20, min_free_inodes=0)
    place = rig.folder / folder
    mounts.mount_tmpfs(place, SMALL[folder], USER)
    try:
        rig.begin()
        rig.revive("worker", "submit")
        ends_meanwhile = rig.submit("wait exit 7")
        ends_later = rig.submit("wait exit 9")
        for job in (ends_meanwhile, ends_later):
            rig.wait_for(job, "running")
        fill(place)
        report.faults += 1
        # People go on, and are told the truth. Who is refused presses the button again when there is room.
        refused = []
        for number in range(40):
            form = rig.draft(f"exit {number}")
            status = rig.send(form, how="fastcgi")
            if status != 303:
                refused.append(form)
        rig.let_go(ends_meanwhile)
        if folder == "state":
            # The record had its place from the beginning: the end is known while the disk is full.
            job = rig.wait_for(ends_meanwhile, "failed")
            if job["exit_code"] != 7:
                report.add([f"on a full disk the status became {job['exit_code']}"])
        else:
            wait_until("it ends", lambda: not rig.processes_of(ends_meanwhile))
        time.sleep(0.5)
        mounts.resize_tmpfs(place, "64m")
        for form in refused:
            wait_until("the form is taken when there is room", lambda: rig.send(form, how="fastcgi") == 303)
        rig.let_go()
        rig.wait_until_over(120)
        rig.settle_mails()
        report.remark(f"{folder}: {len(refused)} of 40 forms were refused while it was full")
        report.jobs += len(rig.submissions)
        report.add(rig.check(), f"{folder} on a full disk")
    finally:
        rig.close()
        mounts.unmount(place)


def fill(place):
    """Leaves not a page."""
    with open(pathlib.Path(place) / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
