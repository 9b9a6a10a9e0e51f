"""Benchmarks of a whole site, each beside a limit that is measured in the same run, because machines differ and are noisy.

    make bench

Prints the median of ROUNDS rounds, with the least and the most, and the ratio of the medians. Nothing here is a test.
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from site_under_test import Site  # noqa: E402

ROUNDS = 5
SECONDS = 3
CLIENTS = 8
# Scripts in the folder. No lab has as many.
MANY = 10_000
# A list of so many is gone through again when it is older than a second.
STALE = 1.05

SCRIPTS = {
    "true.sh": "#!/bin/sh\n##~~ Does nothing.\n##~~ text - any\nexit 0\n",
    "stamp.sh": "#!/bin/sh\n##~~ Tells when it began.\ndate +%s.%N > began\n",
}


def show(name, ours, unit, limit_name=None, limits=None):
    line = f"{name}: {statistics.median(ours):.4g} {unit} ({min(ours):.4g} to {max(ours):.4g}, {len(ours)} rounds)"
    print(line)
    if limits:
        median = statistics.median(limits)
        print(f"    beside {limit_name}: {median:.4g} {unit} ({min(limits):.4g} to {max(limits):.4g})")
        print(f"    ratio {statistics.median(ours) / median:.3f}")
    sys.stdout.flush()


def requests_a_second(url, cookie=""):
    output = subprocess.run(
        ["wrk", "-t2", f"-c{CLIENTS}", f"-d{SECONDS}s", "-H", f"Cookie: {cookie}", url],
        capture_output=True, text=True, check=True,
    ).stdout
    assert "Non-2xx" not in output, output
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def pages(site, person):
    """The list of fifty jobs, through session check, SQLite and nginx, beside a file of the same size sent by nginx."""
    for _ in range(50):
        person.queue("true.sh", {"text": "some text, as people type"})
    page = person.get("/jobs").content
    twin = ROOT / "htdocs" / "bench.html"
    twin.write_bytes(page)
    try:
        cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
        ours, limits = [], []
        for _ in range(ROUNDS):
            limits.append(requests_a_second(site.url + "/static/bench.html"))
            ours.append(requests_a_second(site.url + "/jobs", cookie))
    finally:
        twin.unlink()
    show(f"list of 50 jobs ({len(page)} bytes)", ours, "pages/s", "the same bytes as a file, sent by nginx", limits)


def submissions(site, person):
    """Durable submissions by clients at once, beside the bare rate of fdatasync on the same disk."""
    ours, limits = [], []
    body = b"x" * 4096
    cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    token = person.form("true.sh")["token"]
    for _ in range(ROUNDS):
        with open(site.state / "sync-probe", "wb") as file:
            end, count = time.monotonic() + SECONDS, 0
            while time.monotonic() < end:
                file.write(body)
                file.flush()
                os.fdatasync(file.fileno())
                count += 1
        limits.append(count / SECONDS)
        before = newest(site)
        output = subprocess.run(
            ["wrk", "-t2", f"-c{CLIENTS}", f"-d{SECONDS}s", "-s", ROOT / "bench/submit.lua", "-H", f"Cookie: {cookie}",
             f"{site.url}/submit/true.sh", "--", token, site.url],
            capture_output=True, text=True, check=True,
        ).stdout
        assert "Non-2xx" not in output, output
        # What counts is what is in the database, not what the client says.
        ours.append((newest(site) - before) / SECONDS)
    show(f"submissions by {CLIENTS} clients, while jobs run", ours, "/s", "fdatasync of 4 KiB, one by one", limits)


def newest(site):
    return site.query("SELECT max(id) AS id FROM jobs")[0]["id"] or 0


def latency(site, person):
    """From a submission that was answered to the script's first instruction, beside starting a process at all."""
    ours, limits = [], []
    for _ in range(20):
        begin = time.time()
        subprocess.run(["/bin/sh", "-c", "date +%s.%N"], capture_output=True, check=True)
        limits.append((time.time() - begin) * 1000)
        fields = person.form("stamp.sh")
        begin = time.time()
        answer = person.submit("stamp.sh", hidden=fields, allow_redirects=False)
        number = int(re.search(r"/jobs/(\d+)", answer.headers["Location"]).group(1))
        site.wait_for(number, "succeeded")
        ours.append((float((site.outbox(number) / "began").read_text()) - begin) * 1000)
    show("from sending the form to the script's first line", ours, "ms", "sh and date started by hand", limits)


def memory(site):
    """What is resident when nothing happens: proportional set sizes of all of our programs, beside nginx's own."""
    def pss(pids):
        total = 0
        for pid in pids:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                total += int(next(line for line in rollup if line.startswith("Pss:")).split()[1])
        return total / 1024

    names = ["home", "login", "signup", "account", "submit", "jobs", "files", "worker", "scriptrunner"]
    ours = [pss(pid for name in names for pid in site.pids_of(name))]
    limits = [pss(site.pids_of("nginx"))]
    show("memory of seven pages, worker and launcher", ours, "MiB", "nginx", limits)


def how_many(page):
    """The scripts that the page knows of."""
    return int(re.search(r"of (\d+) scripts are shown", page)[1])


def choice():
    """The list of very many scripts, beside the same page from a program that has just been started and reads all of them."""
    scripts = {
        f"script-{number:05}.sh": f"#!/bin/sh\n##~~ @syntax 2\n##~~ @title Number {number}\n##~~ @about Does this and that.\n"
        "##~~ input [file .csv] - a table\n##~~ k [int 1..99 = 31] - a number\nexit 0\n"
        for number in range(MANY)
    }
    site = Site(scripts=scripts)
    try:
        person = site.visitor("ada@example.org")
        cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
        environment = {
            "SCRIPTRUNNER_CONF": str(site.state / "etc/ScriptRunner.conf"), "GATEWAY_INTERFACE": "CGI/1.1",
            "REQUEST_METHOD": "GET", "REQUEST_URI": "/submit", "HTTP_COOKIE": cookie, "HTTP_HOST": f"localhost:{site.port}",
            "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
        }
        user = {"user": site.run_as} if os.getuid() == 0 else {}
        anew, ours, limits = [], [], []
        person.get("/submit")
        for _ in range(20):
            time.sleep(STALE)
            for times in [anew, ours]:
                begin = time.perf_counter()
                page = person.get("/submit")
                times.append((time.perf_counter() - begin) * 1000)
            begin = time.perf_counter()
            answer = subprocess.run(
                [site.root / "cgi-bin/submit"], env=environment, capture_output=True, check=True, cwd="/", **user).stdout
            limits.append((time.perf_counter() - begin) * 1000)
            # The site has some of its own besides.
            assert how_many(answer.decode()) == how_many(page.text) >= MANY
        for what, times in [("gone through again", anew), ("right after that", ours)]:
            show(f"choice among {MANY} scripts, {what}", times, "ms", "a program that has to read all of them", limits)
    finally:
        site.close()


def main():
    choice()
    site = Site(scripts=SCRIPTS, settings={"machine_cpus": 4, "default_cpus": 1})
    try:
        person = site.visitor("ada@example.org")
        memory(site)
        latency(site, person)
        pages(site, person)
        submissions(site, person)
    finally:
        site.close()


if __name__ == "__main__":
    main()
