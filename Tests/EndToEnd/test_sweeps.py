"""Several jobs from one form: what they are, their page, their one mail, and their end together."""

import csv
import io
import re
import urllib.parse

import pytest

from reading import Page, text
from site_under_test import wait_until

SCRIPT = """#!/bin/sh
##~~ @syntax 2
##~~ @title Count
##~~ table? [file .csv]
##~~ k [int 1..50 = 3]
##~~ part [float 0..1 = 0.5]
##~~ mode [choice fast|exact="Slow, exact" = fast]
##~~ seed? [int] when mode=exact
##~~ keep [flag]
##~~ note [text = n]
##~~ day [date = 2026-03-01]
##~~ password? [secret]
##~~ result [output .txt = result.txt]
while [ "$7" = wait ] && [ ! -e go ]; do sleep 0.05; done
[ "$2" != 50 ] || exit 3
[ -z "$9" ] || wc -c < "$9" > length
echo "$2-$3-$4-$5-$6-$7-$8" > "${10}"
"""
PLAIN = {
    "k": "3", "part": "0.5", "mode": "fast", "note": "n", "day": "2026-03-01", "result": "result.txt",
}


@pytest.fixture(scope="module")
def site(make_site):
    return make_site(scripts={"count.sh": SCRIPT}, settings={
        "machine_cpus": 8, "default_cpus": 1, "kill_grace": 1, "max_sweep": 12})


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


def several(ada, values, files=None, **hidden):
    return send(ada, values, files, several="1", **hidden)


def send(ada, values, files=None, **hidden):
    return ada.submit("count.sh", {**PLAIN, **values}, files, hidden={**ada.form("count.sh"), **hidden})


def submit(ada, values, files=None, **hidden):
    """Looks at the preview and submits what it shows; the path of the sweep."""
    preview = several(ada, values, files, to="preview", **hidden)
    assert preview.status_code == 200, Page(preview).main
    hidden["previewed"] = Page(preview).one("input", name="previewed").get("value")
    answer = several(ada, values, files, **hidden)
    assert "/jobs/sweeps/" in answer.url, Page(answer).main
    return urllib.parse.urlsplit(answer.url).path


def over(site, address):
    sweep = int(address.rsplit("/", 1)[1])
    wait_until("the sweep is over", lambda: site.query("SELECT ended_at FROM sweeps WHERE id = ?", sweep)[0]["ended_at"])
    return site.query("SELECT * FROM jobs WHERE sweep_id = ? ORDER BY id", sweep)


def results(site, jobs):
    return [(site.outbox(job["id"]) / "result.txt").read_text().strip() for job in jobs]


def count(site, table="jobs"):
    return site.query(f"SELECT count(*) AS n FROM {table}")[0]["n"]


@pytest.mark.parametrize("values, expected", [
    ({"k": "1..3"}, ["1-0.5-fast---n-2026-03-01", "2-0.5-fast---n-2026-03-01", "3-0.5-fast---n-2026-03-01"]),
    ({"k": "1, 7 2..6 step 4"}, [f"{k}-0.5-fast---n-2026-03-01" for k in [1, 7, 2, 6]]),
    ({"part": "0..0.3 step 0.1"}, [f"3-{part}-fast---n-2026-03-01" for part in ["0", "0.1", "0.2", "0.3"]]),
    ({"mode": ["fast", "exact"], "seed": "1..2"}, [
        f"3-0.5-{mode}--n-2026-03-01" for mode in ["fast-", "exact-1", "exact-2"]]),
    ({"keep": ["yes", "no"], "note": "a b\r\n$(touch x)"}, [
        f"3-0.5-fast--{rest}-2026-03-01" for rest in ["yes-a b", "yes-$(touch x)", "-a b", "-$(touch x)"]]),
    ({"day": "2024-02-28..2024-03-01"}, [
        f"3-0.5-fast---n-{day}" for day in ["2024-02-28", "2024-02-29", "2024-03-01"]]),
])
def test_each_combination_makes_a_job(site, ada, values, expected):
    assert results(site, over(site, submit(ada, values))) == expected


