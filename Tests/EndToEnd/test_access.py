"""Scripts that are not for everybody (`@access`), before the real server: one visitor is in the group, the other is not."""

import json
import re

import pytest

from reading import Page, text
from site_under_test import wait_until

WET = """#!/bin/sh
##~~ @syntax 2
##~~ @title Wet work
##~~ @access group:wetlab user:grace@example.org
##~~ @example note=tried table=small.csv
##~~ note [text]
##~~ table? [file]
while [ "$1" = wait ] && [ ! -e go ]; do sleep 0.05; done
echo "$1" > note.txt
"""
SCRIPTS = {"wet.sh": WET, "open.sh": "#!/bin/sh\n##~~ @syntax 2\n##~~ @access all\n##~~ note [text]\n", "small.csv": "a\n"}


@pytest.fixture(scope="module")
def site(make_site):
    """One job at a time."""
    site = make_site(scripts=SCRIPTS)
    (site.state / "scripts/small.csv").chmod(0o644)
    return site


@pytest.fixture(scope="module")
def ada(site):
    """She is in the group."""
    ada = site.visitor("ada@example.org")
    site.admin("group", "add", "wetlab", "ada@example.org")
    return ada


@pytest.fixture(scope="module")
def eve(site):
    """She is in another."""
    eve = site.visitor("eve@example.org")
    site.admin("group", "add", "Wetlab", "eve@example.org")
    return eve


@pytest.fixture
def former(site):
    """Makes visitors who are in the group until the test lets them out."""

    def make(login):
        visitor = site.visitor(login)
        site.admin("group", "add", "wetlab", login)
        return visitor

    return make


def cards(answer):
    return [text(element).strip() for element in Page(answer).all("h2")]


def jobs(site):
    return site.query("SELECT count(*) AS n FROM jobs")[0]["n"]


def files(site):
    return site.query("SELECT count(*) AS n FROM files")[0]["n"]


def told(answer):
    """Status and page, without what differs from request to request."""
    return answer.status_code, re.sub(r"nothing\.sh|wet\.sh", "SCRIPT", Page(answer).main)


def test_the_list_and_its_search_show_it_to_the_group_alone(ada, eve):
    assert "Wet work" in cards(ada.get("/submit")) and "open.sh" in cards(ada.get("/submit"))
    assert "Wet work" not in cards(eve.get("/submit")) and "open.sh" in cards(eve.get("/submit"))
    assert cards(ada.get("/submit", params={"q": "wet"})) == ["Wet work"]
    assert cards(eve.get("/submit", params={"q": "wet"})) == []
    assert ada.get("/submit?scriptname=wet.sh").url.endswith("/submit/wet.sh")
    assert eve.get("/submit?scriptname=wet.sh").url.endswith("/submit?scriptname=wet.sh")


def test_the_form_is_there_for_the_group_and_for_who_is_named(site, ada, eve):
    assert ada.get("/submit/wet.sh").status_code == 200
    assert site.visitor("grace@example.org").get("/submit/wet.sh").status_code == 200
    for query in ["", "?example=1", "?from=1"]:
        assert told(eve.get(f"/submit/wet.sh{query}")) == told(eve.get(f"/submit/nothing.sh{query}"))
        assert eve.get(f"/submit/wet.sh{query}").status_code == 404


@pytest.mark.parametrize("values", [
    {"note": "mine"}, {"note": "tried", "table": "example:small.csv"},
], ids=["own", "example"])
def test_what_others_send_comes_to_nothing(site, ada, eve, values):
    ada_number = ada.queue("wet.sh", values)
    site.wait_for(ada_number, "succeeded")
    before = jobs(site), files(site)
    hidden = {**eve.form("open.sh"), "scriptname": "wet.sh"}
    upload = {"table": ("t.csv", b"x")}
    answer = eve.submit("wet.sh", values, upload, hidden=hidden)
    assert answer.status_code == 404 and "not offered any more" in Page(answer).main
    unknown = eve.submit("nothing.sh", values, upload, hidden={**hidden, "scriptname": "nothing.sh"})
    assert told(answer) == told(unknown)
    # Nor by the name of its field alone.
    fields = [(name, (None, value)) for name, value in {**hidden, "param_note": "x"}.items()]
    assert eve.http.post(f"{site.url}/submit", files=fields).status_code == 404
    assert (jobs(site), files(site)) == before


def test_a_form_that_was_open_when_its_reader_left_the_group_makes_no_job(site, former):
    visitor = former("open-form@example.org")
    hidden = visitor.form("wet.sh")
    before = jobs(site)
    site.admin("group", "remove", "wetlab", "open-form@example.org")
    assert visitor.submit("wet.sh", {"note": "x"}, hidden=hidden).status_code == 404
    assert jobs(site) == before


def test_a_job_is_submitted_again_only_by_who_may(site, former):
    visitor = former("again@example.org")
    number = visitor.queue("wet.sh", {"note": "once"})
    site.wait_for(number, "succeeded")
    again = f"/submit/wet.sh?from={number}"
    assert again in visitor.get(f"/jobs/{number}").text
    assert Page(visitor.get(again)).fields("/submit/wet.sh")["param_note"] == "once"
    site.admin("group", "remove", "wetlab", "again@example.org")
    page = visitor.get(f"/jobs/{number}")
    # The job stays, with its outputs.
    assert page.status_code == 200 and "note.txt" in page.text
    assert "Submit this script again" not in page.text
    assert visitor.get(again).status_code == 404


