"""What is wrong with the settings is said by every program at its start: in one line, with the place."""

import os
import re
import socket
import sqlite3
import subprocess

import pytest

from machine import IS_ROOT, PAGES, needs_root
from site_under_test import LIMIT, ROOT

ORDINARY = {"user": 65534, "group": 65534, "extra_groups": []} if IS_ROOT else {}

COMMANDS = {
    **{page: [ROOT / "cgi-bin" / page] for page in PAGES},
    **{program: [ROOT / "bin" / program] for program in ["worker", "mailer", "cleaner"]},
    **{
        name: [ROOT / "bin/scriptrunner", *words]
        for name, words in {
            "migrate": ["migrate"], "check": ["check"], "httpd-conf": ["httpd-conf", "nginx"],
            "serve": ["serve", "--httpd", "none", "--sockets", "none"],
        }.items()
    },
}
DAEMONS = ["worker", "serve"]

# Who uses what.
EVERYBODY = list(COMMANDS)
OPENS = [*PAGES, "worker", "mailer", "cleaner", "migrate"]
USES = {
    "state_dir": [*PAGES, "worker", "mailer", "cleaner", "check", "serve"],
    "path_to_db": [*OPENS, "check", "serve"],
    "inbox_dir": ["submit", "files", "worker", "cleaner", "check", "serve"],
    "outbox_dir": ["files", "jobs", "worker", "cleaner", "check", "serve"],
    "script_dir": ["submit", "worker", "check", "serve"],
    "mail_dir": ["mailer"],
}