def test_each_file_makes_a_job(site, ada):
    files = {"table": [("a.csv", b"1"), ("b.csv", b"2")]}
    page = Page(several(ada, {}, files, to="preview"))
    options = list(page.one("select", name="param_table").iter("option"))
    chosen = [option.get("value") for option in options if option.get("selected") is not None]
    assert len(chosen) == 2
    jobs = over(site, submit(ada, {"table": chosen}))
    names = site.query("SELECT value FROM job_parameters WHERE name = 'table' AND job_id >= ? ORDER BY job_id", jobs[0]["id"])
    assert [name["value"] for name in names] == ["a.csv", "b.csv"]


def test_each_row_of_a_table_makes_a_job(site, ada):
    several(ada, {}, {"table": [("c.csv", b"1")]}, to="preview")
    table = '\ufeffk;note;table\r\n1;"a; ""b"" ";c.csv\r\n2;plain;\r\n'
    jobs = over(site, submit(ada, {"keep": ["yes", "no"]}, table=table))
    assert results(site, jobs) == [
        '1-0.5-fast--yes-a; "b" -2026-03-01', '1-0.5-fast---a; "b" -2026-03-01',
        "2-0.5-fast--yes-plain-2026-03-01", "2-0.5-fast---plain-2026-03-01"]
    files = site.query("SELECT value FROM job_parameters WHERE name = 'table' AND job_id >= ? ORDER BY job_id", jobs[0]["id"])
    assert [file["value"] for file in files] == ["c.csv", "c.csv", "", ""]


@pytest.mark.parametrize("values, sentence", [
    ({"k": "1..13"}, "These are more than 12 values, and no sweep may have more jobs."),
    ({"k": "1..4", "day": "2026-03-01..2026-03-04"}, "These values make 16 jobs, and at most 12 may be submitted together."),
    ({"k": "1..60 step 30"}, None),
    ({"k": "0 1"}, "0: This has to be a whole number from 1 to 50."),
    ({"k": "1 1"}, "1 stands here twice."),
    ({"k": "3..1"}, "3..1 ends before it begins; write the smaller number first."),
    ({"k": "1..3 step 0"}, "0 is no distance between values; write a number above 0."),
    ({"k": "1..3 step"}, "After “step” comes how far apart the values are, as in: 0..1 step 0.25"),
    ({"k": "1..a"}, "1..a is no range of numbers, such as 1..10."),
    ({"part": "0..1"}, "How far apart are the values of 0..1? Write, for example: 0..1 step 0.1"),
    ({"part": "0,5"}, "This has to be a number from 0 to 1, such as 0.25."),
    ({"k": ""}, "Fill this in."),
    ({"day": "2026-03-02..2026-03-01"}, "2026-03-02..2026-03-01 is no range of days, such as 2026-03-01..2026-03-07."),
    ({"k": "9223372036854775800..9223372036854775807"}, None),
])
def test_values_that_will_not_do_make_no_job(site, ada, values, sentence):
    before = count(site)
    answer = several(ada, values, to="preview") if sentence else several(ada, values)
    if sentence:
        assert answer.status_code == 422 and sentence in text(Page(answer).one("main"))
        assert answer.status_code == several(ada, values).status_code
    elif values["k"].startswith("1..60"):
        # 1 and 31 are allowed, and a preview has to come first.
        assert answer.status_code == 200 and "Preview of 2 jobs" in Page(answer).main
    else:
        assert answer.status_code == 422
    assert count(site) == before


@pytest.mark.parametrize("table, sentence", [
    ("other\n1\n", "The first line of the table names “other”, but a table may have: "),
    ("k,k\n1,2\n", "The first line of the table names k twice."),
    ("password\nx\n", "password cannot stand in a table."),
    ("k\n", "The table has no row."),
    ("k,note\n1\n", "Line 2 of the table has 1 cell, and the first has 2."),
    ('k,note\n1,"x\n', "Line 2 of the table has a quote that is not closed, or something behind it."),
    ("k\n1\n0\n", "k: This has to be a whole number from 1 to 50. (row 2 of the table)"),
    ("table\nno.csv\n", "There is no file no.csv among yours and the shared ones; upload it first."),
    ("k\n" + "1\n" * 13, "The table has more than 12 rows, and no sweep may have more jobs."),
])
def test_a_table_that_will_not_do_is_told(site, ada, table, sentence):
    before = count(site)
    answer = several(ada, {}, table=table)
    page = Page(answer)
    assert answer.status_code == 422 and sentence in text(page.one("p", id="table-e"))
    assert text(page.one("textarea", name="table")).strip() == table.strip()
    assert count(site) == before


