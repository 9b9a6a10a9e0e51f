"""`scriptrunner serve`: how a site starts, and every way in which it says that it cannot."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest

from machine import PAGES, copy_programs, descendants, needs_root, processes_of, serve
from site_under_test import ROOT, Site, free_port


def assert_refused(result, *words, status=78, folder=None):
    """One line on standard error that says all of these words; nothing is left running."""
    assert result.returncode == status, (result.stdout, result.stderr)
    assert result.stderr.endswith("\n") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    if folder:
        assert processes_of(folder) == []


@pytest.mark.parametrize("family, address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_in_use_is_told(folder, family, address):
    with socket.socket(family) as other:
        try:
            other.bind((address, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        other.listen()
        port = other.getsockname()[1]
        result = serve(folder / "var", port=port)
    assert_refused(result, f"port {port}: Address already in use", f"make run PORT={port + 1}", folder=folder)


def test_after_a_port_in_use_the_same_folder_serves(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert serve(folder / "var", port=other.getsockname()[1]).returncode == 78
    site = Site(state=folder / "var")
    assert site.visitor().get("/").status_code == 200
    site.close()


def test_a_folder_is_served_once(make_site):
    site = make_site()
    owner = site.state.stat().st_uid
    for words in [[], ["--run-as", "daemon"]]:
        assert_refused(serve(site.state, *words), str(site.state), "served from here already", "STATE=")
    assert site.state.stat().st_uid == owner and (site.state / "db").stat().st_uid == owner
    assert site.visitor().get("/").status_code == 200


def everything_below(folder):
    found = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        found[path] = (status.st_uid, status.st_gid, status.st_mode, status.st_mtime_ns, status.st_size)
    return found


@pytest.mark.parametrize("kind", ["somebody's files", "a checkout or an installation", "a link as our mark"])
def test_a_folder_of_other_things_is_left_alone(folder, kind):
    other = folder / "other"
    (other / "etc").mkdir(parents=True)
    if kind == "a checkout or an installation":
        shutil.copy(ROOT / "etc/ScriptRunner.conf", other / "etc")
    elif kind == "a link as our mark":
        (other / "serve.lock").symlink_to("/etc/passwd")
    else:
        (other / "thesis.txt").write_text("years of work")
    before = everything_below(other)
    assert_refused(serve(other), str(other), "no state of ScriptRunner's", "STATE=")
    assert everything_below(other) == before


def test_a_file_or_a_missing_place_is_no_folder_for_a_site(folder):
    (folder / "file").write_text("")
    assert_refused(serve(folder / "file"), "Not a directory")
    assert_refused(serve(folder / "no/such"), "No such file or directory", "STATE=")


def test_wrong_words_are_told():
    for words, told in [
        (["--port", "http"], "http is no port"), (["--port", "70000"], "70000 is no port"),
        (["--port"], "wants a value"),
        (["--httpd", "iis"], "nginx, apache or none"), (["--colour", "red"], "--colour is unknown"),
        (["--httpd", "none"], "--sockets go together"), (["--sockets", "/tmp"], "--sockets go together"),
    ]:
        result = subprocess.run(
            [ROOT / "bin/scriptrunner", "serve", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert result.returncode == 64 and told in result.stderr.splitlines()[0], result.stderr


# Who it runs as


@needs_root
def test_started_by_root_everything_is_an_ordinary_users(make_site):
    site = make_site()
    number = site.visitor("who@example.org").queue("wait.sh", {"status": "0"})
    site.wait_for(number, "running")
    family = descendants(site.process.pid)
    names = [process.name for process in family]
    assert set(names) >= {"scriptrunner", "worker", "supervisor", "nginx", *PAGES}
    assert names.count("nginx") >= 2
    for process in family:
        assert process.status("Uid") == ["65534"] * 4, process
        assert process.status("Gid") == ["65534"] * 4 and process.status("Groups") == ["65534"], process
        assert process.status("CapEff") == process.status("CapPrm") == ["0000000000000000"], process
    # The scripts were put there by root.
    made = [path for path in [site.state, *site.state.rglob("*")] if path.parent != site.state / "scripts"]
    assert [path for path in made if path.lstat().st_uid != 65534] == []


@needs_root
def test_root_and_strangers_are_no_users_for_a_site(folder):
    assert_refused(serve(folder / "var", "--run-as", "root"), "nothing of ScriptRunner runs as root", "RUN_AS=")
    assert_refused(serve(folder / "var", "--run-as", "nosuchuser"), "no user nosuchuser", "RUN_AS=", status=67)
    assert not (folder / "var").exists()


@needs_root
def test_programs_out_of_the_users_reach_are_told(folder):
    root = copy_programs(folder / "private")
    root.chmod(0o700)
    result = serve(folder / "var", root=root)
    told = "user nobody cannot reach it: Permission denied"
    assert_refused(result, f"{root}/bin/worker", told, "RUN_AS=", folder=folder)
    root.chmod(0o755)
    (root / "lib/scriptrunner").chmod(0o700)
    assert_refused(serve(folder / "var", root=root), f"{root}/lib/scriptrunner", told)


@needs_root
def test_a_state_out_of_the_users_reach_is_told(folder):
    (folder / "private").mkdir(mode=0o700)
    assert_refused(serve(folder / "private/var"), f"{folder}/private/var", "user nobody cannot reach it", "STATE=")


# What the programs are given


def test_programs_inherit_nothing_but_three_descriptors(folder):
    secret = folder / "secret"
    secret.write_text("an open file of the starter")
    with open(secret) as inherited:
        site = Site(pass_fds=[inherited.fileno()])
    try:
        sockets = {}
        for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
            fields = line.split(maxsplit=7)
            if len(fields) == 8 and fields[7].endswith(".sock"):
                sockets[f"socket:[{fields[6]}]"] = os.path.basename(fields[7]).removesuffix(".sock")
        family = descendants(site.process.pid)[1:]
        assert {process.name for process in family} >= {"worker", "nginx", *PAGES}
        for process in family:
            opened = process.opened()
            assert str(secret) not in opened.values(), process
            assert f"{site.state}/serve.lock" not in opened.values(), process
            if process.name in PAGES:
                # Its own socket is its standard input; of the others' it has none.
                assert {n: sockets[to] for n, to in opened.items() if to in sockets} == {0: process.name}, process
            elif process.name != "worker":
                assert not any(to in sockets for to in opened.values()), process
            if process.name != "nginx":
                assert opened[1] == opened[2] == f"{site.state}/log/scriptrunner.log", process
    finally:
        site.close()


def test_ctrl_c_stops_a_site_and_no_program_has_the_terminal(folder):
    command = [ROOT / "bin/scriptrunner", "serve", "--port", str(free_port()), "--state", folder / "var"]
    main, terminal = os.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b""
    while b"ScriptRunner is at" not in shown:
        shown += os.read(main, 1000)
    launcher = next(process for process in processes_of(folder / "var") if process.name == "scriptrunner")
    assert launcher.terminal != 0
    for program in descendants(launcher.pid)[1:]:
        assert program.terminal == 0 and program.session != launcher.session, program
    os.write(main, b"\x03")
    assert process.wait(30) == 0
    os.close(main)
    assert processes_of(folder) == []


# What the programs refuse


def lines_of(key, file):
    return [number for number, line in enumerate(file.read_text().splitlines(), 1) if line.startswith(f"{key}=")]


@pytest.mark.parametrize("key, value, told", [
    ("max_uploads", "3", "unknown key"), ("poll_interval", "soon", '"soon" is no whole number'),
    ("script_dir", "/no/such/folder", "/no/such/folder: No such file or directory"),
])
def test_a_wrong_setting_stops_the_start(make_site, key, value, told):
    site = make_site()
    site.stop()
    site.set(**{key: value})
    file = site.state / "etc/ScriptRunner.conf"
    assert_refused(serve(site.state), f"{file}:{lines_of(key, file)[0]}: {key}: {told}", folder=site.state)


def test_what_only_a_program_can_refuse_is_on_the_terminal_too(make_site):
    site = make_site()
    site.stop()
    site.edit_database("PRAGMA user_version = 999")
    result = serve(site.state)
    assert result.returncode == 78
    told = [line for line in result.stderr.splitlines() if "path_to_db" in line]
    assert len(told) == 1 and "made by a later release" in told[0] and "ScriptRunner.conf" in told[0], result.stderr
    assert re.match(r"scriptrunner: \w+ does not start:$", result.stderr.splitlines()[0])
    assert processes_of(site.state) == []


def test_a_program_that_does_not_live_ends_the_start(folder):
    root = copy_programs(folder / "programs")
    (root / "cgi-bin/home").write_text("#!/bin/sh\necho 'home is broken' >&2\nexit 3\n")
    began = time.monotonic()
    result = serve(folder / "var", root=root)
    assert result.returncode == 69 and result.stderr == "scriptrunner: home does not start:\nhome is broken\n"
    (root / "cgi-bin/home").write_text("#!/no/such/interpreter\n")
    result = serve(folder / "var", root=root)
    assert result.returncode == 69 and "home: cannot be started: No such file or directory" in result.stderr
    assert time.monotonic() - began < 30
    assert processes_of(folder) == []


def test_a_web_server_that_does_not_live_ends_the_start(folder):
    root = copy_programs(folder / "programs")
    with open(root / "httpd-conf/nginx.conf", "a") as file:
        file.write("\nno_such_directive on;\n")
    result = serve(folder / "var", root=root)
    assert result.returncode == 69 and result.stderr.startswith("scriptrunner: nginx does not start:\n")
    assert 'unknown directive "no_such_directive"' in result.stderr
    assert processes_of(folder) == []