def test_a_job_that_waits_is_not_run_once_its_requester_has_left(site, ada, former):
    visitor = former("leaves@example.org")
    first = ada.queue("wet.sh", {"note": "wait"})
    site.wait_for(first, "running")
    number, other = visitor.queue("wet.sh", {"note": "late"}), ada.queue("wet.sh", {"note": "stays"})
    assert site.job(number)["state"] == "queued"
    site.admin("group", "remove", "wetlab", "leaves@example.org")
    (site.outbox(first) / "go").touch()
    reason = site.wait_for(number, "failed")["reason"]
    assert reason == (
        "The script wet.sh may not be used by leaves@example.org any more, so the job was not run. Please ask the admin.")
    assert site.job(number)["started_at"] is None
    assert reason in visitor.get(f"/jobs/{number}").text
    mail = wait_until("the mail is queued", lambda: site.query(
        "SELECT subject, body FROM mails WHERE job_id = ? AND kind = 'ended'", number))[0]
    assert mail["subject"].endswith("Failed") and "may not be used by" in mail["body"]
    site.wait_for(other, "succeeded")


def test_the_account_page_tells_of_the_groups(site, ada, eve):
    assert "Your groups: wetlab." in Page(ada.get("/account")).main
    assert "Your groups: Wetlab." in Page(eve.get("/account")).main
    site.admin("group", "add", "dry.lab", "eve@example.org")
    assert "Your groups: Wetlab, dry.lab." in Page(eve.get("/account")).main
    assert "Your groups" not in Page(site.visitor("alone@example.org").get("/account")).main


def test_the_admin_lets_people_in_and_out(site):
    for login in ["in-1@example.org", "in-2@example.org"]:
        site.visitor(login)

    def group(*words, status=0):
        return site.admin("group", *words, status=status)

    assert group("add", "crew", "In-1@Example.org", "in-2@example.org").stdout.splitlines() == [
        "crew: is a new group", "in-1@example.org: is in crew", "in-2@example.org: is in crew"]
    assert group("add", "crew", "in-1@example.org").stdout == "in-1@example.org: is in crew, as before\n"
    assert group("list", "crew").stdout == "in-1@example.org\nin-2@example.org\n"
    assert "crew  2 people, for no script" in group("list").stdout.splitlines()
    site.write_script("crew.sh", "#!/bin/sh\n##~~ @syntax 2\n##~~ @access group:crew group:crow\n")
    listed = group("list").stdout.splitlines()
    assert "crew  2 people, for crew.sh" in listed and "crow  nobody, for crew.sh" in listed
    site.admin("close", "in-2@example.org")
    assert re.search(r"^in-2@example.org, closed since ", group("list", "crew").stdout, re.M)
    assert group("remove", "crew", "in-1@example.org").stdout == "in-1@example.org: is not in crew any more\n"
    assert group("remove", "crew", "in-1@example.org", status=65).stderr == "in-1@example.org: was not in crew\n"
    assert group("remove", "crew", "in-2@example.org").stdout.splitlines() == [
        "in-2@example.org: is not in crew any more", "crew: nobody is left in it"]
    (site.state / "scripts/crew.sh").unlink()
    assert "crew" not in group("list").stdout


@pytest.mark.parametrize("words, status, told", [
    (("add", "team", "someone@example.org", "nobody@example.org"), 67, "nobody@example.org: nobody has this address"),
    (("add", "te am", "someone@example.org"), 64, "te am: no name of a group: up to 64 letters"),
    (("remove", "taem", "someone@example.org"), 65, "taem: nobody is in a group of this name; `scriptrunner group list`"),
    (("list", "taem"), 65, "taem: nobody is in a group of this name"),
    (("add", "team"), 64, "usage:"), (("remove",), 64, "usage:"), ((), 64, "usage:"), (("list", "a", "b"), 64, "usage:"),
])
def test_what_the_admin_cannot_have_meant_changes_nothing(site, words, status, told):
    visitor = site.visitor()
    if not site.query("SELECT 1 FROM users WHERE email = 'someone@example.org'"):
        visitor.sign_up("someone@example.org")
    answer = site.admin("group", *words, status=status)
    assert told in answer.stderr and answer.stdout == ""
    assert site.query("SELECT * FROM group_members JOIN users ON users.id = user_id WHERE email = 'someone@example.org'") == []


def test_authors_see_whom_their_script_is_for(site):
    scripts = site.state / "scripts"
    form = json.loads(site.admin("check", "--json", scripts / "wet.sh").stdout)[0]
    assert form["access"] == {"groups": ["wetlab"], "users": ["grace@example.org"]}
    assert json.loads(site.admin("check", "--json", scripts / "open.sh").stdout)[0]["access"] is None
    site.write_script("bad.sh", "#!/bin/sh\n##~~ @syntax 2\n##~~ @access wetlab\n")
    assert site.admin("check", scripts / "bad.sh", status=65).stdout == (
        f"{scripts}/bad.sh:3:14: error: wetlab is not understood; write group:wetlab, or all for everybody\n")
    (scripts / "bad.sh").unlink()


def test_an_author_runs_it_without_being_in_any_group(site):
    assert site.admin("run", site.state / "scripts/wet.sh", "note=mine").returncode == 0
