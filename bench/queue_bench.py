"""Benchmarks of the queue without its pages, each beside the reference of bench/reference in the same run.

    make bench-queue                                   everything
    python3 bench/queue_bench.py drain --jobs 1000     one or more of: disk calls drain latency adoption idle

Rounds are interleaved, and which of the two begins changes from round to round. Nothing here is a test.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

from lane import Lane, Programs, children, wait_until


def spread(values, digits=4):
    return f"{statistics.median(values):.{digits}g} [{min(values):.{digits}g}–{max(values):.{digits}g}]"


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def table(*rows):
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
    print(flush=True)


def in_turns(round_number, *sides):
    """The sides of a comparison, each first in turn."""
    turn = round_number % len(sides)
    return sides[turn:] + sides[:turn]


# The disk

def disk(programs, options):
    """What a durable step costs here and now, in milliseconds: most of a no-op job is such steps."""
    folder = programs.lanes / "disk"
    folder.mkdir()
    parent = os.open(folder, os.O_RDONLY)
    file = os.open(folder / "file", os.O_CREAT | os.O_RDWR)
    took = {"append 4 KiB, fdatasync": [], "new file of 4 KiB, fsync": [], "new folder, fsync of its parent": []}

    def timed(name, work):
        begin = time.perf_counter()
        work()
        took[name].append((time.perf_counter() - begin) * 1000)

    def append():
        os.write(file, b"x" * 4096)
        os.fdatasync(file)

    def make_file(number):
        fresh = os.open(folder / f"file-{number}", os.O_CREAT | os.O_RDWR)
        os.write(fresh, b"x" * 4096)
        os.fsync(fresh)
        os.close(fresh)

    def make_folder(number):
        os.mkdir(folder / f"folder-{number}")
        os.fsync(parent)

    for number in range(200):
        timed("append 4 KiB, fdatasync", append)
        timed("new file of 4 KiB, fsync", lambda: make_file(number))
        timed("new folder, fsync of its parent", lambda: make_folder(number))
    os.close(file)
    os.close(parent)
    print("The disk, in milliseconds (200 of each)")
    table(("", "p50", "p99"), *[(name, f"{statistics.median(times):.2f}", f"{percentile(times, 0.99):.2f}")
                                for name, times in took.items()])


# Jobs a second

def drain(programs, is_reference, script, jobs, at_once, mails=False):
    """Jobs a second from the first claim until nothing waits or runs, and CPU a job in milliseconds."""
    lane = Lane(programs, is_reference, at_once, mails)
    try:
        lane.backlog(script, jobs)
        lane.start()
        lane.wait_for(0, "queued", "starting", "running", "stopping")
        end = time.time()
        assert lane.count("succeeded") == jobs
        begin = lane.ask("SELECT min(claimed_at) FROM attempts")[0] / 1000
        return jobs / (end - begin), lane.stop() / jobs * 1000
    finally:
        lane.close()


def bare(programs, script, jobs, at_once):
    """The same of the script alone, started by posix_spawn."""
    lane = Lane(programs, True, 1)
    try:
        wall, cpu = map(float, subprocess.run(
            [programs.spawn, str(jobs), str(at_once), lane.folder / "scripts" / script],
            capture_output=True, text=True, check=True).stdout.split())
        return jobs / wall, cpu / jobs * 1000
    finally:
        lane.close()


def drains(programs, options):
    print(f"No-op jobs a second from a backlog of {options.jobs}; CPU is of worker, supervisors and scripts "
          f"(median [least–most] of {options.rounds} rounds)")
    rows = [("script", "at once", "ours/s", "reference/s", "ratio", "bare spawn/s", "CPU ms a job: ours", "reference", "bare")]
    for mails in [False, True] if options.mails else [False]:
        for script in options.scripts:
            for at_once in options.at_once:
                sides = {name: [] for name in ["ours", "reference", "bare"]}
                for number in range(options.rounds):
                    for side in in_turns(number, *sides):
                        sides[side].append(
                            bare(programs, script, options.jobs, at_once) if side == "bare"
                            else drain(programs, side == "reference", script, options.jobs, at_once, mails))
                rate = {side: [value[0] for value in values] for side, values in sides.items()}
                cpu = {side: [value[1] for value in values] for side, values in sides.items()}
                ratios = [ours / theirs for ours, theirs in zip(rate["ours"], rate["reference"])]
                rows.append((script + (" + mails" if mails else ""), at_once, spread(rate["ours"]), spread(rate["reference"]),
                             spread(ratios, 2), spread(rate["bare"]), *[spread(cpu[side], 3) for side in sides]))
                print(f"  done: {script}, {at_once} at once, mails {mails}", file=sys.stderr)
    table(*rows)


# Submission to first instruction

def first_instructions(lane, count):
    """Milliseconds from just before the INSERT to the script's own clock, the worker idle each time."""
    lane.start()
    wait_until("it listens", lambda: (lane.folder / "state/worker.sock").exists())
    times = []
    for _ in range(count):
        begin = time.time()
        number = lane.queue("first.sh", 1)
        lane.ring()
        wait_until("it is over", lambda: lane.count("succeeded") == number, 0.002)
        # And the worker has buried the supervisor and sleeps.
        wait_until("it is idle", lambda: not children(lane.worker.pid), 0.002)
        times.append((float(lane.log_of(number)) - begin) * 1000)
    lane.stop()
    return times


