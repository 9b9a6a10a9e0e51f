"""A sample of what `make torture` does in full: every phase with a few faults, chosen by a seed that is printed."""

import os
import random

import pytest
from run import PHASES, run

SEED = int(os.environ.get("TORTURE_SEED") or random.randrange(1 << 32))
# Faults of each phase. The more a scenario takes, the fewer there are.
SAMPLE = {
    "supervisor calls": 24, "worker calls": 16, "page calls": 12, "mailer calls": 6, "cleaner calls": 6, "random kills": 60,
    "chains of jobs": 30,
    "both halves": 20, "restored database": 1, "adoption": 2, "rival workers": 1, "sleeping workers": 6,
    "dozing workers": 8, "page disk errors": 6,
    "worker disk errors": 2, "supervisor disk errors": 3, "full disk": 1, "power cuts": 4, "reused numbers": 4,
    "hostile trees": 3, "soak, seconds": 8, "unsynced copy": 3,
    # All calls of the shim: few of them matter.
    "gateless run": 1000,
}


@pytest.mark.parametrize("phase", [name for name, *_ in PHASES if name in SAMPLE])
def test_the_queue_tells_the_truth(phase):
    print(f"seed {SEED}: TORTURE_SEED={SEED} repeats it")
    report = run(phase, SEED, SAMPLE[phase])
    if report.skipped:
        pytest.skip(report.skipped)
    # Readers are no faults.
    assert report.jobs if phase == "soak, seconds" else report.faults, "nothing was done"
    assert report.violations == []
