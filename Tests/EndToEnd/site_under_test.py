"""A whole site of a test's own: the real launcher, a real web server, the real programs, in a folder of its own."""

import atexit
import html
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse

import requests

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def reachable(checkout):
    """The checkout, or a copy of its built parts if an ordinary user cannot reach it: as root, sites run as such a user."""
    needed = [checkout / "bin/worker", checkout / "cgi-bin/home", checkout / "lib/scriptrunner/libswiftCore.so"]
    folders = [folder for file in needed for folder in file.parents]
    is_open = all(file.stat().st_mode & 0o004 for file in needed) and all(
        folder.stat().st_mode & 0o005 == 0o005 for folder in folders
    )
    if is_open or os.getuid() != 0:
        return checkout
    copy = pathlib.Path(tempfile.mkdtemp(prefix="scriptrunner-copy-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for name in ["bin", "cgi-bin", "lib", "httpd-conf", "htdocs", "etc", "examples", "docs", "tools", "Tests"]:
        shutil.copytree(checkout / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chmod", "-R", "go+rX", copy], check=True)
    return copy


ROOT = reachable(CHECKOUT)
LIMIT = 60  # seconds; far beyond what a loaded machine needs, there so that a broken build ends


def free_port():
    """A port that nobody has, below those that the kernel gives to connections: so none takes it while a site is away."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(what, condition, limit=LIMIT):
    """Returns the first true value of `condition`, asked again and again."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.02)


class Site:
    """Started by `scriptrunner serve` as `make run` does it; stopped by SIGTERM."""

    def __init__(self, httpd="nginx", settings=None, scripts=None, run_as="nobody", root=ROOT, state=None, pass_fds=()):
        # Where the ordinary user can go, with a name that is longer than a socket's address may be. Apache's mod_fcgid
        # cannot tell its programs any longer one.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scriptrunner-site-"))
        self.folder.chmod(0o755)
        long = "-".join(["a-state-folder-with-a-long-name"] * (2 if httpd == "apache" else 3))
        self.state = pathlib.Path(state or self.folder / long)
        self.root = root
        self.pass_fds = pass_fds
        self.httpd = httpd
        self.run_as = run_as
        self.port = free_port()
        self.process = None
        self.settings = settings or {}
        self.scripts = scripts or {}
        self.start()

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    @property
    def log(self):
        return (self.state / "log/scriptrunner.log").read_text()

    def command(self, port=None):
        return [
            self.root / "bin/scriptrunner", "serve", "--port", str(port or self.port), "--state", str(self.state),
            "--httpd", self.httpd, "--run-as", self.run_as,
        ]

    def start(self):
        """Starts, and returns when the site answers. The first time, scripts and settings are put in before."""
        if not self.state.exists() and (self.settings or self.scripts):
            self._serve()
            self.stop()
            for name, text in self.scripts.items():
                self.write_script(name, text)
            self.set(**self.settings)
        self._serve()

    def _serve(self):
        self.output = open(self.folder / "output", "ab")
        self.process = subprocess.Popen(
            self.command(), stdout=self.output, stderr=self.output, pass_fds=self.pass_fds
        )
        before = (self.folder / "output").stat().st_size

        def is_up():
            assert self.process.poll() is None, (self.folder / "output").read_text()
            with open(self.folder / "output") as file:
                file.seek(before)
                return "ScriptRunner is at" in file.read()

        try:
            wait_until("the site answers", is_up)
        except AssertionError:
            self.process.terminate()
            raise

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(LIMIT) == 0
        self.output.close()

    def close(self):
        """Ends all, jobs too."""
        self.stop()
        for pid in self.pids_of("supervisor") + self.strays():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def set(self, **settings):
        """Changes settings in the file; they count from the next start."""
        file = self.state / "etc/ScriptRunner.conf"
        lines = file.read_text().splitlines()
        for key, value in settings.items():
            lines = [line for line in lines if not re.match(rf"#?{key}=", line)]
            lines.append(f"{key}={value}")
        file.write_text("\n".join(lines) + "\n")

    def write_script(self, name, text):
        path = self.state / "scripts" / name
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_name("." + path.name)
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.rename(path)

    # What is on the disk

    def database(self):
        """Read-only, and never while nothing else has the database open: SQLite itself opens it, as it must be."""
        path = urllib.parse.quote(f"{self.state}/db/scriptrunner.sqlite")
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        return connection

    def query(self, sql, *values):
        connection = self.database()
        try:
            return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()

    def job(self, number):
        rows = self.query("SELECT * FROM jobs WHERE id = ?", number)
        return rows[0] if rows else None

    def wait_for(self, number, *states):
        return wait_until(f"job {number} is {states}", lambda: (job := self.job(number)) and job["state"] in states and job)

    def admin(self, *words, status=0):
        """Runs the admin's command for this site."""
        user = {"user": self.run_as} if os.getuid() == 0 else {}
        answer = subprocess.run(
            [ROOT / "bin/scriptrunner", *map(str, words)], capture_output=True, text=True, timeout=60, check=False,
            env={"SCRIPTRUNNER_CONF": str(self.state / "etc/ScriptRunner.conf")}, **user)
        assert answer.returncode == status, (words, answer)
        return answer

    def outbox(self, number):
        return self.state / "outbox" / self.job(number)["uid"]

    def edit_database(self, sql):
        """Only while nothing of the site runs."""
        connection = sqlite3.connect(self.state / "db/scriptrunner.sqlite")
        try:
            connection.execute(sql)
            connection.commit()
        finally:
            connection.close()

    # What runs

    def pids_of(self, program):
        """The processes of this site whose program has this name."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes()
                here = os.readlink(entry / "cwd")
                opened = {os.readlink(entry / "fd" / number) for number in os.listdir(entry / "fd")}
            except OSError:
                continue
            if os.path.basename(arguments[0].decode(errors="replace").split(":")[0]) != program:
                continue
            if str(self.state) in environment.decode(errors="replace") or here.startswith(str(self.state)) or any(
                name.startswith(str(self.state)) for name in opened
            ):
                found.append(int(entry.name))
        return sorted(found)

    def strays(self):
        """Processes of jobs of this site."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"HOME={self.state}/outbox/".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def visitor(self, login=None, password="correct horse battery"):
        visitor = Visitor(self)
        if login:
            visitor.sign_up(login, password)
        return visitor


def each(fields):
    """Pairs of name and value, as many as there are values."""
    for name, values in (fields or {}).items():
        for value in values if isinstance(values, list) else [values]:
            yield name, value


class Visitor:
    """A person with a browser that has no JavaScript: forms are read from the pages and sent as browsers send them."""

    def __init__(self, site):
        self.site = site
        self.http = requests.Session()
        self.http.headers["Sec-Fetch-Site"] = "same-origin"
        self.login = None

    def get(self, path, **options):
        return self.http.get(self.site.url + path, **options)

    def hidden(self, text, action):
        """The hidden fields of the form with this action."""
        form = re.search(rf'<form [^>]*action="{re.escape(action)}".*?</form>', text, re.S)
        assert form, f"no form for {action}"
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.group(0))
        return {name: html.unescape(value) for name, value in fields}

    def post(self, path, data, **options):
        return self.http.post(self.site.url + path, data=data, **options)

    def send(self, page, action, fields, **options):
        """Opens a page, fills in the form with this action and sends it."""
        text = self.get(page).text
        return self.post(action, {**self.hidden(text, action), **fields}, **options)

    def sign_up(self, login, password="correct horse battery"):
        answer = self.send("/login", "/signup", {"login": login, "password": password})
        self.login = login
        assert answer.status_code == 200 and login in answer.text, answer.text
        return answer

    def sign_in(self, login, password="correct horse battery"):
        self.login = login
        return self.send("/login", "/login", {"login": login, "password": password})

    def lend(self, browser):
        """Signs a browser in with this visitor's session."""
        browser.get(self.site.url + "/login")
        for name, value in self.http.cookies.items():
            browser.add_cookie({"name": name, "value": value})

    def form(self, script):
        """The hidden fields of a script's form."""
        return self.hidden(self.get(f"/submit/{script}").text, f"/submit/{script}")

    def submit(self, script, values=None, files=None, hidden=None, after=(), **options):
        """Sends a script's form, as multipart, the token first. Of a list each item is a field of its own."""
        fields = [(name, (None, value)) for name, value in (hidden or self.form(script)).items()]
        fields += [(f"param_{name}", (None, value)) for name, value in each(values)]
        fields += [("after", (None, str(number))) for number in after]
        fields += [(f"upload_{name}", file) for name, file in each(files)]
        return self.http.post(f"{self.site.url}/submit/{script}", files=fields, **options)

    def queue(self, script, values=None, files=None, after=()):
        """Submits a job and returns its number."""
        answer = self.submit(script, values, files, after=after)
        assert answer.status_code == 200 and "/jobs/" in answer.url, answer.text
        return int(re.search(r"/jobs/(\d+)", answer.url).group(1))

    def cancel(self, number):
        return self.send(f"/jobs/{number}", f"/jobs/{number}/cancel", {})
