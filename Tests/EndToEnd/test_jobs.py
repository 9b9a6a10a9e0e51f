"""The list of jobs, one job's page, and a job's end by its requester's wish."""

import datetime
import re
import secrets
import threading

import pytest

from reading import Page, text
from site_scripts import SCRIPTS
from site_under_test import wait_until

LEAVE = "#!/bin/sh\n##~~ Leaves a file.\necho said\necho left > left.txt\n"
SLOW = "#!/bin/sh\n##~~ word - what to say\necho \"$1 first\"\nwhile [ ! -e go ]; do sleep 0.02; done\necho second\n"
FAIL = "#!/bin/sh\n##~~ Fails.\necho 'no such luck' >&2\nexit 3\n"
TELL = SLOW.replace("first\"", "first\"\necho \"##~~ progress 40 <b>mapping</b>\"")
MINE = {"leave.sh": LEAVE, "slow.sh": SLOW, "fail.sh": FAIL, "tell.sh": TELL}


@pytest.fixture(scope="module")
def site(make_site):
    return make_site(scripts={**SCRIPTS, **MINE}, settings={"machine_cpus": 8, "default_cpus": 1, "kill_grace": 1})


@pytest.fixture(scope="module")
def slot(make_site):
    """One job at a time, so that others wait."""
    return make_site(scripts={**SCRIPTS, **MINE}, settings={"max_running_jobs": 1, "kill_grace": 0})


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


@pytest.fixture(scope="module")
def eve(site):
    return site.visitor("eve@example.org")


@pytest.fixture(scope="module")
def leave(site, ada):
    """A job of Ada's with a log and an output."""
    number = ada.queue("leave.sh")
    site.wait_for(number, "succeeded")
    return number


def go(site, number):
    (site.outbox(number) / "go").touch()


def many(visitor, count, script="echo.sh"):
    """Queues jobs quickly: each form's number is any random one."""
    hidden = visitor.form(script)
    for _ in range(count):
        fresh = {**hidden, "nonce": secrets.token_hex(16)}
        answer = visitor.submit(script, {"first": "1", "second": "2"}, hidden=fresh, allow_redirects=False)
        assert answer.status_code == 303


def numbers(page):
    return [int(row[0][1:]) for row in page.rows()]


