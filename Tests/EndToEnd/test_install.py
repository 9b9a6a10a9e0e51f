"""`make install`, and the site that an admin makes of it: two users, the printed configuration, with a prefix or not."""

import os
import re
import shutil
import stat
import subprocess

import pytest

from installed_site import OWNER, STRANGER, WEB, InstalledSite, install
from machine import PAGES, descendants, needs_root
from site_scripts import SCRIPTS
from site_under_test import CHECKOUT, ROOT

PROGRAMS = ["cleaner", "mailer", "scriptrunner", "supervisor", "worker"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An installation where every user reaches it."""
    folder = tmp_path_factory.mktemp("installed")
    for place in [folder, *folder.parents[:2]]:
        place.chmod(0o755)
    install(folder / "opt/scriptrunner", umask=0o077)
    (folder / "opt").chmod(0o755)
    return folder / "opt/scriptrunner"


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_everything_is_laid_out_and_readable(root):
    copied = [
        f"{folder}/{name}" for folder in ["httpd-conf", "htdocs", "etc", "examples", "docs"]
        for name in files_of(ROOT / folder)
    ]
    libraries = [f"lib/scriptrunner/libswift{name}.so" for name in ["Core", "Glibc", "Synchronization"]]
    programs = [f"bin/{name}" for name in PROGRAMS] + [f"cgi-bin/{name}" for name in PAGES]
    assert files_of(root) == sorted(copied + libraries + programs)
    for path in [root, *root.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        runs = path.is_dir() or str(path.relative_to(root)) in programs or path.match("examples/*.sh") or path.match("examples/original/*.sh")
        assert mode == (0o755 if runs else 0o644), path


def test_the_prefix_stands_where_it_is_needed(root):
    for name in ["scriptrunner.cron", "scriptrunner.service"]:
        text = (root / "etc" / name).read_text()
        assert f"{root}/bin/" in text and "@PREFIX@" not in text
    assert (root / "etc/ScriptRunner.conf").read_text() == (ROOT / "etc/ScriptRunner.conf").read_text()


def test_nothing_of_the_building_machine_is_in_it(root):
    for path in root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for word in [f"{CHECKOUT}/", ".build/", "/opt/swift", "swift_static"]:
                assert word.encode() not in content, (path, word)
            if content.startswith(b"\x7fELF"):
                told = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
                for places in re.findall(r"(?:RUNPATH|RPATH).*\[(.*)\]", told):
                    assert all(place.startswith("$ORIGIN") for place in places.split(":")), (path, places)


def test_the_programs_run_alone(root, tmp_path):
    """With nothing in the environment; the Swift runtime is their own copy, found from wherever they lie."""
    moved = tmp_path / "moved"
    shutil.copytree(root, moved)
    for path in [moved / "bin" / name for name in PROGRAMS] + [moved / "cgi-bin" / name for name in PAGES]:
        needed = subprocess.run(["ldd", path], capture_output=True, text=True, env={}).stdout
        assert "not found" not in needed, (path, needed)
        for line in needed.splitlines():
            if "libswift" in line:
                assert f"=> {moved}/" in line.replace("cgi-bin/../", "").replace("bin/../", ""), line
        # All but one want settings first, and say so.
        words = ["version"] if path.name == "scriptrunner" else []
        result = subprocess.run(
            [path, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env={"SCRIPTRUNNER_CONF": "/no/such/file", "PATH": ""})
        assert result.returncode == (0 if words else 78), (path, result)


def test_a_second_installation_keeps_the_admins_settings(tmp_path):
    install("/opt/scriptrunner", destdir=tmp_path / "a destination")
    settings = tmp_path / "a destination/opt/scriptrunner/etc/ScriptRunner.conf"
    settings.write_text("# Mine.\n")
    settings.chmod(0o640)
    (settings.parent / "scriptrunner.cron").write_text("old")
    install("/opt/scriptrunner", destdir=tmp_path / "a destination")
    assert settings.read_text() == "# Mine.\n" and stat.S_IMODE(settings.stat().st_mode) == 0o640
    assert settings.with_name("ScriptRunner.conf.example").read_text() == (ROOT / "etc/ScriptRunner.conf").read_text()
    # What is packaged tells nothing of where it was packaged.
    assert "/opt/scriptrunner/bin/cleaner" in (settings.parent / "scriptrunner.cron").read_text()
    for path in settings.parents[1].rglob("*"):
        assert not path.is_file() or str(tmp_path).encode() not in path.read_bytes(), path


# What the system's own services read


def test_the_cron_line_is_one(root):
    lines = [line for line in (root / "etc/scriptrunner.cron").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 1 and (root / "etc/scriptrunner.cron").read_text().endswith("\n")
    minute, hour, day, month, weekday, user, command = lines[0].split(maxsplit=6)
    assert 0 <= int(minute) <= 59 and [hour, day, month, weekday] == ["*"] * 4 and user == "scriptrunner"
    # cron makes a new line of a percent sign.
    assert "%" not in command
    program = command.split()[0]
    assert program == f"{root}/bin/cleaner" and os.access(program, os.X_OK)
    assert shutil.which(command.split("|")[1].split()[0])


def test_systemd_understands_the_unit(root, tmp_path):
    unit = tmp_path / "scriptrunner.service"
    shutil.copy(root / "etc/scriptrunner.service", unit)
    text = unit.read_text()
    command = re.search(r"^ExecStart=(\S+)", text, re.M).group(1)
    assert command == f"{root}/bin/scriptrunner" and os.access(command, os.X_OK)
    # A second start does not mend settings.
    assert "RestartPreventExitStatus=78" in text
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert result.returncode == 0 and "scriptrunner" not in result.stderr, result.stderr


@needs_root
def test_systemd_makes_the_user_and_the_folders(root, tmp_path):
    if not (shutil.which("systemd-sysusers") and shutil.which("systemd-tmpfiles")):
        pytest.skip("systemd is not here")
    (tmp_path / "etc").mkdir()
    for tool, words in [("sysusers", []), ("tmpfiles", ["--create"])]:
        subprocess.run(
            [f"systemd-{tool}", f"--root={tmp_path}", *words, root / f"etc/scriptrunner.{tool}"], check=True,
            capture_output=True)
    user = next(
        line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("scriptrunner:"))
    number, group = map(int, user.split(":")[2:4])
    assert number != 0 and user.split(":")[5:] == ["/var/lib/scriptrunner", "/usr/sbin/nologin"]
    state = tmp_path / "var/lib/scriptrunner"
    modes = {path.name: oct(path.stat().st_mode & 0o7777) for path in state.iterdir()}
    assert modes == {"db": "0o700", "inbox": "0o700", "outbox": "0o2750", "state": "0o700", "mail": "0o700"}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in state.iterdir()} == {(number, group)}


# A whole site of two users


@pytest.fixture(
    scope="module", ids=lambda param: " ".join(param).strip(),
    params=[("nginx", ""), ("nginx", "/tools/jobs"), ("apache", ""), ("apache", "/tools/jobs")])
def site(request, root):
    if os.getuid() != 0:
        pytest.skip("only root can start programs as two different users")
    site = InstalledSite(root, *request.param, scripts=SCRIPTS, settings={"max_upload_bytes": "3M"})
    yield site
    site.close()


def test_the_main_job(site):
    """Sign up, upload, submit, watch, download; every link on the way is below the prefix."""
    person = site.visitor("ada@example.org")
    files = {"input_one": ("one.txt", b"a\nb\n"), "input_two": ("two and, more=.txt", b"c\n")}
    number = person.queue("count.sh", {"output_counts": "the counts.txt"}, files)
    site.wait_for(number, "succeeded")
    page = person.get(f"/jobs/{number}").text
    assert "two and, more=.txt" in page and "counting" in page
    link = re.search(r'href="([^"]*the%20counts.txt)"', page).group(1)
    assert link == f"{site.prefix}/files/jobs/{number}/the%20counts.txt"
    address = f"http://localhost:{site.port}{link}"
    answer = person.http.get(address)
    assert answer.text == "3\n" and answer.headers["Content-Disposition"].startswith("attachment")
    # It is the web server that sends it: it knows ranges.
    answer = person.http.get(address, headers={"Range": "bytes=0-0"})
    assert (answer.status_code, answer.text, answer.headers["Content-Range"]) == (206, "3", "bytes 0-0/2")
    assert "default-src 'none'; sandbox" in answer.headers["Content-Security-Policy"]
    assert site.visitor("eve@example.org").http.get(address).status_code == 404
    assert "one.txt" in person.get("/files").text
    assert site.query("SELECT count(*) AS files FROM files")[0]["files"] == 2


def test_every_address_below_the_prefix_answers(site):
    person = site.visitor("all@example.org")
    for path in ["/", "/account", "/submit", "/submit/plain.sh", "/jobs", "/files"]:
        assert person.get(path).status_code == 200, path
    assert person.get("/static/style.css").headers["Content-Type"].startswith("text/css")
    assert requests_get(site, f"{site.prefix}/no/such/page").status_code == 404
    # The bare prefix, as people type it.
    assert requests_get(site, site.prefix or "/").status_code == 200


def test_the_web_servers_own_pages_are_dressed(site):
    answer = requests_get(site, f"{site.prefix}/static/none")
    assert answer.status_code == 404 and "There is no such file." in answer.text
    sheet = requests_get(site, re.search(r'<link rel="stylesheet" href="([^"]*)"', answer.text).group(1))
    assert sheet.status_code == 200 and sheet.headers["Content-Type"].startswith("text/css")


def test_nothing_above_the_prefix_is_ours(site):
    if not site.prefix:
        pytest.skip("there is nothing above")
    above = ["/", "/jobs", "/login", "/tools", "/tools/job", "/tools/jobsandmore", "/style.css", "/static/style.css"]
    for path in above:
        answer = requests_get(site, path)
        assert answer.status_code == 404 and answer.headers["X-Content-Type-Options"] == "nosniff", path


def requests_get(site, path):
    return site.visitor().http.get(f"http://localhost:{site.port}{path}")


def test_signing_out_and_in_again_comes_back_below_the_prefix(site):
    person = site.visitor("back@example.org")
    person.post("/logout", person.hidden(person.get("/").text, "/logout"))
    answer = person.get("/jobs")
    assert answer.url.startswith(f"{site.url}/login?fromPage=")
    fields = person.hidden(answer.text, "/login")
    answer = person.post("/login", {**fields, "login": "back@example.org", "password": "correct horse battery"})
    assert answer.url == f"{site.url}/jobs" and answer.status_code == 200


def test_an_upload_beyond_the_limit_is_a_readable_413(site):
    person = site.visitor("big@example.org")
    fields = [(name, (None, value)) for name, value in person.hidden(person.get("/files").text, "/files").items()]
    small = person.http.post(f"{site.url}/files", files=[*fields, ("file", ("small", bytes(2 << 20)))], timeout=30)
    assert small.status_code == 200 and "The file has arrived" in small.text
    answer = person.http.post(f"{site.url}/files", files=[*fields, ("file", ("big", bytes(8 << 20)))], timeout=30)
    assert answer.status_code == 413 and "<h1>" in answer.text


# Who reaches what


def reaches(user, test, path):
    return subprocess.run(["/usr/bin/test", test, path], **user).returncode == 0


def test_the_web_server_reaches_the_outbox_and_nothing_else(site):
    if site.httpd != "nginx":
        pytest.skip("Apache is of the same user")
    person = site.visitor("secret@example.org")
    number = person.queue("count.sh", {"output_counts": "counts"}, {
        "input_one": ("one.txt", b"a\n"), "input_two": ("two.txt", b"b\n")})
    site.wait_for(number, "succeeded")
    state = site.state
    private = [path for name in ["db", "inbox", "state", "mail"] for path in [state / name, *(state / name).rglob("*")]]
    assert {path.name for path in private} >= {"scriptrunner.sqlite", "one.txt", "attempts", "worker.lock"}
    for path in private:
        assert not reaches(WEB, "-r", path) and not reaches(WEB, "-w", path), path
    folder = site.outbox(number)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2750
    assert reaches(WEB, "-r", folder / "counts") and not reaches(WEB, "-w", folder / "counts")
    assert not reaches(WEB, "-w", folder) and not reaches(WEB, "-w", state / "outbox")
    # Who is not in the group reaches not even that.
    for path in [*private, folder, folder / "counts"]:
        assert not reaches(STRANGER, "-r", path), path


CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def test_the_sockets_are_the_groups_alone(site):
    if site.httpd != "nginx":
        pytest.skip("Apache's mod_fcgid makes sockets of its own")
    sockets = sorted(site.run.glob("*.sock"))
    assert [path.stem for path in sockets] == sorted(PAGES)
    for path in sockets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660 and (path.stat().st_uid, path.stat().st_gid) == (1, 1)
        for user, can in [(OWNER, True), (WEB, True), (STRANGER, False)]:
            result = subprocess.run(["/usr/bin/python3", "-c", CONNECT, path], capture_output=True, **user)
            assert (result.returncode == 0) == can, (path, user)


def test_the_programs_are_the_owners_and_the_web_servers_workers_are_not(site):
    family = descendants(site.processes[0].pid)
    assert {process.name for process in family} >= {"scriptrunner", "worker"}
    for process in family:
        assert process.status("Uid") == ["1"] * 4 and process.status("CapEff") == ["0000000000000000"], process
    if site.httpd == "nginx":
        workers = descendants(site.processes[1].pid)[1:]
        assert workers and all(process.status("Uid") == ["33"] * 4 for process in workers)


def test_two_do_not_serve_from_the_same_sockets(site):
    if site.httpd != "nginx":
        pytest.skip("there are no sockets")
    result = subprocess.run(
        [site.root / "bin/scriptrunner", "serve", "--httpd", "none", "--sockets", site.run], capture_output=True,
        text=True, env={"SCRIPTRUNNER_CONF": str(site.settings)}, timeout=30, **OWNER)
    assert result.returncode == 78 and "somebody serves from here already" in result.stderr
    assert site.visitor().get("/").status_code == 200
