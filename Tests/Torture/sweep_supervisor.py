"""SIGKILL at every system call of the supervisor: its guard, its shim, and the script's process before it is the script."""

import time

from rig import ROOT, Rig

GUARD, SHIM, CHILD = 0, 1, 2
NAMES = {GUARD: "guard", SHIM: "shim", CHILD: "child"}
# What a job does, whether somebody cancels it.
STORIES = {
    "ends by itself": ("say 200 exit 7", False),
    "leaves a daemon": ("leave exit 3", False),
    "is cancelled": ("polite 5 wait exit 6", True),
}
BATCH = 12


def count_calls(rig, story):
    """How many calls each of the three makes, in a run that nobody disturbs."""
    counts = {}
    for _ in range(3):
        _, log = rig.plan_for("supervisor")
        play(rig, [story])
        rig.wait("the trace is over", lambda: log.read_text().count("end ") >= 2)
        for line in log.read_text().splitlines():
            if line.startswith("end "):
                _, who, _, calls = line.split()
                counts[int(who)] = max(counts.get(int(who), 0), int(calls))
    # The child is let go at its exec: its calls are counted by trying.
    counts.setdefault(CHILD, 110)
    return counts


def play(rig, stories):
    """Submits a job for each story and sees all of them through."""
    jobs = [(rig.submit(STORIES[story][0]), STORIES[story][1]) for story in stories]
    for job, is_cancelled in jobs:
        if is_cancelled:
            # In any state: a wish before the start counts, too. But let most of them begin.
            rig.wait("it has begun", lambda: rig.job(job)["state"] not in ("queued", "starting"))
            rig.cancel(job)
    rig.wait_until_over()
    return [job for job, _ in jobs]


def sweep(report, count=None, stories=STORIES, programs=ROOT, whom=tuple(NAMES), besides=()):
    """- count: so many points of each story instead of all.
    - besides: further rules for the injector.
    """
    with Rig(wrapped=["supervisor"], programs=programs) as rig:
        # Whose gate was shut by a kill is tried again; nobody else's start may fail.
        rig.start("worker")
        for story in stories:
            counts = count_calls(rig, story)
            report.say(f"{story}: " + ", ".join(f"{NAMES[who]} {calls} calls" for who, calls in counts.items()))
            points = [(who, at) for who, calls in counts.items() if who in whom for at in range(1, calls + 1)]
            points = report.sample(points, count)
            for start in range(0, len(points), BATCH):
                batch = points[start : start + BATCH]
                logs = [rig.plan_for("supervisor", *besides, f"rule {who} kill 0 {at} 1 all")[1] for who, at in batch]
                jobs = play(rig, [story] * len(batch))
                report.jobs += len(jobs)
                report.faults += sum("acted" in log.read_text() for log in logs)
                report.progress(f"{story}: {start + len(batch)} of {len(points)} points")
        begun = time.monotonic()
        rig.wait_for_mails()
        report.add(rig.check())
        report.say(f"checked {len(rig.submissions)} jobs in {time.monotonic() - begun:.1f} s")
    return report