def moment(milliseconds):
    return datetime.datetime.fromtimestamp(milliseconds // 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# The list


def test_the_list_tells_of_each_job_the_newest_first(site, ada, eve):
    first = ada.queue("echo.sh", {"first": "some, text", "second": "a=b"})
    second = eve.queue("fail.sh")
    third = ada.queue("slow.sh", {"word": "hello"})
    site.wait_for(first, "succeeded")
    site.wait_for(second, "failed")
    site.wait_for(third, "running")
    page = Page(ada.get("/jobs"))
    assert page.errors == []
    assert [text(cell) for cell in page.one("thead")[0]] == [
        "Job", "Script", "Parameters", "Requester", "Status", "Requested", "Started", "Completed", "Duration",
    ]
    assert numbers(page)[:3] == [third, second, first]
    rows = [[" ".join(cell.split()) for cell in row[1:5]] for row in page.rows()[:3]]
    assert rows == [
        ["slow.sh", "word=hello", "ada@example.org", "running"],
        ["fail.sh", "", "eve@example.org", "failed"],
        ["echo.sh", "first=some, text second=a=b", "ada@example.org", "succeeded"],
    ]
    for row, number in zip(page.one("tbody"), [third, second, first]):
        job = site.job(number)
        times = [time.get("datetime") for time in page.all("time", row)]
        known = [job[key] for key in ["queued_at", "started_at", "ended_at"] if job[key] is not None]
        assert times == [moment(time) for time in known]
        assert len(times) == (2 if number == third else 3)
        assert re.fullmatch(r"\d+ ms|\d+(\.\d)? s|\d+ min.*", text(row[8])), text(row[8])
        assert row[0][0].get("href") == f"/jobs/{number}"
    # It changes by itself.
    assert page.one("main").get("data-live") is not None
    go(site, third)
    site.wait_for(third, "succeeded")


def test_the_list_of_one_requester(site, ada, eve, leave):
    other = eve.queue("echo.sh", {"first": "", "second": ""})
    for written in ["ada@example.org", "ADA@Example.Org", "%20ada%40example.org%20"]:
        page = Page(ada.get(f"/jobs?requester={written}"))
        assert leave in numbers(page) and other not in numbers(page)
        assert {row[3] for row in page.rows()} == {"ada@example.org"}
    mine = page.one("a", href="/jobs?requester=ada%40example.org")
    assert mine.get("aria-current") == "true"
    assert {row[3] for row in Page(ada.get("/jobs?requester=eve@example.org")).rows()} == {"eve@example.org"}
    for nobody in ["nobody@example.org", "", "%25", "'", "ada@example.org%00x"]:
        answer = ada.get(f"/jobs?requester={nobody}")
        if "%00" in nobody:
            assert answer.status_code == 400
        else:
            assert "There are no jobs here." in Page(answer).main


def test_pages_hold_fifty_jobs_and_none_is_missed_while_others_arrive(slot):
    ada, grace = slot.visitor("ada@example.org"), slot.visitor("grace@example.org")
    blocker = ada.queue("wait.sh", {"status": "0"})
    slot.wait_for(blocker, "running")
    many(ada, 69)
    many(grace, 50)
    newest = 120
    assert slot.query("SELECT max(id) AS n FROM jobs")[0]["n"] == newest

    def link(page, rel):
        found = page.all("a", rel=rel)
        return found[0].get("href") if found else None

    def walk(page, rel):
        return Page(ada.get(link(page, rel)))

    first = Page(ada.get("/jobs"))
    assert first.errors == [] and numbers(first) == list(range(120, 70, -1)) and link(first, "prev") is None
    second = walk(first, "next")
    assert numbers(second) == list(range(70, 20, -1)) and link(second, "prev") and link(second, "next")
    many(ada, 3)
    third = walk(second, "next")
    assert numbers(third) == list(range(20, 0, -1)) and link(third, "next") is None
    # The way back misses none either, and ends at the newest.
    back = walk(third, "prev")
    assert numbers(back) == list(range(70, 20, -1)) and link(back, "next")
    back = walk(back, "prev")
    assert numbers(back) == list(range(120, 70, -1)) and link(back, "next") and link(back, "prev")
    back = walk(back, "prev")
    assert numbers(back) == list(range(123, 73, -1)) and link(back, "prev") is None
    assert "OFFSET" not in link(third, "prev").upper() and "page" not in link(first, "next")

    # Just as many as a page holds are one page.
    only = Page(ada.get("/jobs?requester=grace@example.org"))
    assert numbers(only) == list(range(120, 70, -1)) and only.all("nav", class_="pager") == []
    mine = Page(ada.get("/jobs?requester=ada@example.org"))
    assert numbers(mine) == [123, 122, 121, *range(70, 23, -1)]
    rest = walk(mine, "next")
    assert numbers(rest) == list(range(23, 0, -1)) and link(rest, "next") is None
    assert numbers(walk(rest, "prev")) == numbers(mine)

    for key in ["before=x", "before=-1", "before=0", "before=", "after=99999999999999999999", "after=123", "offset=50"]:
        page = Page(ada.get(f"/jobs?{key}"))
        assert numbers(page) == list(range(123, 73, -1)), key
    assert Page(ada.get("/jobs?before=1")).all("tbody") == []
    glance = text(Page(ada.get("/")).one("p", class_="glance"))
    assert " ".join(glance.split()) == "1 job is running, 122 waiting."


# One job


def test_the_jobs_page_tells_its_requester_everything(site, ada):
    files = {"input_one": ("a.txt", b"a\n"), "input_two": ("b", b"b")}
    number = ada.queue("count.sh", {"output_counts": "n.txt"}, files)
    site.wait_for(number, "succeeded")
    page = Page(ada.get(f"/jobs/{number}"))
    assert page.errors == []
    facts = {text(fact[0]): text(fact[1]) for fact in page.one("dl", class_="facts")}
    assert facts["Script"] == "count.sh" and facts["Requester"] == "ada@example.org" and facts["Exit status"] == "0"
    assert {"Requested", "Started", "Completed", "Duration", "Expires"} <= facts.keys()
    assert {"Parameters", "Output files", "Log", "Mails to ada@example.org"} <= {text(h) for h in page.all("h2")}
    assert text(page.one("a", download="", href=f"/files/jobs/{number}/n.txt")) == "n.txt"
    inputs = [link.get("href") for link in page.all("a") if text(link) == "a.txt"]
    assert ada.get(inputs[0]).content == b"a\n"
    assert text(page.one("pre")) == "counting\n"
    assert [text(event).split(" UTC ")[1] for event in page.one("ol", page.one("details"))] == [
        "queued", "starting", "running", "succeeded"
    ]


def test_the_page_of_a_failed_job_says_how(site, ada):
    number = ada.queue("fail.sh")
    site.wait_for(number, "failed")
    page = Page(ada.get(f"/jobs/{number}"))
    facts = {text(fact[0]): text(fact[1]) for fact in page.one("dl", class_="facts")}
    assert facts["Exit status"] == "3" and text(page.one("pre")) == "no such luck\n"
    assert "failed" in text(page.one("h1"))


def test_another_persons_job_shows_its_parameters_and_nothing_more(site, ada, eve):
    files = {"input_one": ("mine.txt", b"a\n"), "input_two": ("b", b"b")}
    number = ada.queue("count.sh", {"output_counts": "n.txt"}, files)
    site.wait_for(number, "succeeded")
    running = ada.queue("slow.sh", {"word": "secretly"})
    site.wait_for(running, "running")
    for job in [number, running]:
        page = Page(eve.get(f"/jobs/{job}"))
        assert {text(heading) for heading in page.all("h2")} == {"Parameters", "Details"}
        assert [form.get("action") for form in page.all("form")] == ["/logout"]
        assert page.all("pre") == [] and page.all("a", download="") == []
        assert not [link for link in page.all("a") if link.get("href").startswith(("/files/", "/jobs/"))]
    page = Page(eve.get(f"/jobs/{number}"))
    assert "mine.txt" in page.main and "n.txt" in page.main and "counting" not in page.main
    assert "secretly first" not in Page(eve.get(f"/jobs/{running}")).main
    go(site, running)
    site.wait_for(running, "succeeded")


def test_what_is_another_persons_is_as_if_it_did_not_exist(site, ada, eve, leave):
    running = ada.queue("slow.sh", {"word": "x"})
    site.wait_for(running, "running")
    ada.post("/files", ada.hidden(ada.get("/files").text, "/files"), files={"file": ("mine.txt", b"x")})
    file = site.query("SELECT max(id) AS n FROM files")[0]["n"]
    token = eve.hidden(eve.get("/jobs").text, "/logout")
    for path, absent in [
        (f"/jobs/{leave}/log", "/jobs/987654/log"),
        (f"/files/jobs/{leave}/left.txt", "/files/jobs/987654/left.txt"),
        (f"/files/jobs/{leave}/nothing", "/files/jobs/987654/nothing"),
        (f"/files/inbox/{file}", "/files/inbox/987654"),
        (f"/jobs/{leave}/nothing", "/jobs/987654/nothing"),
    ]:
        theirs, nobodys = eve.get(path), eve.get(absent)
        assert (theirs.status_code, theirs.content) == (404, nobodys.content) and nobodys.status_code == 404
        assert heads(theirs) == heads(nobodys)
        assert eve.http.head(site.url + path).status_code == 404
    for path, absent in [
        (f"/jobs/{running}/cancel", "/jobs/987654/cancel"),
        (f"/files/inbox/{file}/delete", "/files/inbox/987654/delete"),
    ]:
        theirs, nobodys = eve.post(path, token), eve.post(absent, token)
        assert (theirs.status_code, theirs.content) == (404, nobodys.content) and heads(theirs) == heads(nobodys)
    assert site.job(running)["stop_requested_at"] is None
    assert ada.get(f"/files/inbox/{file}").content == b"x"
    go(site, running)
    site.wait_for(running, "succeeded")


def heads(answer):
    return {key: value for key, value in answer.headers.items() if key != "Date"}


@pytest.mark.parametrize(
    "number", ["0", "-1", "+1", "01", "1e0", "1.0", "1%0a", "１", "99999999999999999999", "x", "1 OR 1=1", "1;"]
)
def test_a_number_that_is_none_is_not_found(ada, leave, number):
    for path in [f"/jobs/{number}", f"/jobs/{number}/log", f"/files/jobs/{number}/left.txt", f"/files/inbox/{number}"]:
        assert ada.get(path).status_code == 404


def test_where_everybody_sees_only_their_own_jobs(make_site):
    site = make_site(settings={"job_visibility": "own"})
    ada, eve = site.visitor("ada@example.org"), site.visitor("eve@example.org")
    hers = ada.queue("echo.sh", {"first": "private", "second": ""})
    site.wait_for(hers, "succeeded")
    mine = eve.queue("echo.sh", {"first": "own", "second": ""})
    for query in ["", "?requester=ada@example.org", "?requester=eve@example.org", "?before=999", f"?after={hers - 1}"]:
        page = Page(eve.get("/jobs" + query))
        assert numbers(page) == [mine] and "private" not in page.main
        assert page.all("p", class_="tabs") == []
    token = eve.hidden(eve.get("/jobs").text, "/logout")
    for path in ["", "/log", "/nothing"]:
        theirs, nobodys = eve.get(f"/jobs/{hers}{path}"), eve.get(f"/jobs/987654{path}")
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    for sent in [token, {"token": "0" * 64}]:
        theirs, nobodys = eve.post(f"/jobs/{hers}/cancel", sent), eve.post("/jobs/987654/cancel", sent)
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    assert ada.get(f"/jobs/{hers}").status_code == 200


# The end by the requester's wish


def test_a_running_job_is_cancelled_by_its_button(site, ada):
    number = ada.queue("slow.sh", {"word": "x"})
    site.wait_for(number, "running")
    page = Page(ada.get(f"/jobs/{number}"))
    form = page.form(f"/jobs/{number}/cancel")
    assert text(page.one("button", form)) == "Cancel this job"
    fields = page.fields(f"/jobs/{number}/cancel")
    # Only the button does it.
    for answer in [ada.get(f"/jobs/{number}/cancel"), ada.post(f"/jobs/{number}/cancel", {"token": "0" * 64})]:
        assert answer.status_code in (403, 404)
    assert site.job(number)["stop_requested_at"] is None
    answer = ada.post(f"/jobs/{number}/cancel", fields)
    assert answer.status_code == 200 and answer.url.startswith(f"{site.url}/jobs/{number}")
    assert page.all("form", action=f"/jobs/{number}/cancel") != []
    site.wait_for(number, "cancelled")
    page = Page(ada.get(f"/jobs/{number}"))
    assert "cancelled" in text(page.one("h1")) and page.all("form", action=f"/jobs/{number}/cancel") == []
    assert "The job was over already." in Page(ada.post(f"/jobs/{number}/cancel", fields)).main
    assert site.job(number)["state"] == "cancelled"


def test_ten_wishes_at_once_are_one(site, ada):
    number = ada.queue("slow.sh", {"word": "x"})
    site.wait_for(number, "running")
    fields = Page(ada.get(f"/jobs/{number}")).fields(f"/jobs/{number}/cancel")
    statuses = []

    def send():
        visitor = site.visitor()
        visitor.http.cookies.update(ada.http.cookies)
        statuses.append(visitor.post(f"/jobs/{number}/cancel", fields).status_code)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 10
    site.wait_for(number, "cancelled")
    ends = site.query("SELECT 1 FROM events WHERE job_id = ? AND to_state = 'cancelled'", number)
    assert len(ends) == 1


def test_a_job_that_is_cancelled_while_it_waits_never_runs(slot):
    visitor = slot.visitor("linus@example.org")
    for row in slot.query("SELECT id FROM jobs WHERE state = 'running'"):
        go(slot, row["id"])
    blocker = visitor.queue("wait.sh", {"status": "0"})
    slot.wait_for(blocker, "running")
    waiting = visitor.queue("slow.sh", {"word": "never"})
    next_one = visitor.queue("echo.sh", {"first": "", "second": ""})
    page = Page(visitor.get(f"/jobs/{waiting}"))
    assert "queued" in text(page.one("h1")) and visitor.get(f"/jobs/{waiting}/log").status_code == 404
    answer = visitor.post(f"/jobs/{waiting}/cancel", page.fields(f"/jobs/{waiting}/cancel"))
    page = Page(answer)
    assert "cancelled" in text(page.one("h1")) and "Cancelled before it started." in page.main
    go(slot, blocker)
    slot.wait_for(next_one, "succeeded")
    job = slot.job(waiting)
    assert (job["state"], job["started_at"], job["attempt"]) == ("cancelled", None, 0)
    assert not slot.outbox(waiting).exists()
    assert slot.query("SELECT 1 FROM attempts WHERE job_id = ?", waiting) == []
    mails = slot.query("SELECT subject FROM mails WHERE job_id = ?", waiting)
    assert [mail["subject"] for mail in mails] == [f"Job #{waiting} [slow.sh] Cancelled"]


def test_a_script_tells_its_requester_how_far_it_is(site, ada, eve):
    number = ada.queue("tell.sh", {"word": "x"})
    site.wait_for(number, "running")
    wait_until("the progress is in the log", lambda: "##~~ progress 40" in ada.get(f"/jobs/{number}/log").text)
    page = Page(ada.get(f"/jobs/{number}"))
    assert page.one("progress").get("value") == "40"
    assert text(page.one("label", for_="progress")) == "40 % <b>mapping</b>"
    assert Page(eve.get(f"/jobs/{number}")).all("progress") == []
    go(site, number)
    site.wait_for(number, "succeeded")
    assert Page(ada.get(f"/jobs/{number}")).all("progress") == []
