"""Runs the phases one after another, or some of them, and prints a table at the end.

    run.py [--seed N] [--scale X] [--at-once N] [PHASE ...]

Each phase has a process of its own, so that none leaves mounts or children to the next. --scale multiplies the counts; a
sweep of system calls takes all of them at 1. Phases wait more than they work, so one more runs at once than there are
processors, unless --at-once says otherwise.
"""

import argparse
import importlib
import os
import pickle
import random
import select
import sys
import time
import traceback

from report import Report

# name, module, function, how many faults. None: all that there are.
PHASES = [
    ("supervisor calls", "sweep_supervisor", "sweep", None),
    ("worker calls", "sweep_programs", "worker", None),
    ("page calls", "sweep_programs", "pages", None),
    ("mailer calls", "sweep_programs", "mailer", None),
    ("cleaner calls", "sweep_programs", "cleaner", None),
    ("random kills", "storm", "single", 2000),
    ("chains of jobs", "storm", "chains", 500),
    ("both halves", "storm", "both", 500),
    ("restored database", "storm", "restored", 20),
    ("adoption", "workers", "adoption", 10),
    ("rival workers", "workers", "rivals", 20),
    ("sleeping workers", "workers", "asleep", None),
    ("dozing workers", "workers", "doze", None),
    ("page disk errors", "disk", "page", None),
    ("worker disk errors", "disk", "worker", None),
    ("supervisor disk errors", "disk", "supervisor", None),
    ("full disk", "disk", "full", 10),
    ("power cuts", "power", "cuts", 200),
    ("reused numbers", "strangers", "reuse", 100),
    ("hostile trees", "strangers", "tree", 50),
    ("soak, seconds", "soak", "soak", 900),
    # On builds that break a promise: the harness has to notice.
    ("unsynced build", "sabotage", "unsynced", 8),
    ("gateless build", "sabotage", "gateless", None),
    ("unsynced copy", "sabotage", "unsynced_copy", 6),
    ("gateless run", "sabotage", "gateless_run", None),
]
# Points of a sweep that stand for all of them where `count` is None and the scale is less than 1.
_MANY = 500


def count_of(full, scale):
    if full is None and scale >= 1:
        return None
    return max(1, round((full or _MANY) * scale))


class Started:
    """A phase in a process of its own."""

    def __init__(self, name, seed, count):
        self.name, self.seed = name, seed
        module, function = next((module, function) for phase, module, function, _ in PHASES if phase == name)
        self.reading, writing = os.pipe()
        sys.stdout.flush()
        self.child = os.fork()
        if self.child == 0:
            os.close(self.reading)
            report = Report(name, seed)
            try:
                importlib.import_module("rig").adopt_orphans()
                getattr(importlib.import_module(module), function)(report, count=count)
            except BaseException:  # noqa: BLE001 - whatever it was, it belongs into the report
                traceback.print_exc()
                report.add([f"the phase broke off: {traceback.format_exc().splitlines()[-1]}"])
            report.stop()
            report.random = None
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(report, pipe)
            sys.stdout.flush()
            os._exit(0)
        os.close(writing)

    def fileno(self):
        """Can be read when the phase is over."""
        return self.reading

    def report(self):
        """Waits until it is over."""
        with os.fdopen(self.reading, "rb") as pipe:
            data = pipe.read()
        os.waitpid(self.child, 0)
        if data:
            return pickle.loads(data)
        report = Report(self.name, self.seed)
        report.add(["the phase died without a word"])
        return report


def run(name, seed, count):
    """Runs a phase; returns its report."""
    return Started(name, seed, count).report()


def run_all(names, seed, scale, at_once):
    """The reports of all these phases, in the order of PHASES; so many run at a time."""
    waiting = [(name, full) for name, _, _, full in PHASES if name in names]
    running, reports = [], {}
    while waiting or running:
        while waiting and len(running) < at_once:
            name, full = waiting.pop(0)
            running.append(Started(name, seed, count_of(full, scale)))
        for phase in select.select(running, [], [])[0]:
            running.remove(phase)
            reports[phase.name] = phase.report()
    return [reports[name] for name, *_ in PHASES if name in reports]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--at-once", type=int, default=len(os.sched_getaffinity(0)) + 1)
    options.add_argument("phases", nargs="*", metavar="PHASE")
    given = options.parse_args()
    names = [phase[0] for phase in PHASES]
    unknown = [name for name in given.phases if name not in names]
    if unknown:
        options.error(f"no phase is called {', '.join(unknown)}; there are: {', '.join(names)}")
    print(f"seed {given.seed}, scale {given.scale:g}; repeat it with --seed {given.seed}", flush=True)
    began = time.monotonic()
    reports = run_all(given.phases or names, given.seed, given.scale, max(1, given.at_once))
    print("\n" + Report.HEAD)
    for report in reports:
        print(report.line)
    violations = [f"{report.phase}: {violation}" for report in reports for violation in report.violations]
    print(f"\n{sum(report.faults for report in reports)} faults, {sum(report.jobs for report in reports)} jobs, "
          f"{len(violations)} violations in {(time.monotonic() - began) / 60:.0f} minutes")
    for violation in violations:
        print(violation)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
