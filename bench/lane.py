"""A queue without its pages: the database that `scriptrunner migrate` makes, and one worker, ours or the reference's.

Both get the same folders, settings and jobs. They run as an ordinary user, because a worker refuses to be root.
"""

import fcntl
import hashlib
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
USER = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
PERSON = pwd.getpwnam(USER)
LIMIT = 120  # seconds; there so that a broken build ends

NEEDS = "##~~ @syntax 2\n##~~ @needs cpus=1 mem=1M\n"
SCRIPTS = {
    "dash.sh": f"#!/bin/dash\n{NEEDS}:\nexit 0\n",
    "bash.sh": f"#!/bin/bash\n{NEEDS}:\nexit 0\n",
    "first.sh": f"#!/bin/bash\n{NEEDS}echo $EPOCHREALTIME\n",
    "sleep.sh": f"#!/bin/dash\n{NEEDS}exec sleep 3600\n",
}


def compile_reference(folder):
    """The programs of bench/reference, as fast as the compiler makes them."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = ROOT / "bench/reference"
    for name, files, options in [
        ("worker", ["worker.c", "store.c"], ["-lsqlite3", "-lsodium"]),
        ("supervisor", ["supervisor.c"], ["-static"]),
        ("spawn", ["spawn.c"], []),
    ]:
        subprocess.run(
            ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o", folder / name,
             *[sources / file for file in files], *options], check=True)
        (folder / name).chmod(0o755)


class Programs:
    """Copies of all programs where the ordinary user can reach them."""

    def __init__(self, keep=False):
        self.keep = keep
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scriptrunner-bench-"))
        self.folder.chmod(0o755)
        shutil.copytree(ROOT / "bin", self.folder / "ours/bin", ignore=shutil.ignore_patterns("*.md"))
        shutil.copytree(ROOT / "lib", self.folder / "ours/lib")
        # The worker starts the mailer beside it. Beside this one it finds one that has nothing to do.
        shutil.copytree(self.folder / "ours", self.folder / "mailless")
        (self.folder / "mailless/bin/mailer").unlink()
        shutil.copy("/bin/true", self.folder / "mailless/bin/mailer")
        compile_reference(self.folder / "reference")
        self.ours = self.folder / "ours/bin"
        self.reference = self.folder / "reference"
        self.spawn = self.folder / "reference/spawn"
        self.lanes = self.folder / "lanes"
        self.lanes.mkdir()

    def close(self):
        # Lanes go here and not one by one: ext4 does not give out again what was deleted in the last five minutes, and
        # searches ever longer for something else, so that each round would slow down the next.
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


class Lane:
    """One queue with its folders; `is_reference` says whose worker serves it, `mails` whether they are sent."""

    def __init__(self, programs, is_reference, at_once, mails=False, poll_interval=10):
        self.programs = programs
        self.is_reference = is_reference
        self.at_once = at_once
        self.poll_interval = poll_interval
        self.bin = programs.ours if mails else programs.folder / "mailless/bin"
        self.worker = None
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=programs.lanes))
        for name in ["etc", "db", "inbox/shared", "outbox", "scripts", "state", "mail"]:
            (self.folder / name).mkdir(parents=True)
        for name, text in SCRIPTS.items():
            path = self.folder / "scripts" / name
            path.write_text(text)
            path.chmod(0o755)
        self.settings = self.folder / "etc/ScriptRunner.conf"
        known = subprocess.run([programs.ours / "scriptrunner", "settings"], capture_output=True, text=True, check=True).stdout
        wanted = {"max_running_jobs": at_once, "poll_interval": poll_interval}
        # Admission by needs must not be what holds jobs back.
        for key, value in {"machine_cpus": 1000, "machine_memory": "1T", "default_cpus": 1, "default_memory": "1M"}.items():
            if f"\n#{key}=" in known or f"\n{key}=" in known:
                wanted[key] = value
        self.settings.write_text("".join(f"{key}={value}\n" for key, value in wanted.items()))
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{USER}:", self.folder], check=True)
        subprocess.run([programs.ours / "scriptrunner", "migrate"], **self.environment(), check=True, stdout=subprocess.DEVNULL)
        self.database = self.folder / "db/scriptrunner.sqlite"
        self.lock = open(f"{self.database}.lock", "rb")
        # Open from before the worker until after it: as root, whoever makes the files beside the database must not be in
        # a race with the worker, which for a moment could not open what is root's.
        self.mine = self.connect()

    def environment(self):
        options = {"env": {"SCRIPTRUNNER_CONF": str(self.settings), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}}
        if os.getuid() == 0:
            options |= {"user": USER, "group": PERSON.pw_gid, "extra_groups": []}
        return options

    def command(self):
        if not self.is_reference:
            return [self.bin / "worker"]
        folder = self.folder
        return [self.programs.reference / "worker", self.database, folder / "scripts", folder / "state", folder / "outbox",
                str(self.at_once), str(self.poll_interval), self.bin / "mailer"]

    def start(self, *before):
        """Starts the worker, below another program if one is given."""
        self.output = open(self.folder / "output", "ab")
        self.worker = subprocess.Popen([*before, *self.command()], **self.environment(), stderr=self.output)

    def stop(self):
        """Ends the worker and says how much CPU it, its supervisors and their scripts have used. Seconds."""
        # Whom it has not buried would not be counted.
        wait_until("supervisors are gone", lambda: not children(self.worker.pid))
        self.worker.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(self.worker.pid, 0)
        self.worker.returncode = os.waitstatus_to_exitcode(status)
        assert self.worker.returncode == 0, (self.folder / "output").read_text()[-2000:]
        self.output.close()
        return used.ru_utime + used.ru_stime

    def kill(self):
        self.worker.kill()
        self.worker.wait()
        self.worker = None
        self.output.close()

    def close(self):
        """Ends what still runs."""
        if self.worker and self.worker.poll() is None:
            self.kill()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until("all is gone", lambda: not self.processes())
        self.mine.close()
        self.lock.close()

    def processes(self):
        """Scripts and supervisors of this lane: by their working folder, or by the attempt's directory that they hold."""
        def belongs(link):
            try:
                return os.readlink(link).startswith(str(self.folder))
            except OSError:
                return False

        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        # Not this very program, which holds the lock file.
        return [pid for pid in pids if pid != os.getpid() and (belongs(f"/proc/{pid}/cwd") or belongs(f"/proc/{pid}/fd/3"))]

    # Jobs

    def connect(self):
        """For the benchmark itself, not for a worker."""
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("SELECT count(*) FROM jobs").fetchone()
        return connection

    def queue(self, script, count):
        """Queues jobs as the submit page does, in one transaction under the write lock."""
        content = SCRIPTS[script].encode()
        digest = hashlib.sha256(content).digest()
        at = int(time.time() * 1000)
        mine = self.mine
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        mine.execute("BEGIN IMMEDIATE")
        mine.execute("INSERT OR IGNORE INTO users (id, email, created_at) VALUES (1, 'ada@example.org', ?)", (at,))
        mine.execute("INSERT OR IGNORE INTO script_copies VALUES (?, ?, ?)", (digest, content, at))
        for _ in range(count):
            number = mine.execute(
                "INSERT INTO jobs (uid, nonce, user_id, script, script_hash, needs_cpus, needs_memory, queued_at) "
                "VALUES (?, ?, 1, ?, ?, 1, 1048576, ?)",
                (secrets.token_hex(16), secrets.token_bytes(16), script, digest, at)).lastrowid
            mine.execute(
                "INSERT INTO events (job_id, attempt, at, from_state, to_state, actor) "
                "VALUES (?, 0, ?, NULL, 'queued', 'submit')", (number, at))
        mine.execute("COMMIT")
        fcntl.flock(self.lock, fcntl.LOCK_UN)
        return number

    def backlog(self, script, count):
        """Queues jobs before the worker starts, with all of them in the database rather than in its log."""
        self.queue(script, count)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.mine.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        fcntl.flock(self.lock, fcntl.LOCK_UN)

    def ring(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"!", str(self.folder / "state/worker.sock"))

    def ask(self, question, *values):
        """The one row that answers."""
        return self.mine.execute(question, values).fetchall()[0]

    def count(self, *states):
        assert self.worker is None or self.worker.poll() is None, (self.folder / "output").read_text()[-2000:]
        marks = ", ".join(f"'{state}'" for state in states)
        return self.ask(f"SELECT count(*) FROM jobs WHERE state IN ({marks})")[0]

    def wait_for(self, count, *states):
        """Until so many jobs are in these states."""
        try:
            wait_until(f"{count} jobs are {states}", lambda: self.count(*states) == count)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{(self.folder / 'output').read_text()[-2000:]}") from None

    def log_of(self, number):
        """What a job has written."""
        uid, attempt = self.ask("SELECT uid, attempt FROM jobs WHERE id = ?", number)
        return (self.folder / f"state/attempts/{uid}.{attempt}/log").read_text()


def children(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def wait_until(what, condition, pause=0.005):
    end = time.monotonic() + LIMIT
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(pause)
    return value
