"""What the tests of the admin's side look at: processes, sockets, and copies of the built programs."""

import os
import pathlib
import shutil
import subprocess

import pytest

from site_under_test import LIMIT, ROOT, free_port

PAGES = ["home", "login", "signup", "account", "submit", "jobs", "files"]
IS_ROOT = os.getuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")


class Process:
    """One process as /proc tells it."""

    def __init__(self, pid):
        self.folder = pathlib.Path("/proc") / str(pid)
        self.pid = int(pid)
        fields = (self.folder / "stat").read_text().rpartition(")")[2].split()
        self.state, self.parent, self.group, self.session, self.terminal = fields[0], *map(int, fields[1:5])
        self.told = (self.folder / "status").read_text().splitlines()
        self.arguments = (self.folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        # nginx writes what it is doing over its arguments, with a colon after its name.
        self.name = os.path.basename(self.arguments[0].split(":")[0])

    def __repr__(self):
        return f"{self.pid} {self.state} {' '.join(self.arguments)}"

    def status(self, key):
        line = next(line for line in self.told if line.startswith(key + ":"))
        return line.split()[1:]

    def opened(self):
        """What its descriptors lead to, by number."""
        found = {}
        for number in os.listdir(self.folder / "fd"):
            try:
                found[int(number)] = os.readlink(self.folder / "fd" / number)
            except OSError:
                pass  # closed meanwhile
        return found

    def belongs_to(self, folder):
        """Whether it was started for the site in this folder, or has anything of it open."""
        told = (self.folder / "environ").read_bytes().decode(errors="replace") + " ".join(self.arguments)
        places = [os.readlink(self.folder / "cwd"), *self.opened().values()]
        return f"{folder}/" in told + "/" or any((place + "/").startswith(f"{folder}/") for place in places)


def processes():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                yield Process(name)
            except OSError:
                pass  # gone meanwhile


def processes_of(folder):
    """All living processes of the site in this folder, whatever they have become."""
    found = []
    for process in processes():
        try:
            if process.state != "Z" and process.pid != os.getpid() and process.belongs_to(folder):
                found.append(process)
        except OSError:
            pass
    return found


def descendants(pid):
    """The process and all that came of it."""
    everybody = list(processes())
    found = [process for process in everybody if process.pid == pid]
    for parent in found:
        found += [process for process in everybody if process.parent == parent.pid and process not in found]
    return found


def is_alive(pid):
    try:
        return Process(pid).state != "Z"
    except OSError:
        return False


def serve(state, *words, root=ROOT, port=None, **options):
    """Starts a site that is expected not to stay; returns what became of it."""
    command = [root / "bin/scriptrunner", "serve", "--port", str(port or free_port()), "--state", state, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, **options)


def copy_programs(target):
    """An installation of its own, which a test may break."""
    for part in ["bin", "cgi-bin", "lib", "httpd-conf", "htdocs"]:
        shutil.copytree(ROOT / part, pathlib.Path(target) / part)
    return pathlib.Path(target)
