"""Readers that never pause, beside submissions: the database's log stays small."""

import threading
import time

from rig import Rig

# The promise. Bytes.
MOST = 64 << 20


def soak(report, count=60, readers=3, long_readers=1):
    """For so many seconds. Readers ask for pages without a pause, one of them for the whole database again and again."""
    random = report.random
    largest = 0
    answers = [0]
    with Rig(jobs=20) as rig:
        rig.revive("worker", "submit", "jobs")
        is_over = threading.Event()

        def read_pages():
            while not is_over.is_set():
                text = rig.ask("jobs", random.choice(["/jobs", "/jobs?requester=ada@example.org", "/jobs/1"]))
                answers[0] += text.startswith(b"Status: 200") or text.startswith(b"Content-Type")

        def read_all():
            while not is_over.is_set():
                # A second is what a reader may take.
                connection = rig.connect()
                connection.execute("BEGIN")
                end = time.monotonic() + 0.9
                while time.monotonic() < end:
                    connection.execute("SELECT count(*), max(detail) FROM events").fetchall()
                    time.sleep(0.05)
                connection.close()

        threads = [threading.Thread(target=read_pages) for _ in range(readers)] + [
            threading.Thread(target=read_all) for _ in range(long_readers)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + count
        wal = rig.database_path.with_name(rig.database_path.name + "-wal")
        while time.monotonic() < end:
            form = rig.draft(f"sleep {random.randrange(50)} exit {random.randrange(256)}")
            rig.send(form, how="fastcgi")
            largest = max(largest, wal.stat().st_size)
            if rig.unfinished() > 100:
                time.sleep(0.5)
            rig.revive("worker", "submit", "jobs")
            report.jobs += 1
            report.progress(f"the log is {largest / (1 << 20):.1f} MiB at most, {answers[0]} pages were read")
        is_over.set()
        for thread in threads:
            thread.join()
        rig.wait_until_over(120)
        rig.settle_mails()
        report.remark(f"WAL at most {largest / (1 << 20):.1f} MiB in {count} s, {answers[0]} pages read")
        if largest > MOST:
            report.add([f"the database's log grew to {largest} bytes"])
        if not answers[0]:
            report.add(["no page was read"])
        report.add(rig.check())
    return report
