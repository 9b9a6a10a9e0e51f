"""`scriptrunner serve` and its folder: what is kept from one start to the next, and what root's start never touches."""

import os
import subprocess

import pytest

from machine import copy_programs, needs_root, serve
from site_scripts import SCRIPTS
from site_under_test import ROOT, Site, free_port


def text_of_settings(site):
    return (site.state / "etc/ScriptRunner.conf").read_text()


def test_the_second_start_goes_on_with_the_same_data(make_site):
    site = make_site()
    person = site.visitor("again@example.org")
    number = person.queue("plain.sh")
    site.wait_for(number, "succeeded")
    site.stop()
    site.start()
    # Signed in still, by the same cookie.
    assert "plain" in person.get(f"/jobs/{number}/log").text
    assert person.queue("plain.sh") == number + 1


def test_another_port_changes_the_address_alone(make_site):
    site = make_site(settings={"poll_interval": 7, "email_address": "admin@example.org"})
    site.stop()
    file = site.state / "etc/ScriptRunner.conf"
    file.write_text(file.read_text().replace("# The sender", "# My own remark: the sender") + "# the last word\n")
    before, old = text_of_settings(site), site.port
    site.port = free_port()
    site.start()
    assert f"base_url=http://localhost:{old}\n" in before
    assert text_of_settings(site) == before.replace(f"localhost:{old}", f"localhost:{site.port}")
    assert site.visitor("port@example.org").get("/jobs").status_code == 200
    site.stop()
    # What the admin put behind the port stays, and another address stays whole.
    for address, expected in [
        ("http://localhost:1/tools/jobs", "http://localhost:{}/tools/jobs"),
        ("https://jobs.example.org", "https://jobs.example.org"),
    ]:
        site.set(base_url=address)
        site.start()
        site.stop()
        assert text_of_settings(site).splitlines()[-1] == "base_url=" + expected.format(site.port)


def test_a_start_that_changes_nothing_leaves_the_settings_file_alone(make_site):
    site = make_site()
    file = site.state / "etc/ScriptRunner.conf"
    before = file.stat()
    site.stop()
    site.start()
    assert file.stat().st_ino == before.st_ino and file.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("httpd", ["nginx", "apache"])
def test_folders_may_have_long_names_with_spaces(folder, httpd):
    if httpd == "nginx":
        (folder / "my programs, v. 2 (new) & more").mkdir()
        root = copy_programs(folder / "my programs, v. 2 (new) & more/@it's #1;")
        state = folder / ("long " * 40 + "way") / "räume und zeiten"
    else:
        # mod_fcgid sets narrower bounds.
        root, state = ROOT, folder / "it's; räume #1" / "und @zeiten"
    state.parent.mkdir()
    site = Site(httpd=httpd, root=root, state=state)
    try:
        site.write_script("plain.sh", "#!/bin/sh\necho plain > 'a result.txt'\n")
        person = site.visitor("spaces@example.org")
        number = person.queue("plain.sh")
        site.wait_for(number, "succeeded")
        assert person.get(f"/files/jobs/{number}/a%20result.txt").text == "plain\n"
        assert site.visitor().get("/static/errors/404.html").status_code == 200
    finally:
        site.close()


def test_a_name_that_no_configuration_can_hold_is_told(folder):
    spaced = copy_programs(folder / "my programs")
    for name, words, root, told in [
        ("100$", [], ROOT, "100$"),
        ("x" * 120, ["--httpd", "apache"], ROOT, "choose a folder with a shorter one"),
        ("var", ["--httpd", "apache"], spaced, "my programs/cgi-bin: Apache's mod_fcgid"),
    ]:
        result = serve(folder / name, *words, root=root)
        assert result.returncode == 78 and told in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_an_old_log_is_put_aside_once_it_is_long(make_site):
    site = make_site()
    site.stop()
    log = site.state / "log/scriptrunner.log"
    with open(log, "ab") as file:
        file.truncate(17 << 20)
    site.start()
    assert log.stat().st_size < 1 << 20 and (site.state / "log/scriptrunner.log.1").stat().st_size == 17 << 20


# Root starts a site in a folder in which somebody else has been at work