def test_nothing_is_submitted_that_no_preview_has_shown(site, ada):
    before = count(site)
    first = several(ada, {"k": "1..2"})
    assert first.status_code == 200 and "Preview of 2 jobs" in Page(first).main
    seal = Page(first).one("input", name="previewed").get("value")
    other = several(ada, {"k": "1..3"}, previewed=seal)
    assert "Preview of 3 jobs" in Page(other).main and count(site) == before


def test_one_value_of_each_makes_one_job_without_a_sweep(site, ada):
    before = count(site, "sweeps")
    answer = several(ada, {})
    assert re.search(r"/jobs/\d+\?", answer.url) and count(site, "sweeps") == before


def test_a_form_that_is_sent_twice_makes_one_sweep(site, ada):
    values = {"k": "1..2"}
    preview = several(ada, values, to="preview")
    seal = Page(preview).one("input", name="previewed").get("value")
    nonce = Page(preview).one("input", name="nonce").get("value")
    before = count(site)
    addresses = {several(ada, values, previewed=seal, nonce=nonce).url.partition("?")[0] for _ in range(2)}
    assert len(addresses) == 1 and count(site) == before + 2


def test_what_was_filled_in_stays_on_the_way_to_several_values_and_back(ada):
    there = Page(send(ada, {"k": "7", "note": "x"}, to="several"))
    fields = there.fields("/submit/count.sh")
    assert fields["several"] == "1" and fields["param_k"].strip() == "7" and not there.alerts()
    # A table may tell what the fields leave empty.
    assert not [area.get("name") for area in there.all("textarea") if area.get("required") is not None]
    back = Page(several(ada, {"k": "7\r\n8", "note": "x"}, to="single"))
    fields = back.fields("/submit/count.sh")
    assert "several" not in fields and fields["param_k"] == "7" and fields["param_note"] == "x"


def test_the_page_shows_the_jobs_side_by_side(site, ada):
    address = submit(ada, {"k": "4 50", "note": "side"})
    jobs = over(site, address)
    page = Page(ada.get(address))
    assert page.errors == []
    rows = page.rows()
    assert [row[1:3] for row in rows] == [["4", "succeeded"], ["50", "failed"]]
    # A short output is shown as it is.
    assert rows[0][-1] == "4-0.5-fast---side-2026-03-01" and rows[1][-1] == "–"
    heads = [text(cell) for cell in page.one("thead").iter("th")]
    assert heads == ["Job", "k", "Status", "Duration", "result.txt"]
    assert "The same in all jobs" in page.main
    table = ada.get(f"{address}/table.csv")
    assert "attachment" in table.headers["Content-Disposition"]
    [names, first, second] = csv.reader(io.StringIO(table.text))
    assert names[:2] == ["job", "k"] and first[:2] == [str(jobs[0]["id"]), "4"] and second[1] == "50"
    assert dict(zip(names, second))["exit status"] == "3" and dict(zip(names, first))["note"] == "side"
    # The list of jobs has one row for all of it.
    page = Page(ada.get("/jobs"))
    assert len([link for link in page.all("a") if link.get("href") == address]) == 1
    [row] = [row for row in page.rows() if f"–{jobs[1]['id']}" in row[0]]
    assert row[0] == f"#{jobs[0]['id']}–{jobs[1]['id']}" and "1 succeeded 1 failed" in row[4]
    assert f"#{address.rsplit('/', 1)[1]}" in Page(ada.get(f"/jobs/{jobs[0]['id']}")).main


def test_all_of_it_is_submitted_again(site, ada):
    address = submit(ada, {"k": "8..9", "note": "again\r\n $(x) ", "mode": ["fast"], "keep": ["yes"]})
    first = results(site, over(site, address))
    [link] = [link for link in Page(ada.get(address)).all("a") if text(link) == "Submit these jobs again"]
    page = Page(ada.get(link.get("href")))
    fields = page.fields("/submit/count.sh")
    assert fields["several"] == "1" and fields["table"].strip().splitlines()[0] == "k,note"
    values = {name.removeprefix("param_"): value for name, value in fields.items() if name.startswith("param_")}
    again = over(site, submit(ada, {**values, "keep": ["yes"], "mode": ["fast"]}, table=fields["table"]))
    assert results(site, again) == first and len(first) == 4
    # A flag alone, one of whose values is empty.
    address = submit(ada, {"keep": ["yes", "no"]})
    first = results(site, over(site, address))
    fields = Page(ada.get(f"/submit/count.sh?sweep={address.rsplit('/', 1)[1]}")).fields("/submit/count.sh")
    assert results(site, over(site, submit(ada, {}, table=fields["table"]))) == first and len(first) == 2
    bob = site.visitor("bob.again@example.org")
    assert "several" not in Page(bob.get(link.get("href"))).fields("/submit/count.sh")


