"""A site without a web server, whose programs are started and started again as an admin's init does it.

Forms are sent to the real submit page as CGI or FastCGI. What scripts write down lies in a folder of its own.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))

from checker import OVER, Checker, Database, Faults, Submission, read_history  # noqa: E402
from fastcgi import STDIN, answer, begin, body, record  # noqa: E402
from site_under_test import LIMIT, ROOT, wait_until  # noqa: E402,F401

IS_ROOT = os.getuid() == 0
# Whom the programs run as: an ordinary user.
USER, GROUP = (65534, 65534) if IS_ROOT else (os.getuid(), os.getgid())
AS_USER = {"user": USER, "group": GROUP, "extra_groups": []} if IS_ROOT else {}
PR_SET_CHILD_SUBREAPER = 36
HOST = "localhost:8080"


def adopt_orphans():
    """Makes this process the parent of all that lose theirs, as init is, so that they can be found and buried."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury(kept=()):
    """Waits for the orphans that have ended; our own processes are left to those who started them."""
    for pid in children(os.getpid()):
        if pid not in kept:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants(pid):
    found = children(pid)
    for one in found:
        found += children(one)
    return found


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def state_of(pid):
    """R, S, T, Z, ...; None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def is_alive(pid):
    return state_of(pid) not in (None, "Z", "X")


_native = None


def native(name):
    """A built helper: chronicle or injector."""
    global _native
    if _native is None:
        _native = tempfile.TemporaryDirectory(prefix="scriptrunner-native-")
        os.chmod(_native.name, 0o755)
    path = pathlib.Path(_native.name) / name
    if not path.exists():
        compiler = shutil.which("clang") or "cc"
        subprocess.run([compiler, "-O1", "-Wall", "-Werror", "-o", path, HERE / f"{name}.c"], check=True)
    return path


def known_settings():
    text = subprocess.run([ROOT / "bin/scriptrunner", "settings"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^#?([a-z_]+)=", text, re.M))


class Rig:
    """The folder of a site, its programs, and all that was submitted to it.

    - place: where the site's folder is made; another file system, for power cuts.
    - programs: the folder with bin/, cgi-bin/ and lib/.
    - wrapped: programs of bin/ that are replaced by the injector, for which plans are laid down by `plan_for`.
    - jobs: how many may run at once.
    """

    def __init__(self, place=None, programs=ROOT, wrapped=(), jobs=20, **settings):
        self.elsewhere = pathlib.Path(tempfile.mkdtemp(prefix="scriptrunner-history-"))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scriptrunner-rig-", dir=place))
        self.history = self.elsewhere / "history"
        (self.elsewhere / "history.go").mkdir()
        for folder in [self.elsewhere, self.folder]:
            folder.chmod(0o755)
        self.programs = self._wrap(pathlib.Path(programs), wrapped)
        self.faults = Faults()
        self.submissions = []
        self.processes = {}
        self.log = self.elsewhere / "log"
        self.trouble = []
        self.now = 0
        self._lay_out(jobs, settings)
        self.hand_over(self.elsewhere)
        self.hand_over(self.folder)
        self.cookie = secrets.token_bytes(32).hex()
        self.user = None
        self._sockets = {}

    def hand_over(self, folder):
        if IS_ROOT:
            subprocess.run(["chown", "-R", f"{USER}:{GROUP}", folder], check=True)

    def _wrap(self, programs, wrapped):
        """A copy of the programs in which some can be injected into."""
        if not wrapped:
            return programs
        copy = self.elsewhere / "programs"
        (copy / "bin").mkdir(parents=True)
        for part in ["cgi-bin", "lib"]:
            (copy / part).symlink_to(programs / part)
        for program in (programs / "bin").iterdir():
            if program.name in wrapped:
                shutil.copy(native("injector"), copy / "bin" / program.name)
                for suffix in ["plans", "taken", "logs"]:
                    (copy / "bin" / f"{program.name}.{suffix}").mkdir()
                shutil.copy(program, copy / "bin" / f"{program.name}.real")
            else:
                shutil.copy(program, copy / "bin" / program.name)
        return copy

    def _lay_out(self, jobs, settings):
        for name in ["etc", "db", "inbox/shared", "outbox", "state", "scripts", "mail"]:
            (self.folder / name).mkdir(parents=True)
        self.conf = self.folder / "etc/ScriptRunner.conf"
        known = known_settings()
        wanted = {
            "base_url": f"http://{HOST}", "max_running_jobs": jobs, "kill_grace": 1, "poll_interval": 1,
            "machine_cpus": 1000, "machine_memory": "1T", "default_cpus": 1, "default_memory": "1M", "min_free_bytes": 0,
            "retry_pause": "1s", **settings,
        }
        self.conf.write_text("".join(f"{key}={value}\n" for key, value in wanted.items() if key in known))
        self.write_script("job.sh")
        self.write_script("again.sh", "##~~ @idempotent\n")

    def write_script(self, name, annotations=""):
        """A script for many at once: it says what it needs, as far as this release understands it."""
        path = self.folder / "scripts" / name
        path.write_text(
            f"#!{native('chronicle')} {self.history}\n##~~ @needs cpus=1 mem=1M\n{annotations}"
            "##~~ tag - which submission this is\n##~~ plan - what to do\n")
        path.chmod(0o755)

    @property
    def database_path(self):
        return self.folder / "db/scriptrunner.sqlite"

    # Programs

    @property
    def environment(self):
        return {"SCRIPTRUNNER_CONF": str(self.conf), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def program(self, name):
        folder = "bin" if name in ("worker", "mailer", "cleaner", "scriptrunner") else "cgi-bin"
        return self.programs / folder / name

    def command(self, name, plan=None):
        return [native("injector"), plan, self.program(name)] if plan else [self.program(name)]

    def run(self, name, *words, plan=None, check=False, timeout=LIMIT):
        """Runs a program to its end."""
        self.bury()
        with open(self.log, "ab") as log:
            return subprocess.run(
                [*self.command(name, plan), *words], env=self.environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, check=check, timeout=timeout, **AS_USER)

    def start(self, name, plan=None, who=None, conf=None):
        """Starts a program as init does; pages with their socket."""
        environment = {**self.environment, **({"SCRIPTRUNNER_CONF": str(conf)} if conf else {})}
        with open(self.log, "ab") as log:
            self.processes[who or name] = subprocess.Popen(
                self.command(name, plan), env=environment, cwd="/", stdout=log, stderr=log,
                stdin=self.socket(name) if name in ("submit", "jobs") else subprocess.DEVNULL, **AS_USER)
        return self.processes[who or name]

    def socket(self, name):
        """The socket of a page, as systemd keeps it: it outlives the page."""
        if name not in self._sockets:
            listening = socket.socket(socket.AF_UNIX)
            path = self.elsewhere / f"{name}.sock"
            path.unlink(missing_ok=True)
            listening.bind(str(path))
            listening.listen(100)
            self._sockets[name] = listening
        return self._sockets[name]

    def hang_up(self):
        """Closes the sockets of the pages: who waits for an answer gets none."""
        for listening in self._sockets.values():
            listening.close()
        self._sockets.clear()

    def bury(self):
        bury([process.pid for process in self.processes.values()])

    def revive(self, *names):
        """Starts again what has died of those; buries orphans."""
        self.bury()
        for name in names or list(self.processes):
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                self.start(name)

    def stop(self, name="worker"):
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(LIMIT)
        return process.returncode

    def wait(self, what, condition, limit=LIMIT, reviving=("worker",)):
        """Waits, and starts meanwhile what has died."""

        def look():
            self.revive(*reviving)
            return condition()

        return wait_until(what, look, limit)

    def migrate(self):
        self.run("scriptrunner", "migrate", check=True)

    def begin(self):
        """Makes the database and an account, all by the real programs."""
        self.migrate()
        self.sign_up()
        return self

    # Forms

    def sign_up(self):
        """One account, one session."""
        guest = secrets.token_bytes(32)
        fields = {"token": form_token(guest), "login": "ada@example.org", "password": "correct horse battery staple"}
        text = self.cgi("signup", "/signup", urllib.parse.urlencode(fields), "application/x-www-form-urlencoded",
                        f"scriptrunner_guest={guest.hex()}")
        match = re.search(rb"scriptrunner_session=([0-9a-f]{64})", text)
        assert match, text
        self.cookie = match.group(1).decode()

    def cgi_variables(self, path, content, content_type, cookie):
        return {
            "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST", "REQUEST_URI": path, "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(content)), "HTTP_COOKIE": cookie, "HTTP_HOST": HOST,
            "HTTP_SEC_FETCH_SITE": "same-origin", "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
        }

    def cgi(self, program, path, content, content_type, cookie=None, plan=None):
        """A page's answer, as CGI; b"" when it died."""
        self.bury()
        cookie = cookie or f"scriptrunner_session={self.cookie}"
        environment = {**self.environment, **self.cgi_variables(path, content, content_type, cookie)}
        with open(self.log, "ab") as log:
            return subprocess.run(
                self.command(program, plan), env=environment, cwd="/", input=content.encode(), stdout=subprocess.PIPE,
                stderr=log, timeout=LIMIT, check=False, **AS_USER).stdout

    def ask(self, program, path):
        """The page at this address."""
        return self.fastcgi(program, path, "", "", REQUEST_METHOD="GET")

    def fastcgi(self, program, path, content, content_type, **others):
        """A page's answer, from the one that is running; b"" when it died over it."""
        variables = self.cgi_variables(path, content, content_type, f"scriptrunner_session={self.cookie}")
        variables.update(others)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(LIMIT / 4)
            try:
                connection.connect(str(self.elsewhere / f"{program}.sock"))
                connection.sendall(begin(**variables) + body(content.encode()) + record(STDIN))
                return answer(connection)
            except OSError:
                return b""

    def fill_in(self, submission, script):
        fields = {
            "token": form_token(bytes.fromhex(self.cookie)), "nonce": submission.tag, "param_tag": submission.tag,
            "param_plan": submission.plan,
        }
        fields = [*fields.items(), *(("after", job) for job in submission.after)]
        parts = [f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
        return f"/submit/{script}", "".join(parts) + "--B--\r\n", "multipart/form-data; boundary=B"

    def draft(self, plan, script="job.sh", after=()):
        """A form that is about to be sent."""
        submission = Submission(
            tag=secrets.token_bytes(16).hex(), plan=plan, is_idempotent=script == "again.sh", after=tuple(after))
        self.submissions.append(submission)
        return submission

    def send(self, submission, script="job.sh", how="cgi", plan=None):
        """Sends the form and notes whether it was acknowledged. Returns the status of the answer, or None."""
        form = self.fill_in(submission, script)
        text = self.cgi("submit", *form, plan=plan) if how == "cgi" else self.fastcgi("submit", *form)
        match = re.match(rb"Status: (\d+)", text)
        # An answer that broke off is none.
        if not match or b"\r\n\r\n" not in text:
            return None
        if match.group(1) == b"303":
            job = int(re.search(rb"Location: \S*/jobs/(\d+)", text).group(1))
            if submission.job not in (None, job):
                self.trouble.append(f"the form {submission.tag} was answered by job {submission.job} and then by {job}")
            submission.job = job
        return int(match.group(1))

    def submit(self, plan, script="job.sh", how="cgi"):
        submission = self.draft(plan, script)
        status = self.send(submission, script, how)
        assert status == 303, f"{status}; {self.tail()}"
        return submission

    def cancel(self, submission):
        """Asks for the end of a job, by the jobs page."""
        text = self.cancel_by(submission)
        assert text.startswith(b"Status: 303"), text

    def cancel_by(self, submission, plan=None):
        """The jobs page's answer to a cancellation."""
        self.faults.wished.add(submission.tag)
        token = urllib.parse.urlencode({"token": form_token(bytes.fromhex(self.cookie))})
        return self.cgi("jobs", f"/jobs/{submission.job}/cancel", token, "application/x-www-form-urlencoded", plan=plan)

    def tidy(self):
        """Has the database's log begin anew: who opens it first reads all of it, and makes a call for each page. The file
        stays, because the connection is never closed."""
        program = "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); " \
            "c.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall(); os._exit(0)"
        subprocess.run([sys.executable, "-c", program, self.database_path], cwd="/", check=True, **AS_USER)

    def let_go(self, submission=None):
        """Scripts that `wait` go on."""
        (self.elsewhere / "history.go" / (submission.tag if submission else "all")).touch()

    # What the database says

    def connect(self):
        """Reads only."""
        path = urllib.parse.quote(str(self.database_path))
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)
        connection.row_factory = sqlite3.Row
        return connection

    def query(self, sql, *values):
        connection = self.connect()
        try:
            return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()

    def states(self):
        return {row["id"]: row["state"] for row in self.query("SELECT id, state FROM jobs")}

    def job(self, submission):
        rows = self.query("SELECT * FROM jobs WHERE nonce = ?", bytes.fromhex(submission.tag))
        return rows[0] if rows else None

    def count(self, *states):
        marks = ",".join("?" * len(states))
        return self.query(f"SELECT count(*) AS count FROM jobs WHERE state IN ({marks})", *states)[0]["count"]

    def unfinished(self):
        return self.count("queued", "starting", "running", "stopping")

    def unsent(self):
        return self.query("SELECT count(*) AS count FROM mails WHERE state = 'queued'")[0]["count"]

    def wait_for(self, submission, *states, limit=LIMIT, reviving=("worker",)):
        return self.wait(
            f"{submission.plan!r} (job {submission.job}) is {states}", lambda: (job := self.job(submission))
            and job["state"] in states and job, limit, reviving)

    def wait_until_over(self, limit=LIMIT, reviving=("worker",)):
        try:
            self.wait("all jobs are over", lambda: not self.unfinished(), limit, reviving)
        except AssertionError:
            pass  # the checker tells which

    def hurry_mails(self):
        """Mails of a mailer that was killed wait for their next try; nobody wants to wait for that long here."""
        self.edit("UPDATE mails SET due_at = 0 WHERE state = 'queued' AND due_at > 0")

    def wait_for_mails(self):
        """The worker has all mails sent by itself. Longer than it waits after a mailer that failed."""
        self.wait("mails are sent", lambda: not self.unsent(), 2 * LIMIT)

    def settle_mails(self):
        """Has all mails sent where mailers were hurt, or may have been: a worker waits for a minute after one that failed."""

        def are_sent():
            if self.unsent():
                self.hurry_mails()
                self.run("mailer")
            return not self.unsent()

        self.wait("mails are sent", are_sent)

    def edit(self, sql, *values):
        """Changes the database as our programs do it: under the write lock, and without a checkpoint."""
        with open(f"{self.database_path}.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            connection = sqlite3.connect(self.database_path, timeout=30)
            try:
                connection.execute("PRAGMA wal_autocheckpoint = 0")
                connection.execute(sql, values)
                connection.commit()
            finally:
                connection.close()

    # What lives

    def supervisors(self):
        """Guard and shim of each attempt: {attempt's name: [guard, shim]}, as far as they live."""
        found = {}
        attempts = str(self.folder / "state/attempts") + "/"
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if "/bin/supervisor" not in os.readlink(f"/proc/{entry}/exe"):
                    continue
                place = os.readlink(f"/proc/{entry}/fd/3")
            except OSError:
                continue
            if place.startswith(attempts):
                found.setdefault(place[len(attempts):], []).append(int(entry))
        return {name: self._in_order(pids) for name, pids in found.items()}

    @staticmethod
    def _in_order(pids):
        """The guard is the shim's parent."""
        return sorted(pids, key=lambda pid: any(pid in children(other) for other in pids))

    def processes_of(self, submission):
        """All that the job's script has started, itself too."""
        return self._marked(self.job(submission)["uid"])

    def survivors(self):
        """Processes of jobs that are over: (number, job)."""
        over = {row["uid"]: row["id"] for row in self.query("SELECT id, uid, state FROM jobs") if row["state"] in OVER}
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or not is_alive(entry):
                continue
            uids = set()
            with contextlib.suppress(OSError):
                words = pathlib.Path(f"/proc/{entry}/environ").read_bytes()
                uids.update(mark.decode() for mark in re.findall(rb"(?:^|\0)SR_RUN=([0-9a-f]{32})\.", words))
            with contextlib.suppress(OSError):
                uids.update(re.findall(r"/attempts/([0-9a-f]{32})\.\d+$", os.readlink(f"/proc/{entry}/fd/3")))
            found += [(int(entry), over[uid]) for uid in uids if uid in over]
        return found

    # The verdict

    def finish(self, report, where="", limit=LIMIT, were_mailers_hurt=False):
        """Everything comes to its end, and is checked."""
        self.wait_until_over(limit)
        if were_mailers_hurt:
            self.settle_mails()
        else:
            self.wait_for_mails()
        report.jobs += len(self.submissions)
        report.add(self.check(), where)

    def check(self, limit=LIMIT):
        """All that is wrong, once all is over and the last processes have had the time to go."""
        survivors = []
        end = time.monotonic() + min(limit, 10)
        while (survivors := self.survivors()) and time.monotonic() < end:
            self.revive(*[name for name in self.processes])
            time.sleep(0.05)
        lines, garbage = read_history(self.history)
        database = Database(self.database_path)
        checker = Checker(database, lines, self.submissions, self.faults, survivors, garbage)
        return [str(violation) for violation in checker.check()] + self.missing_outputs(database, lines) + self.trouble

    def missing_outputs(self, database, lines):
        """What a script that came to its end in this boot has left in its folder, and is not there."""
        ended = {(line.tag, line.attempt) for line in lines if line.what == "end"
                 and line.boot not in self.faults.ended_boots}
        return [
            f"output lost: job {job['id']}: {job['uid']}/output" for job in database.jobs
            if (job["nonce"].hex(), job["attempt"]) in ended
            and not (self.folder / "outbox" / job["uid"] / "output").exists()]

    def tail(self):
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    # Plans

    def write_plan(self, *rules, name=None, folder=None, trace=False, until=None):
        """A plan for the injector; returns its file and its log's."""
        name = name or secrets.token_hex(4)
        folder = pathlib.Path(folder or self.elsewhere)
        log = self.elsewhere / f"injected-{name}"
        log.touch()
        log.chmod(0o666)
        lines = [f"log {log}", *(["trace"] if trace else []), *([f"until {until}"] if until else []), *rules]
        # It appears whole.
        draft = self.elsewhere / f".{name}"
        draft.write_text("\n".join(lines) + "\n")
        draft.rename(folder / name)
        return folder / name, log

    def plan_for(self, program, *rules, **options):
        """A plan for the next start of a wrapped program by the worker."""
        return self.write_plan(*rules, folder=self.programs / "bin" / f"{program}.plans", **options)

    def close(self):
        """Ends all that came of this."""
        for process in self.processes.values():
            if process.poll() is None:
                kill(process.pid, signal.SIGCONT)
                process.kill()
                process.wait()
        for pids in self.supervisors().values():
            for pid in pids:
                kill(pid)
        for pid in self._marked():
            kill(pid)
        bury()
        self.hang_up()
        for folder in [self.folder, self.elsewhere]:
            shutil.rmtree(folder, ignore_errors=True)

    def _marked(self, uid=""):
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and f"HOME={self.folder}/outbox/{uid}".encode() in pathlib.Path(
                        f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
        return found

    def __enter__(self):
        return self.begin()

    def __exit__(self, *_):
        self.close()


def form_token(session):
    """The token of a session's forms (SessionToken.formToken)."""
    return hashlib.sha256(b"form token" + session).hexdigest()

