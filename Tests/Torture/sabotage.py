"""The harness is tried out itself, on programs that are built to break a promise: it has to find them out.

They are built from a copy of the source in .build/sabotage, which is kept so that the next time is quick. The product has
no switch for any of this: a copy is patched, and when the text to be patched is not there, the phase fails.

For every day there are two that build nothing: one constant is changed in copies of the programs, and a system call is kept
from being made."""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile
from collections import Counter

import mounts
import power
import sweep_supervisor
from names import list_of
from report import Report
from rig import ROOT, Rig
from site_under_test import CHECKOUT

COPY = CHECKOUT / ".build/sabotage"
# Commits are not on the disk when they are acknowledged.
UNSYNCED = ("Sources/SQLite/Database.swift", "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL")
# The same in a built program: a text of the same length.
SAFE, UNSAFE = b"PRAGMA synchronous = FULL", b"PRAGMA synchronous=NORMAL"
# The script's process reads nothing at the gate, and finds that it may go: it does not wait for the ticket.
GATELESS = (
    "Sources/Supervision/Shim.swift", "read(gate.reading, &go, 1) }) == 1 else", "read(gate.reading, &go, 0) }) == 0 else")
# What killing shims without a gate leads to.
UNGATED = ["executed twice", "attempt executed twice", "unknown execution", "untrue attempt"]


class Trial(Report):
    """The report of a phase that is expected to find something: keeps it to itself."""

    def add(self, violations, where=""):
        self.violations += [f"{violation}{f' ({where})' if where else ''}" for violation in violations]

    def judge(self, report, expected):
        """Tells the real report what was found; nothing of what was expected is a violation."""
        report.faults += self.faults
        report.jobs += self.jobs
        kinds = Counter(violation.split(":")[0] for violation in self.violations)
        told = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())) or "nothing"
        report.remark(f"found in {self.faults} faults: {told}")
        for violation in self.violations[:3]:
            report.say(f"  {violation}")
        if not set(kinds) & set(expected):
            report.add([f"the harness does not notice it: expected {' or '.join(expected)}, found {told}"])
        return report


@contextlib.contextmanager
def built(report, patch, name, pages=(), programs=()):
    """The folder of a release in which the programs named are made of the patched source, and all others are the real ones.

    It lies where an ordinary user may read."""
    report.say(f"building {', '.join([*pages, *programs])} with {patch[2]!r}")
    source = COPY / name
    copy_source(source, patch)
    with tempfile.TemporaryDirectory(prefix="scriptrunner-sabotage-") as place:
        release = pathlib.Path(place)
        release.chmod(0o755)
        for folder in ["bin", "cgi-bin", "lib"]:
            shutil.copytree(ROOT / folder, release / folder)
        for folder, products in [("bin", programs), ("cgi-bin", pages)]:
            for product in products:
                build(source, product, release / folder / product)
        yield release


def build(source, product, target):
    """Puts a program made of the patched source in the place of the real one."""
    done = subprocess.run(
        ["nice", "swift", "build", "-c", "release", "--product", product], cwd=source, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{product} cannot be built:\n{done.stdout[-3000:]}")
    made = source / ".build/release" / product
    if made.read_bytes() == target.read_bytes():
        raise RuntimeError(f"{product} is the same as without the sabotage")
    shutil.copy(made, target)


def copy_source(target, patch):
    """All files of the checkout as they are now, with one text replaced. What has not changed is not touched."""
    path, old, new = patch
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    names = {name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()}
    if path not in names:
        raise RuntimeError(f"there is no {path} to be patched")
    for name in names:
        content = (CHECKOUT / name).read_bytes()
        if name == path:
            if content.count(old.encode()) != 1:
                raise RuntimeError(f"{path} has to contain {old!r} once, to be patched")
            content = content.replace(old.encode(), new.encode())
        file = target / name
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            shutil.copymode(CHECKOUT / name, file)
    for file in (target / "Sources").rglob("*"):
        if file.is_file() and str(file.relative_to(target)) not in names:
            file.unlink()


def unsynced(report, count=8):
    """Who answers before the job is on the disk loses it in a power cut."""
    refusal = mounts.why_not()
    if refusal:
        return report.skip(refusal)
    trial = Trial(report.phase, report.seed)
    with built(report, UNSYNCED, "unsynced", pages=["submit"], programs=["worker", "mailer"]) as programs:
        for kind in mounts.Disk.kinds():
            if not trial.violations:
                power.cuts(trial, count, kinds=[kind], programs=programs)
    return trial.judge(report, ["lost submission"])


def unsynced_copy(report, count=3):
    """The same with the real programs but for one constant."""
    refusal = mounts.why_not()
    if refusal:
        return report.skip(refusal)
    trial = Trial(report.phase, report.seed)
    with tempfile.TemporaryDirectory(prefix="scriptrunner-sabotage-") as place:
        release = pathlib.Path(place)
        release.chmod(0o755)
        for folder in ["bin", "cgi-bin", "lib"]:
            shutil.copytree(ROOT / folder, release / folder)
        programs = [release / "cgi-bin/submit", release / "bin/worker", release / "bin/mailer"]
        for program in programs:
            content = program.read_bytes()
            if content.count(SAFE) != 1:
                raise RuntimeError(f"{program.name} does not contain {SAFE!r} once")
            program.write_bytes(content.replace(SAFE, UNSAFE))
        power.cuts(trial, count, programs=release)
    return trial.judge(report, ["lost submission"])


def gateless(report, count=None, rounds=3):
    """A script that does not wait for its ticket runs in an attempt that is given back, and then a second time.

    - rounds: the script has to be quicker than its guard, which is not so each time: so often it is tried at most."""
    trial = Trial(report.phase, report.seed)
    with built(report, GATELESS, "gateless", programs=["supervisor"]) as programs:
        while rounds and not trial.violations:
            rounds -= 1
            kill_shims(trial, count, programs)
    return trial.judge(report, UNGATED)


def gateless_run(report, count=None, rounds=3):
    """The same with the real programs: the first read of the script's process is that of the gate. It is not made, and says
    that the gate is open."""
    rule = f"rule {sweep_supervisor.CHILD} return 1 1 1 {list_of('read')}"
    trial = Trial(report.phase, report.seed)
    while rounds and not trial.violations:
        rounds -= 1
        kill_shims(trial, count, ROOT, rule)
    return trial.judge(report, UNGATED)


def kill_shims(trial, count, programs, *besides):
    """SIGKILL at every system call of the shim. `besides` are further rules for the injector."""
    shim, story = sweep_supervisor.SHIM, "ends by itself"
    with Rig(programs=programs, wrapped=["supervisor"]) as rig:
        rig.start("worker")
        points = trial.sample(range(1, sweep_supervisor.count_calls(rig, story)[shim] + 1), count)
        for start in range(0, len(points), sweep_supervisor.BATCH):
            batch = points[start : start + sweep_supervisor.BATCH]
            logs = [rig.plan_for("supervisor", *besides, f"rule {shim} kill 0 {at} 1 all")[1] for at in batch]
            trial.jobs += len(sweep_supervisor.play(rig, [story] * len(batch)))
            trial.faults += sum("acted" in log.read_text() for log in logs)
            trial.progress(f"{start + len(batch)} of {len(points)} points")
        rig.wait_for_mails()
        trial.add(rig.check())