def test_the_page_says_why_they_wait(site, ada):
    site.admin("drain")
    try:
        address = submit(ada, {"k": "1..2"})
        assert "The administrator has let no job start since" in Page(ada.get(address)).main
        ada.send(address, f"{address}/cancel", {})
    finally:
        site.admin("resume")


def test_others_see_the_outline_and_can_do_nothing(site, ada):
    bob = site.visitor("bob@example.org")
    address = submit(ada, {"k": "1..2", "note": "wait"})
    page = Page(bob.get(address))
    assert "Cancel" not in page.main and "Download" not in page.main
    assert bob.get(f"{address}/table.csv").status_code == 404
    token = bob.form("count.sh")["token"]
    assert bob.post(f"{address}/cancel", {"token": token}).status_code == 404
    assert ada.post(f"{address}/cancel", {"token": "x"}).status_code == 403
    ada.send(address, f"{address}/cancel", {})
    assert {job["state"] for job in over(site, address)} == {"cancelled"}


def test_one_mail_tells_of_all(site, ada):
    before = count(site, "mails")
    address = submit(ada, {"k": "2 50", "note": "mail"})
    jobs = over(site, address)
    mails = site.query("SELECT * FROM mails ORDER BY id")[before:]
    assert [mail["kind"] for mail in mails] == ["ended"]
    [mail] = mails
    assert mail["subject"] == f"Sweep #{address.rsplit('/', 1)[1]} [count.sh] 1 of 2 Not Complete"
    assert "1 succeeded, 1 failed" in mail["body"] and address in mail["body"]
    assert f"#{jobs[1]['id']}: " in mail["body"]


def test_all_jobs_of_a_sweep_are_cancelled_at_once(site, ada):
    site.admin("drain")
    before = count(site, "mails")
    try:
        address = submit(ada, {"k": "1..3", "password": "open sesame"})
        assert len(list((site.state / "state/secrets").iterdir())) == 3
        answer = ada.send(address, f"{address}/cancel", {})
        assert answer.status_code == 200
        assert [job["state"] for job in over(site, address)] == ["cancelled"] * 3
        assert list((site.state / "state/secrets").iterdir()) == []
        [mail] = site.query("SELECT * FROM mails ORDER BY id")[before:]
        assert "3 cancelled" in mail["body"]
    finally:
        site.admin("resume")


def test_each_job_has_a_secret_of_its_own(site, ada):
    jobs = over(site, submit(ada, {"k": "1..2", "password": "open sesame"}))
    assert [(site.outbox(job["id"]) / "length").read_text() for job in jobs] == ["11\n", "11\n"]
    assert list((site.state / "state/secrets").iterdir()) == []


def test_outputs_stay_until_the_whole_sweep_is_over(site, ada):
    address = submit(ada, {"k": "50 1", "note": "wait"})
    first, second = site.query("SELECT id FROM jobs WHERE sweep_id = ? ORDER BY id", int(address.rsplit("/", 1)[1]))
    site.wait_for(first["id"], "running")
    (site.outbox(first["id"]) / "go").touch()
    site.wait_for(first["id"], "failed")
    assert site.job(first["id"])["expires_at"] is None
    site.wait_for(second["id"], "running")
    (site.outbox(second["id"]) / "go").touch()
    jobs = over(site, address)
    assert jobs[0]["expires_at"] == jobs[1]["expires_at"] == jobs[1]["ended_at"] + 7 * 86_400_000


def test_sweeps_can_be_forbidden(make_site):
    site = make_site(scripts={"count.sh": SCRIPT}, settings={"max_sweep": 0})
    eve = site.visitor("eve@example.org")
    assert "Several values" not in Page(eve.get("/submit/count.sh")).main
    answer = several(eve, {"k": "1..2"})
    assert answer.status_code == 422 and count(site) == 0
