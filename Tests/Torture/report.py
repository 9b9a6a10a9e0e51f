"""What a phase tells while it goes on, and at its end."""

import dataclasses
import random
import sys
import time


@dataclasses.dataclass
class Report:
    """Counts of one phase. Every phase gets one, adds to it, and says what it is doing."""

    phase: str
    seed: int
    faults: int = 0
    jobs: int = 0
    violations: list = dataclasses.field(default_factory=list)
    # Figures and other remarks for the table.
    remarks: list = dataclasses.field(default_factory=list)
    # It is only tried whether violations are found; nobody needs to be alarmed.
    is_quiet: bool = False
    # Why it was not run.
    skipped: str = ""
    began: float = dataclasses.field(default_factory=time.monotonic)
    took: float | None = None
    _told: float = 0

    def __post_init__(self):
        self.random = random.Random(f"{self.seed} {self.phase}")

    def say(self, text):
        print(f"[{self.phase}] {text}", flush=True)

    def progress(self, text, pause=5):
        """Tells how far it is, now and then."""
        if time.monotonic() - self._told >= pause:
            self._told = time.monotonic()
            self.say(f"{text}; {self.faults} faults, {self.jobs} jobs, {len(self.violations)} violations")

    def add(self, violations, where=""):
        for violation in violations:
            self.violations.append(f"{violation}{f' ({where})' if where else ''}")
            if not self.is_quiet:
                print(f"[{self.phase}] VIOLATION {self.violations[-1]}", file=sys.stderr, flush=True)

    def remark(self, text):
        self.remarks.append(text)
        self.say(text)

    def skip(self, reason):
        self.skipped = reason
        self.say(f"skipped: {reason}")
        return self

    def sample(self, points, count=None):
        """All points, or so many of them, chosen by the seed."""
        points = list(points)
        return points if count is None or count >= len(points) else sorted(self.random.sample(points, count))

    def stop(self):
        """It is over: from now on it says how long it took."""
        self.took = time.monotonic() - self.began

    @property
    def line(self):
        took = time.monotonic() - self.began if self.took is None else self.took
        verdict = f"skipped: {self.skipped}" if self.skipped else "; ".join(self.remarks)
        return f"{self.phase:<22} {self.faults:>7} {self.jobs:>7} {len(self.violations):>10} {took:>6.0f} s  {verdict}"

    HEAD = f"{'phase':<22} {'faults':>7} {'jobs':>7} {'violations':>10} {'time':>8}  figures"


def figure(name, values, unit="ms"):
    """Least, middle and greatest of what was measured."""
    values = sorted(values)
    if not values:
        return f"{name}: none"
    return f"{name}: min {values[0]:.0f}, median {values[len(values) // 2]:.0f}, max {values[-1]:.0f} {unit} ({len(values)} times)"