@pytest.fixture
def foreign(tmp_path):
    """A file of root's that nobody else may change, and its stat."""
    file = tmp_path / "foreign"
    file.write_text("root's own")
    file.chmod(0o600)
    return file


def unchanged(file):
    status = file.stat()
    return (status.st_uid, status.st_mode & 0o777, file.read_text()) == (0, 0o600, "root's own")


@needs_root
def test_another_users_folder_changes_hands_but_no_foreign_file_does(make_site, foreign):
    site = make_site(run_as="daemon")
    site.visitor("hands@example.org").queue("plain.sh")
    site.wait_for(1, "succeeded")
    site.stop()
    # On the same disk, or there could be no second name.
    outside = site.folder / "foreign"
    foreign.rename(outside)
    os.link(outside, site.state / "outbox/second-name")
    (site.state / "outbox/link").symlink_to(outside)
    (site.state / "outbox/folder").symlink_to("/etc")
    roots = site.state / "inbox/shared/by root"
    roots.write_text("root put it here")
    etc = os.stat("/etc").st_uid
    site.run_as = "nobody"
    site.start()
    site.stop()
    assert unchanged(outside) and os.stat("/etc").st_uid == etc and os.stat("/etc/passwd").st_uid == 0
    assert roots.stat().st_uid == 0
    left = {path.name for path in site.state.rglob("*") if path.lstat().st_uid != 65534} - set(SCRIPTS)
    assert left == {"by root", "second-name", "link", "folder"}


@needs_root
def test_a_folder_of_roots_is_given_away_but_no_file_with_a_second_name(make_site, foreign):
    site = make_site()
    site.stop()
    for path in [site.state, *site.state.rglob("*")]:
        os.chown(path, 0, 0)
    outside = site.folder / "foreign"
    foreign.rename(outside)
    os.link(outside, site.state / "outbox/second-name")
    site.start()
    assert site.visitor("root@example.org").get("/jobs").status_code == 200
    site.stop()
    assert unchanged(outside)
    assert [path.name for path in site.state.rglob("*") if path.lstat().st_uid != 65534] == ["second-name"]


@needs_root
@pytest.mark.parametrize("name", [
    "etc/ScriptRunner.conf.new", "log/scriptrunner.log", "log/httpd-error.log", "httpd/server.conf", "httpd/site.conf",
    "run/nginx.pid",
])
def test_links_in_the_folder_lead_root_to_no_foreign_file(make_site, foreign, name):
    site = make_site()
    site.stop()
    (site.state / name).unlink(missing_ok=True)
    (site.state / name).symlink_to(foreign)
    site.port = free_port()
    result = start_and_stop(site)
    assert unchanged(foreign)
    # The settings are written anew all the same; what cannot be written is told.
    assert result.returncode == 0 if name.endswith(".new") else "Permission denied" in result.stderr


def start_and_stop(site):
    """Starts a site that may come up or not, and ends it."""
    process = subprocess.Popen(site.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told = ""
    for line in process.stdout:
        told += line
        if "ScriptRunner is at" in line:
            process.terminate()
    stderr = process.stderr.read()
    return subprocess.CompletedProcess(process.args, process.wait(60), told, stderr)


@needs_root
def test_a_folder_that_is_a_link_by_now_is_not_followed(make_site, foreign):
    site = make_site()
    site.stop()
    outside = foreign.parent / "outside"
    outside.mkdir()
    (outside / "db").mkdir()
    for name in ["mail", "httpd", "inbox"]:
        (site.state / name).rename(site.state / f"{name}.old")
        (site.state / name).symlink_to(outside)
    before = sorted(path.name for path in outside.rglob("*"))
    result = start_and_stop(site)
    assert result.returncode not in [0, None]
    assert sorted(path.name for path in outside.rglob("*")) == before and outside.stat().st_uid == 0


@needs_root
def test_the_lock_of_a_site_is_made_nowhere_else(folder):
    state = folder / "var"
    state.mkdir()
    os.chown(state, 65534, 65534)
    (state / "serve.lock").symlink_to(folder / "made by root")
    result = serve(state)
    assert result.returncode == 78 and "no state of ScriptRunner's" in result.stderr
    assert not (folder / "made by root").exists()
