"""ScriptRunner as an admin installs it: laid out by `make install`, run by one user, behind a web server of another."""

import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import urllib.parse

import requests

from site_under_test import CHECKOUT, LIMIT, Site, Visitor, free_port, wait_until

# Users that every Debian has, in place of `scriptrunner` and with the web server's own one in its group.
OWNER = {"user": 1, "group": 1, "extra_groups": []}
WEB = {"user": 33, "group": 1, "extra_groups": [33]}
STRANGER = {"user": 33, "group": 33, "extra_groups": []}
MODULES = "/usr/lib/apache2/modules"


def install(prefix, destdir="", umask=0o022, check=True):
    """`make install` as an admin's shell does it that has no Swift: what is built is laid out."""
    path = ":".join(
        folder for folder in os.environ["PATH"].split(":") if not os.access(os.path.join(folder, "swift"), os.X_OK))
    return subprocess.run(
        ["make", "--no-print-directory", "install", f"PREFIX={prefix}", f"DESTDIR={destdir}"], cwd=CHECKOUT, check=check,
        capture_output=True, text=True, umask=umask, env={**os.environ, "PATH": path})


class InstalledSite:
    """Folders as etc/scriptrunner.tmpfiles says, settings as they are installed, the service as the unit starts it, and
    a web server with the configuration that `scriptrunner httpd-conf` prints."""

    def __init__(self, root, httpd="nginx", prefix="", settings=None, scripts=None):
        self.root = pathlib.Path(root)
        self.httpd = httpd
        self.prefix = prefix
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scriptrunner-installed-"))
        self.folder.chmod(0o755)
        self.state = self.folder / "lib"
        self.run = self.folder / "run"
        self.settings = self.folder / "ScriptRunner.conf"
        self.processes = []
        self._make_folders()
        self._write_settings({"base_url": f"http://localhost:{self.port}{prefix}", **(settings or {})})
        for name, text in (scripts or {}).items():
            path = self.folder / "scripts" / name
            path.write_text(text)
            path.chmod(0o755)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self):
        return f"http://localhost:{self.port}{self.prefix}"

    def _make_folders(self):
        for line in (self.root / "etc/scriptrunner.tmpfiles").read_text().splitlines():
            if line.startswith("d "):
                _, path, mode, user, group = line.split()
                folder = pathlib.Path(path.replace("/var/lib/scriptrunner", str(self.state)))
                folder.mkdir()
                os.chown(folder, *[OWNER["user"] if name == "scriptrunner" else 0 for name in (user, group)])
                folder.chmod(int(mode, 8))
        # RuntimeDirectory of the unit.
        self.run.mkdir()
        os.chown(self.run, OWNER["user"], OWNER["group"])
        self.run.chmod(0o750)
        (self.folder / "scripts").mkdir()
        (self.folder / "web").mkdir()
        os.chown(self.folder / "web", OWNER["user"], OWNER["group"])

    def _write_settings(self, settings):
        text = (self.root / "etc/ScriptRunner.conf").read_text().replace("/var/lib/scriptrunner", str(self.state))
        for key, value in {"script_dir": f"{self.folder}/scripts", **settings}.items():
            text = re.sub(rf"^#?{key}=.*$", f"{key}={value}", text, flags=re.M)
        self.settings.write_text(text)

    def _start(self):
        environment = {"SCRIPTRUNNER_CONF": str(self.settings), "PATH": "/usr/bin:/bin"}
        sockets = str(self.run) if self.httpd == "nginx" else "none"
        self.log = self.folder / "log"
        with open(self.log, "ab") as log:
            self.processes.append(subprocess.Popen(
                [self.root / "bin/scriptrunner", "serve", "--httpd", "none", "--sockets", sockets], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, umask=0o027, env=environment, cwd="/", **OWNER))
            printed = subprocess.run(
                [self.root / "bin/scriptrunner", "httpd-conf", self.httpd], capture_output=True, text=True, check=True,
                env=environment).stdout
            site = self.folder / "web/site.conf"
            site.write_text(printed.replace("/run/scriptrunner", str(self.run)))
            frame = self.folder / "web/server.conf"
            frame.write_text(getattr(self, f"_{self.httpd}_frame")(site))
            self.check = subprocess.run(self._web_server(frame, "-t"), capture_output=True, text=True, **self._web_user)
            assert self.check.returncode == 0, self.check.stderr
            self.processes.append(subprocess.Popen(
                self._web_server(frame), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", **self._web_user))
        wait_until("the site answers", self._answers)

    def _answers(self):
        assert all(process.poll() is None for process in self.processes), self.log.read_text()
        try:
            return requests.get(self.url + "/", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    # nginx's master is root's as on every Debian, and its workers are another's; Apache is the one user's, because its
    # mod_fcgid starts the pages.

    @property
    def _web_user(self):
        return {} if self.httpd == "nginx" else OWNER

    def _web_server(self, frame, *words):
        if self.httpd == "nginx":
            return ["/usr/sbin/nginx", "-c", frame, "-e", self.folder / "web/error.log", *words]
        return ["/usr/sbin/apache2", "-f", frame, *(words or ["-D", "FOREGROUND"])]

    def _nginx_frame(self, site):
        web = self.folder / "web"
        return f"""
            user www-data daemon; worker_processes 2; daemon off; pid {web}/pid; error_log {web}/error.log;
            events {{ worker_connections 64; }}
            http {{
                include /etc/nginx/mime.types; access_log {web}/access.log; client_body_temp_path {web}/body;
                fastcgi_temp_path {web}/fastcgi; proxy_temp_path {web}/proxy; uwsgi_temp_path {web}/uwsgi;
                scgi_temp_path {web}/scgi;
                include {site};
            }}"""

    def _apache_frame(self, site):
        web = self.folder / "web"
        modules = ["mpm_event", "authz_core", "alias", "headers", "env", "mime", "fcgid", "xsendfile"]
        loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules)
        return f"""
ServerName localhost
PidFile {web}/pid
DefaultRuntimeDir {web}
Mutex file:{web}
{loads}
TypesConfig /etc/mime.types
ErrorLog {web}/error.log
FcgidIPCDir {web}/fcgid
FcgidProcessTableFile {web}/fcgid_shm
Listen 127.0.0.1:{self.port}
Include {site}
"""

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(LIMIT)
        for pid in Site.strays(self):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql, *values):
        path = urllib.parse.quote(f"{self.state}/db/scriptrunner.sqlite")
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()

    job, wait_for, outbox = Site.job, Site.wait_for, Site.outbox

    def visitor(self, login=None):
        visitor = PrefixVisitor(self)
        if login:
            visitor.sign_up(login)
        return visitor


class PrefixVisitor(Visitor):
    """Sees to it that every link leads to below the site's prefix."""

    def get(self, path, **options):
        answer = super().get(path, **options)
        if answer.headers["Content-Type"].startswith("text/html") and "stream" not in options:
            self.check_links(answer.text)
        return answer

    def check_links(self, text):
        links = re.findall(r'(?:href|action|src)="([^"]*)"', text)
        assert links and all(re.match(rf"(#|{re.escape(self.site.prefix)}/)", link) for link in links), links

    def hidden(self, text, action):
        return super().hidden(text, self.site.prefix + action)
