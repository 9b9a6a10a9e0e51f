"""Power cuts: the whole site is on a disk that stops from one moment to the next, while jobs are submitted and run."""

import os
import subprocess
import threading
import time

import mounts
from rig import ROOT, Rig, bury, children, descendants, kill
from workers import ruler


# On one disk, before it is made anew.
CUTS = 10


def cuts(report, count=100, kinds=None, programs=ROOT):
    """On each kind of file system in turn. What scripts write down is on another one, which stays."""
    refusal = mounts.why_not()
    if refusal:
        return report.skip(refusal)
    mounts.unshare()
    kinds = kinds or mounts.Disk.kinds()
    report.say("file systems: " + ", ".join(kinds))
    acknowledged = 0
    left = count
    while left > 0:
        # A fresh disk now and then, and each kind in turn.
        share = min(left, CUTS)
        acknowledged += on(kinds[0], report, share, programs)
        kinds = kinds[1:] + kinds[:1]
        left -= share
    report.remark(f"{acknowledged} jobs were acknowledged on {' and '.join(kinds)}")
    return report


def on(kind, report, count, programs):
    random = report.random
    disk = mounts.Disk(kind)
    rig = Rig(place=disk.place, programs=programs, jobs=20)
    boots = mounts.Boots(rig.elsewhere)
    try:
        boots.boot()
        rig.begin()
        # What was made by hand is on the disk; from here on everything is the product's business.
        sync(disk)
        for turn in range(count):
            live_a_while(rig, disk, random)
            rig.faults.ended_boots.add(boots.names[-1])
            power_off(rig)
            disk.remount()
            boots.boot()
            report.faults += 1
            rig.start("worker")
            if turn == count - 1:
                finish(rig, report, f"{kind}, cut {turn + 1}")
                rig.stop()
            else:
                # Some of it is done in this life, some in the next.
                rig.wait("the worker rules", lambda: ruler(rig) == rig.processes["worker"].pid)
            report.progress(f"{kind}: {turn + 1} of {count} cuts")
        report.jobs += len(rig.submissions)
        return sum(form.job is not None for form in rig.submissions)
    finally:
        rig.close()
        boots.close()
        disk.close()


def sync(disk):
    subprocess.run(["sync", "-f", disk.place], check=True)


def live_a_while(rig, disk, random):
    """Several visitors submit as fast as they can, until the power goes."""
    rig.revive("worker", "submit")
    is_cut, is_off = threading.Event(), threading.Event()

    def visit(seed):
        number = seed
        while not is_off.is_set():
            number += 1
            form = rig.draft(f"sleep {number * 37 % 200} exit {number % 256}")
            rig.send(form, how="fastcgi")
            if is_cut.is_set():
                # A machine without power says nothing any more. This one does for some milliseconds, in which a sync of
                # ext4 may succeed whose transaction is given up meanwhile.
                form.job = None
            time.sleep(number * 7 % 40 / 1000)

    # A first one makes sure that all is up.
    rig.send(rig.draft("exit 1"), how="fastcgi")
    visitors = [threading.Thread(target=visit, args=(random.randrange(256),)) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    time.sleep(random.uniform(0.02, 0.4))
    is_cut.set()
    disk.cut()
    is_off.set()
    for process in rig.processes.values():
        process.kill()
    # Who waits for an answer gets none.
    rig.hang_up()
    for visitor in visitors:
        visitor.join()


def power_off(rig):
    """Nothing lives on."""
    for process in rig.processes.values():
        process.kill()
        process.wait()
    rig.processes.clear()
    while True:
        everybody = descendants(os.getpid())
        for pid in everybody:
            kill(pid)
        bury()
        if not children(os.getpid()):
            return
        time.sleep(0.002)


def finish(rig, report, where):
    """All that was acknowledged comes to its end, and is looked at."""
    rig.wait_until_over(120)
    rig.settle_mails()
    report.add(rig.check(), where)