class House:
    """Settings, and the folders that they name."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "etc/ScriptRunner.conf"
        self.database = folder / "db/scriptrunner.sqlite"
        for name in ["etc", "db", "inbox", "outbox", "scripts", "state", "mail"]:
            (folder / name).mkdir()
        self.file.write_text("# Ours.\n\npoll_interval=5\n")
        if IS_ROOT:
            for path in [folder, *folder.iterdir()]:
                os.chown(path, 65534, 65534)
        self.run("migrate", status=0)

    def add(self, line):
        """Writes the line to the end of the file; returns its number."""
        self.file.write_text(self.file.read_text() + line + "\n")
        return len(self.file.read_text().splitlines())

    def run(self, program, status=78, **options):
        result = subprocess.run(
            COMMANDS[program], capture_output=True, text=True, timeout=LIMIT,
            env={"SCRIPTRUNNER_CONF": str(self.file), "REQUEST_METHOD": "GET", "REQUEST_URI": "/"},
            **{"stdin": subprocess.DEVNULL, **ORDINARY, **options})
        assert result.returncode == status, (program, result.returncode, result.stdout, result.stderr)
        return result

    def refused(self, program, place, told, **options):
        """One line that names place and reason; not a word to a visitor; nothing left running."""
        result = self.run(program, **options)
        assert result.stdout == "", program
        assert re.fullmatch(rf"(scriptrunner: )?{re.escape(place)}: .*{re.escape(told)}.*\n", result.stderr), (
            program, result.stderr)


@pytest.fixture
def house(folder):
    return House(folder)


def test_with_right_settings_every_program_does_its_work(house):
    for program in EVERYBODY:
        if program not in DAEMONS:
            house.run(program, status=0)
    assert house.run("home", status=0).stdout.startswith("Status: 200")


@pytest.mark.parametrize("line, told", [
    ("max_upload=3", "unknown key"),
    ("poll_intervall=3", "unknown key"),
    ("max_running_jobs=many", '"many" is no whole number'),
    ("base_url=jobs.example.org", "is no address"),
    ("web_port=8080", "no longer a setting"),
    ("poll_interval=6", "set already in line 3"),
])
def test_a_line_that_nobody_understands_stops_every_program(house, line, told):
    number = house.add(line)
    for program in EVERYBODY:
        house.refused(program, f"{house.file}:{number}: {line.split('=')[0]}", told)


def test_a_line_that_is_no_setting_stops_every_program(house):
    number = house.add("just words")
    for program in EVERYBODY:
        house.refused(program, f"{house.file}:{number}: just words", "expected key=value")


@pytest.mark.parametrize("key", USES)
def test_a_missing_folder_stops_who_uses_it(house, key):
    missing = house.folder / "no such"
    number = house.add(f"{key}={missing}{'/scriptrunner.sqlite' if key == 'path_to_db' else ''}")
    for program in USES[key]:
        house.refused(program, f"{house.file}:{number}: {key}", f"{missing}: No such file or directory")


def test_a_missing_folder_of_the_standard_values_is_told_too(house):
    (house.folder / "state").rename(house.folder / "elsewhere")
    for program in USES["state_dir"]:
        house.refused(program, f"{house.file} (standard value): state_dir", "No such file or directory")


@pytest.mark.parametrize("key, name", [("path_to_db", "db"), ("state_dir", "state")])
def test_a_folder_that_cannot_be_written_to_stops_who_writes(house, key, name):
    (house.folder / name).chmod(0o500)
    for program in USES[key]:
        if program != "check":
            house.refused(program, f"{house.file} (standard value): {key}", f"{house.folder / name}: user")
    (house.folder / name).chmod(0o700)


@pytest.mark.parametrize("kind, told", [("nothing", "is no cgroup"), ("a folder", "is no cgroup")])
def test_a_cgroup_that_is_none_stops_who_would_make_others_in_it(house, kind, told):
    folder = house.folder / "cgroup"
    if kind == "a folder":
        folder.mkdir()
    number = house.add(f"cgroup={folder}")
    for program in ["worker", "check"]:
        house.refused(program, f"{house.file}:{number}: cgroup", f"{folder}: {told}")


def test_a_file_is_no_folder(house):
    (house.folder / "file").write_text("")
    number = house.add(f"state_dir={house.folder}/file")
    for program in USES["state_dir"]:
        house.refused(program, f"{house.file}:{number}: state_dir", "is no folder")


def change(database, sql):
    connection = sqlite3.connect(database)
    connection.execute(sql)
    connection.commit()
    connection.close()


def test_a_database_of_a_later_release_stops_every_program(house):
    number = house.add(f"path_to_db={house.database}")
    change(house.database, "PRAGMA user_version = 12345")
    for program in OPENS:
        house.refused(program, f"{house.file}:{number}: path_to_db", "has version 12345, made by a later release")


@pytest.mark.parametrize("kind", ["another program's", "no database"])
def test_a_strangers_database_stops_every_program_and_stays_as_it_is(house, kind):
    stranger = house.folder / "db/stranger.sqlite"
    if kind == "no database":
        stranger.write_text("Dear diary, " * 500)
    else:
        change(stranger, "CREATE TABLE recipes (name TEXT)")
    stranger.chmod(0o666)
    before = stranger.read_bytes()
    number = house.add(f"path_to_db={stranger}")
    for program in OPENS:
        house.refused(program, f"{house.file}:{number}: path_to_db", "a database of something else than ScriptRunner")
    assert stranger.read_bytes() == before


@pytest.mark.parametrize(
    "make", [lambda file: file.unlink(), lambda file: file.chmod(0o000)], ids=["missing", "unreadable"])
def test_settings_that_cannot_be_read_stop_every_program(house, make):
    make(house.file)
    for program in EVERYBODY:
        house.refused(program, str(house.file), "cannot be read: ")


def test_a_page_with_a_socket_refuses_before_it_takes_a_visitor(house):
    number = house.add("colour=red")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as visitor:
            house.refused("home", f"{house.file}:{number}: colour", "unknown key", stdin=listener)
            visitor.settimeout(0.1)
            with pytest.raises(TimeoutError):
                visitor.recv(1)


@pytest.mark.parametrize("address, name, listen", [
    ("http://jobs.example.org", "jobs.example.org", "listen 80;"),
    ("https://jobs.example.org/tools", "jobs.example.org", "listen 443 ssl;"),
    ("http://jobs.example.org:8081", "jobs.example.org", "listen 8081;"),
    ("http://[fd00::1]", "[fd00::1]", "listen 80;"),
    ("http://[fd00::1]:8081", "[fd00::1]", "listen 8081;"),
])
def test_the_printed_configuration_is_for_the_address_of_the_site(house, address, name, listen):
    house.add(f"base_url={address}")
    printed = house.run("httpd-conf", status=0).stdout
    assert f"    {listen}\n    server_name {name};\n" in printed
    assert not re.search(r"@[A-Z_]+@", printed)


def test_the_installed_settings_file_is_what_the_command_prints():
    printed = subprocess.run([ROOT / "bin/scriptrunner", "settings"], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "etc/ScriptRunner.conf").read_text() == printed
    for key in ["path_to_db", "base_url", "retention_days", "smtp_host"]:
        assert re.search(rf"^#?{key}=", printed, re.M)


# Who may run them


@needs_root
def test_the_worker_and_the_supervisor_refuse_root(house):
    result = house.run("worker", user=0, group=0)
    assert result.stderr == "worker: refuses to run as root: jobs must not; start it as an ordinary user\n"
    result = subprocess.run([ROOT / "bin/supervisor"], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (78, "supervisor: refuses to run as root: jobs must not\n")
    house.run("serve", user=0, group=0)


@needs_root
@pytest.mark.parametrize("program", ["migrate", "cleaner"])
def test_root_leaves_no_files_of_its_own_in_the_users_folders(house, program):
    if program == "migrate":
        house.database.unlink()
    result = house.run(program, user=0, group=0)
    assert "belongs to user 65534" in result.stderr and result.stderr.count("\n") == 1
    assert {path.stat().st_uid for path in house.folder.rglob("*") if path != house.file} <= {65534}


def test_a_supervisor_started_by_hand_says_so(folder):
    result = subprocess.run([ROOT / "bin/supervisor"], capture_output=True, text=True, **ORDINARY)
    assert result.returncode == 78
    assert result.stderr == "supervisor: is started by the worker, not by hand\n"
    # Nor is just any folder an attempt.
    os.chmod(folder, 0o777)
    result = subprocess.run(
        ["sh", "-c", 'exec "$0" 3<.', ROOT / "bin/supervisor"], cwd=folder, capture_output=True, text=True, **ORDINARY)
    assert result.returncode != 0 and result.stderr.startswith("supervisor: ")


@pytest.mark.parametrize("program", ["worker", "mailer"])
def test_who_asks_a_program_without_arguments_for_help_does_not_start_it(program):
    def asked(*arguments):
        return subprocess.run([ROOT / "bin" / program, *arguments], capture_output=True, text=True, timeout=60, check=False)

    answer = asked("--help")
    assert answer.returncode == 0 and answer.stdout.startswith(f"usage: {program}\n") and not answer.stderr
    answer = asked("now")
    assert answer.returncode == 64 and "takes no arguments" in answer.stderr