def through_the_page(count):
    """The same from just before the form is sent."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests/EndToEnd"))
    from site_under_test import Site
    from lane import SCRIPTS

    site = Site(scripts={"first.sh": SCRIPTS["first.sh"]}, settings={"max_running_jobs": 1})
    try:
        person = site.visitor("ada@example.org")
        times = []
        for _ in range(count):
            fields = person.form("first.sh")
            begin = time.time()
            answer = person.submit("first.sh", hidden=fields, allow_redirects=False)
            number = int(re.search(r"/jobs/(\d+)", answer.headers["Location"]).group(1))
            job = site.wait_for(number, "succeeded")
            log = site.state / f"state/attempts/{job['uid']}.{job['attempt']}/log"
            if not log.exists():
                log = next(site.state.rglob(f"{job['uid']}.{job['attempt']}/log"))
            times.append((float(log.read_text()) - begin) * 1000)
        return times
    finally:
        site.close()


def latency(programs, options):
    print(f"Milliseconds to a bash script's first instruction, worker idle ({options.rounds} rounds of {options.starts} starts)")
    sides = {"ours, from sending the form": [], "ours, from the INSERT": [], "reference, from the INSERT": [], "bare spawn": []}
    for number in range(options.rounds):
        for side in in_turns(number, *sides):
            if side == "ours, from sending the form":
                sides[side] += through_the_page(options.starts)
                continue
            lane = Lane(programs, side.startswith("reference"), 1)
            try:
                if side == "bare spawn":
                    sides[side] += map(float, subprocess.run(
                        [programs.spawn, str(options.starts), "first", lane.folder / "scripts/first.sh"],
                        capture_output=True, text=True, check=True).stdout.split())
                else:
                    sides[side] += first_instructions(lane, options.starts)
            finally:
                lane.close()
    beside = statistics.median(sides["reference, from the INSERT"])
    table(("", "p50", "p99", "least", "most", "p50 / reference's"), *[
        (side, *[f"{value:.3g}" for value in (statistics.median(times), percentile(times, 0.99), min(times), max(times))],
         f"{statistics.median(times) / beside:.2f}") for side, times in sides.items()])


# Idle

def usage(pid):
    """CPU seconds, and how often the process has slept."""
    nanoseconds = int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return nanoseconds / 1e9, int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M).group(1))


def used(pids, seconds):
    before = {pid: usage(pid) for pid in pids}
    time.sleep(seconds)
    after = {pid: usage(pid) for pid in pids}
    return [sum(after[pid][i] - before[pid][i] for pid in pids) for i in (0, 1)]


def supervisors_of(worker):
    guards = [int(pid) for pid in children(worker)]
    return guards + [int(pid) for guard in guards for pid in children(guard)]


def idle(programs, options):
    per = 60 / options.idle_seconds
    print(f"An idle queue, in a minute (measured for {options.idle_seconds} s, poll_interval 10 s)")
    rows = [("", "jobs asleep", "worker: CPU s", "wake-ups", "supervisors: CPU s", "wake-ups")]
    for jobs in [0, options.asleep]:
        for is_reference in [False, True]:
            # With a mailer, because mails that wait would wake the worker.
            lane = Lane(programs, is_reference, max(jobs, 1), mails=True)
            try:
                if jobs:
                    lane.backlog("sleep.sh", jobs)
                lane.start()
                lane.wait_for(jobs, "running")
                wait_until("all mails are sent", lambda: lane.ask("SELECT count(*) FROM mails WHERE state <> 'sent'")[0] == 0)
                # What follows a start is over when the worker has slept for a while.
                time.sleep(3)
                worker, supervisors = lane.worker.pid, supervisors_of(lane.worker.pid)
                assert len(supervisors) == 2 * jobs
                before = usage(worker)
                cpu, wakes = used(supervisors, options.idle_seconds)
                after = usage(worker)
                rows.append(("reference" if is_reference else "ours", jobs, f"{(after[0] - before[0]) * per:.5f}",
                             f"{(after[1] - before[1]) * per:.0f}", f"{cpu * per:.4f}", f"{wakes * per:.0f}"))
            finally:
                lane.close()
    table(*rows)


# Adoption

def adopt(programs, is_reference, jobs):
    """Milliseconds from starting a new worker until it has stored the end of the last of its predecessor's jobs, which
    ended while no worker ran: attempts are looked at in their order, so all have been by then. The others are undisturbed."""
    lane = Lane(programs, is_reference, jobs)
    try:
        lane.backlog("sleep.sh", jobs)
        lane.start()
        lane.wait_for(jobs, "running")
        lane.kill()
        scripts = dict(lane.mine.execute("SELECT job_id, script_pid FROM attempts").fetchall())
        uid = lane.ask("SELECT uid FROM jobs WHERE id = ?", jobs)[0]
        os.kill(scripts.pop(jobs), 9)
        record = lane.folder / f"state/attempts/{uid}.1/exit"
        wait_until("its end is recorded", lambda: record.read_bytes()[:1] != b"\0")
        begin = time.monotonic()
        lane.start()
        wait_until("it is stored", lambda: lane.count("failed") == 1, 0.001)
        took = (time.monotonic() - begin) * 1000
        assert lane.count("running") == jobs - 1
        assert all(os.path.exists(f"/proc/{pid}") for pid in scripts.values())
        wait_until("it watches the others", lambda: pidfds(lane.worker.pid) >= jobs - 1)
        watched = (time.monotonic() - begin) * 1000
        return took, watched
    finally:
        lane.close()


def pidfds(pid):
    folder = f"/proc/{pid}/fd"
    return sum(os.readlink(f"{folder}/{name}") == "anon_inode:[pidfd]" for name in os.listdir(folder)
               if os.path.islink(f"{folder}/{name}"))


def adoption(programs, options):
    print(f"Milliseconds until a new worker has taken over {options.live} live jobs ({options.rounds} rounds)")
    sides = {"ours": [], "reference": []}
    for number in range(options.rounds):
        for side in in_turns(number, *sides):
            sides[side].append(adopt(programs, side == "reference", options.live))
    ratio = statistics.median(value[0] for value in sides["ours"]) / statistics.median(value[0] for value in sides["reference"])
    table(("", "the last one's end stored", "all others watched", "ratio"),
          *[(side, spread([value[0] for value in values], 3), spread([value[1] for value in values], 3),
             f"{ratio:.2f}" if side == "ours" else "") for side, values in sides.items()])


# System calls

COUNTED = ["fsync", "fdatasync", "execve", "clone", "openat", "read", "write", "poll", "flock", "fcntl"]


def calls(programs, options):
    """Both make the same durable steps: system calls of all processes over a hundred jobs, counted by strace."""
    jobs = 100
    print(f"System calls a job, of worker, supervisors and scripts, over {jobs} jobs")
    rows = [("at once", "whose", *COUNTED, "COMMIT", "all")]
    for at_once in options.at_once:
        for is_reference in [False, True]:
            lane = Lane(programs, is_reference, at_once)
            try:
                lane.backlog("dash.sh", jobs)
                counts = lane.folder / "counts"
                lane.start("strace", "-f", "-qq", "-o", counts)
                lane.wait_for(jobs, "succeeded")
                tracer = lane.worker.pid
                wait_until("supervisors are gone", lambda: not any(children(pid) for pid in children(tracer)))
                os.kill(int(children(tracer)[0]), 15)
                lane.worker.wait()
                names = re.findall(r"^\d+ +(\w+)\(", counts.read_text(), re.M)
                wal = str(lane.database) + "-wal"
                tally = {name: names.count(name) / jobs for name in set(names)}
                for old, new in [("openat2", "openat"), ("clone3", "clone"), ("vfork", "clone"), ("pwrite64", "write"), ("pread64", "read")]:
                    tally[new] = tally.get(new, 0) + tally.get(old, 0)
                rows.append((at_once, "reference" if is_reference else "ours",
                             *[f"{tally.get(name, 0):.1f}" for name in COUNTED], commits(counts.read_text(), wal, jobs),
                             f"{len(names) / jobs:.0f}"))
            finally:
                lane.close()
    table(*rows)


def commits(trace, wal, jobs):
    """Every commit is one fdatasync of the WAL, by the process that has opened it."""
    worker, descriptor = re.search(rf'^(\d+) +openat[(].*{re.escape(wal)}".*\) = (\d+)', trace, re.M).groups()
    return f"{len(re.findall(rf'^{worker} +fdatasync[(]{descriptor}[^0-9]', trace, re.M)) / jobs:.1f}"


def main():
    parser = argparse.ArgumentParser()
    benchmarks = {"disk": disk, "calls": calls, "drain": drains, "latency": latency, "adoption": adoption, "idle": idle}
    parser.add_argument("benchmarks", nargs="*", help=", ".join(benchmarks) + "; none: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1000, help="backlog to drain")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--scripts", nargs="+", default=["dash.sh", "bash.sh"])
    parser.add_argument("--mails", action="store_true", help="drain also while the mailer sends (to files)")
    parser.add_argument("--starts", type=int, default=40, help="starts a round of latency")
    parser.add_argument("--asleep", type=int, default=50, help="jobs that sleep while the worker idles")
    parser.add_argument("--idle-seconds", type=int, default=60)
    parser.add_argument("--live", type=int, default=200, help="live jobs to adopt")
    parser.add_argument("--keep", action="store_true",
                        help="delete nothing: on ext4, what is measured in the next five minutes would be slower")
    options = parser.parse_args()
    programs = Programs(options.keep)
    try:
        for name in options.benchmarks or benchmarks:
            benchmarks[name](programs, options)
    finally:
        programs.close()


if __name__ == "__main__":
    main()
