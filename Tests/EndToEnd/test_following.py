"""Jobs that wait for others, and read what they leave."""

import itertools
import re
import threading

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from forms import jobs, number_of
from reading import Page, text
from site_scripts import SCRIPTS
from site_under_test import wait_until
from writing import waiting_for_locks, write_lock, write_locked

# Leaves what it is asked for, and more, once it is let go.
MAKE = """#!/bin/sh
##~~ output_table - where the table goes
##~~ status - what to exit with
touch up
while [ ! -e go ]; do sleep 0.02; done
rm go up
echo one > "$1"
mkdir below
echo '<b>' > 'below/a "b" <i>.csv'
echo other > other.txt
head -c 2000 /dev/zero > large.csv
ln -s /etc/hostname link.csv
exit "$2"
"""
# The original form.
USE = """#!/bin/sh
##~~ input_table - any file
##~~ output_copy - where it goes
printf '%s' "$1" > path
cat "$1" > "$2"
echo two >> "$2"
"""
RICH = """#!/bin/sh
##~~ @syntax 2
##~~ tables [files 1..3 .csv max=1K] - some tables
##~~ token? [secret]
printf '%s' "$SR_TABLES_NAMES" > names
IFS='
'
cat $SR_TABLES > all
"""


people = itertools.count()


@pytest.fixture(scope="module")
def site(make_site):
    return make_site(
        scripts={**SCRIPTS, "make.sh": MAKE, "use.sh": USE, "rich.sh": RICH},
        settings={"machine_cpus": 16, "default_cpus": 1, "kill_grace": 0})


@pytest.fixture
def ada(site):
    """A person of each test's own, whose lists nobody else fills."""
    return site.visitor(f"ada-{next(people)}@example.org")


def make(ada, name="one.csv", status=0, after=()):
    return ada.queue("make.sh", {"output_table": name, "status": str(status)}, after=after)


def go(site, number, state="succeeded"):
    site.wait_for(number, "running", "succeeded", "failed")
    wait_until("it is up", (site.outbox(number) / "up").exists)
    (site.outbox(number) / "go").touch()
    site.wait_for(number, state)


def offered(visitor, script, name, group="Outputs of your jobs"):
    """Value and words of what a file's list offers."""
    page = Page(visitor.get(f"/submit/{script}"))
    assert page.errors == []
    return options(page, name, group)


def options(page, name, group="Outputs of your jobs"):
    return {
        option.get("value"): text(option)
        for element in page.all("select", name=f"param_{name}")
        for part in page.all("optgroup", element, label=group) for option in part}


def mails(site, number):
    return [row["subject"] for row in site.query("SELECT subject FROM mails WHERE job_id = ? ORDER BY id", number)]


def main(visitor, number):
    return Page(visitor.get(f"/jobs/{number}")).main


def links(visitor, number):
    """The jobs that a job's page names under each heading."""
    page = Page(visitor.get(f"/jobs/{number}"))
    found = {}
    for heading in page.all("h2"):
        if text(heading) in ("Follows", "Followed by"):
            parent = next(element for element in page.tree.iter() if heading in list(element))
            following = list(parent)[list(parent).index(heading) + 1]
            found[text(heading)] = [int(link.get("href").rsplit("/", 1)[1]) for link in following.iter("a")]
    return found


def test_a_chain_runs_one_after_another_with_what_the_one_before_leaves(site, ada):
    first = make(ada)
    value = f"result:{first}:one.csv"
    assert offered(ada, "use.sh", "input_table") == {value: f"one.csv, job #{first} (once that has succeeded)"}
    answer = ada.submit("use.sh", {"input_table": value, "output_copy": "two.txt"})
    second = number_of(answer)
    assert "Your job is submitted and follows others." in Page(answer).main
    # What it leaves can be named before it has begun, or what it follows has.
    assert f"result:{second}:two.txt" in offered(ada, "use.sh", "input_table")
    third = ada.queue("use.sh", {"input_table": f"result:{second}:two.txt", "output_copy": "three.txt"}, after=[first])
    assert links(ada, first) == {"Followed by": [second, third]}
    assert links(ada, second) == {"Follows": [first], "Followed by": [third]}
    assert links(ada, third) == {"Follows": [first, second]}
    assert f"It follows job #{first}, which has to succeed first." in main(ada, second)
    assert f"It follows jobs #{first} and #{second}, which have to succeed first." in main(ada, third)
    assert "Place in the queue" not in main(ada, second)
    listed = site.admin("jobs").stdout
    assert f"It follows job #{first}, which has to succeed first." in listed
    go(site, first)
    site.wait_for(third, "succeeded")
    assert (site.outbox(third) / "three.txt").read_text() == "one\ntwo\ntwo\n"
    assert (site.outbox(second) / "path").read_text() == str(site.outbox(first) / "one.csv")
    assert mails(site, third) == [f"Job #{third} [use.sh] Started", f"Job #{third} [use.sh] Complete"]
    # The page of the reader leads to what it has read.
    page = Page(ada.get(f"/jobs/{second}"))
    [link] = [link for link in page.all("a") if link.get("href") == f"/files/jobs/{first}/one.csv"]
    assert ada.get(link.get("href")).text == "one\n"
    # And it can be submitted again as it was.
    page = Page(ada.get(f"/submit/use.sh?from={second}"))
    assert page.fields("/submit/use.sh")["param_input_table"] == value
    again = ada.queue("use.sh", {"input_table": value, "output_copy": "two.txt"})
    site.wait_for(again, "succeeded")


def test_what_jobs_have_left_is_offered_as_it_is_and_as_far_as_it_will_do(site, ada):
    first = make(ada)
    go(site, first)
    failed = make(ada, "bad.csv", 3)
    go(site, failed, "failed")
    coming = make(ada, "coming.csv")
    make(ada, "coming.txt")
    hostile = 'below/a "b" <i>.csv'
    found = offered(ada, "rich.sh", "tables")
    assert list(found) == [
        f"result:{coming}:coming.csv", f"result:{first}:{hostile}", f"result:{first}:one.csv"]
    assert found[f"result:{first}:one.csv"] == f"one.csv, job #{first} (4 B)"
    everything = offered(ada, "use.sh", "input_table")
    assert f"result:{first}:large.csv" in everything and f"result:{first}:other.txt" in everything
    assert not any("link.csv" in value or str(failed) == value.split(":")[1] for value in everything)
    number = ada.queue("rich.sh", {"tables": [f"result:{first}:{hostile}", f"result:{first}:one.csv"]})
    site.wait_for(number, "succeeded")
    assert (site.outbox(number) / "all").read_text() == "<b>\none\n"
    assert (site.outbox(number) / "names").read_text() == 'a "b" <i>.csv\none.csv'
    page = Page(ada.get(f"/jobs/{number}"))
    assert page.errors == [] and page.all("i") == []
    assert ada.get(f"/files/jobs/{first}/below/a%20%22b%22%20%3Ci%3E.csv").text == "<b>\n"


def refused(site, ada, value, script="use.sh", name="input_table", **options):
    before = jobs(site)
    values = {name: value} if script == "rich.sh" else {name: value, "output_copy": "x"}
    answer = ada.submit(script, values, **options)
    assert answer.status_code == 422 and jobs(site) == before, answer.url
    page = Page(answer)
    assert page.errors == []
    return page


def test_a_file_that_is_none_is_refused_beside_its_field(site, ada):
    first, failed, coming = make(ada), make(ada, "bad.csv", 3), make(ada, "coming.csv")
    go(site, first)
    go(site, failed, "failed")
    eve = site.visitor("eve-files@example.org")
    hers = make(eve)
    go(site, hers)
    for value, sentence in [
        (f"result:{failed}:bad.csv", f"Job #{failed} failed, so nothing that it left can be used."),
        (f"result:{hers}:one.csv", f"Job #{hers} is not there any more."),
        ("result:99999:one.csv", "Job #99999 is not there any more."),
        (f"result:{first}:none", f"Job #{first} has left no file none."),
        (f"result:{first}:link.csv", f"Job #{first} has left no file link.csv."),
        (f"result:{first}:below", f"Job #{first} has left no file below."),
        (f"result:{first}:../{site.job(first)['uid']}/one.csv", "has left no file"),
        (f"result:{first}:/etc/hostname", "has left no file"),
        (f"result:{first}:", "has left no file"),
        (f"result:{coming}:other.txt", f"Job #{coming} is not asked for a file other.txt."),
        (f"result:{coming}:up", f"Job #{coming} is not asked for a file up."),
        ("result:x:one.csv", "The chosen file is not there any more."),
        ("result:1", "The chosen file is not there any more."),
    ]:
        assert sentence in text(refused(site, ada, value).one("p", id="e0")), value
    for value, sentence in [
        (f"result:{first}:other.txt", "The name has to end in .csv."),
        (f"result:{first}:large.csv", "at most 1 KiB are allowed here."),
    ]:
        assert sentence in text(refused(site, ada, value, "rich.sh", "tables").one("p", id="e0"))
    # Nobody else is offered it.
    assert offered(eve, "use.sh", "input_table").keys().isdisjoint(offered(ada, "use.sh", "input_table"))


def test_a_job_to_follow_that_is_none_is_refused_beside_the_field(site, ada):
    failed = make(ada, status=3)
    go(site, failed, "failed")
    # Nothing can be chosen, and it is told all the same.
    page = Page(ada.submit("plain.sh", after=[failed]))
    assert text(page.one("div", id="after")) == f"Job #{failed} failed, so nothing can follow it."
    make(ada)
    hers = make(site.visitor("eve-jobs@example.org"))
    for number, sentence in [
        (failed, f"Job #{failed} failed, so nothing can follow it."),
        (hers, f"There is no job #{hers} of yours any more."),
        (99999, "There is no job #99999 of yours any more."),
        ("x", "x is no number of a job."),
    ]:
        before = jobs(site)
        answer = ada.submit("echo.sh", {"first": "kept", "second": ""}, after=[number])
        assert answer.status_code == 422 and jobs(site) == before
        page = Page(answer)
        assert page.errors == []
        assert text(page.one("p", id="after-problem")) == sentence
        assert page.one("details", class_="field").get("open") is not None
        assert "Please look at: Start after." in page.main
        assert page.fields("/submit/echo.sh")["param_first"] == "kept"


def test_the_form_offers_unfinished_jobs_and_keeps_what_is_chosen(site, ada):
    assert Page(ada.get("/submit/rich.sh")).all("select", name="after") == []
    first, second = make(ada), make(ada)
    page = Page(ada.get("/submit/rich.sh"))
    assert page.errors == [] and page.one("details", class_="field").get("open") is None
    choices = {option.get("value"): text(option) for option in page.one("select", name="after")}
    assert list(choices) == [str(second), str(first)] and choices[str(first)].startswith(f"#{first} make.sh, ")
    # Something else is wrong.
    page = Page(ada.submit("rich.sh", {}, after=[first]))
    chosen = [option.get("value") for option in page.one("select", name="after") if option.get("selected") is not None]
    assert chosen == [str(first)] and page.one("details", class_="field").get("open") is not None
    assert Page(site.visitor("nobody@example.org").get("/submit/rich.sh")).all("select", name="after") == []


def test_who_cancels_a_job_is_told_of_those_that_go_with_it(site, ada):
    first = make(ada)
    held = make(ada, after=[first])
    second = ada.queue("rich.sh", {"tables": f"result:{held}:one.csv", "token": "hidden"})
    third = ada.queue("plain.sh", after=[second])
    assert "2 jobs follow it and would be cancelled, too." in main(ada, held)
    [secret] = site.query("SELECT value FROM job_parameters WHERE job_id = ? AND kind = 'secret'", second)
    kept = site.state / "state/secrets" / secret["value"]
    assert kept.exists()
    answer = ada.cancel(held)
    assert "The job is cancelled. 2 jobs that follow it are cancelled, too." in Page(answer).main
    assert not kept.exists()
    for number, cause in [(second, held), (third, second)]:
        job = site.job(number)
        assert job["state"] == "cancelled" and job["expires_at"] > job["ended_at"]
        assert f"Job #{cause}, which it was to follow, was cancelled. So it was not started." in main(ada, number)
        assert [subject.endswith("Cancelled") for subject in mails(site, number)] == [True]
    assert site.job(first)["state"] != "cancelled"
    # One that runs.
    last = ada.queue("plain.sh", after=[first])
    site.wait_for(first, "running")
    answer = ada.cancel(first)
    assert "One job that follows it" in Page(answer).main
    site.wait_for(first, "cancelled")
    assert site.job(last)["state"] == "cancelled"


def test_a_failure_cancels_those_that_follow_with_mails(site, ada):
    first = make(ada, status=3)
    second = ada.queue("plain.sh", after=[first])
    go(site, first, "failed")
    assert site.job(second)["state"] == "cancelled"
    assert f"Job #{first}, which it was to follow, failed. So it was not started." in main(ada, second)
    assert mails(site, second) == [f"Job #{second} [plain.sh] Cancelled"]


def test_the_admin_cancels_and_holds_such_jobs_too(site, ada):
    first = make(ada)
    second = ada.queue("plain.sh", after=[first])
    third = ada.queue("plain.sh", after=[second])
    fourth = ada.queue("plain.sh", after=[first])
    assert site.admin("cancel", second).stdout == f"job {second}: cancelled, and with it {third}\n"
    assert f"Job #{second}, which it was to follow, was cancelled." in main(ada, third)
    site.admin("hold", fourth)
    row = next(line for line in site.admin("jobs").stdout.splitlines() if line.split()[:1] == [str(fourth)])
    assert row.split()[1] == "held" and f"It follows job #{first}" in row
    go(site, first)
    assert "The administrator keeps it back for now." in main(ada, fourth)
    site.admin("release", fourth)
    site.wait_for(fourth, "succeeded")


def test_others_see_who_follows_whom_and_none_of_the_files(site, ada):
    first = make(ada)
    second = ada.queue("use.sh", {"input_table": f"result:{first}:one.csv", "output_copy": "two.txt"})
    go(site, first)
    site.wait_for(second, "succeeded")
    eve = site.visitor("eve-looks@example.org")
    assert links(eve, second) == {"Follows": [first]}
    assert f'href="/files/jobs/{first}' not in eve.get(f"/jobs/{second}").text


@pytest.mark.parametrize("by", ["file", "number"])
def test_a_job_that_ends_while_the_form_is_looked_at_is_noticed(site, ada, by):
    first = make(ada)
    held = make(ada, after=[first])
    before = jobs(site)
    hidden = ada.form("use.sh")
    # An upload would wait for the lock earlier than the job does.
    ada.post("/files", ada.hidden(ada.get("/files").text, "/files"), files={"file": ("x", b"x")})
    own = f"file:{site.query('SELECT max(id) AS id FROM files')[0]['id']}"
    table, after = (f"result:{held}:one.csv", []) if by == "file" else (own, [held])
    answers = []
    sending = threading.Thread(target=lambda: answers.append(ada.submit(
        "use.sh", {"input_table": table, "output_copy": "x"}, hidden=hidden, after=after)))
    [submit] = site.pids_of("submit")
    with write_lock(site):
        sending.start()
        wait_until("the form has been looked at", lambda: submit in waiting_for_locks())
        assert write_locked(site, "UPDATE jobs SET state = 'cancelled', ended_at = 1 WHERE id = ?", held) == 1
    sending.join()
    assert answers[0].status_code == 422 and jobs(site) == before
    assert f"Job #{held} was cancelled, so nothing" in Page(answers[0]).main


def test_a_browser_chooses_jobs_and_files(site, ada, browser):
    first, other = make(ada), make(ada)
    ada.lend(browser)
    browser.get(site.url + "/submit/use.sh")
    Select(browser.find_element(By.NAME, "param_input_table")).select_by_value(f"result:{first}:one.csv")
    browser.find_element(By.NAME, "param_output_copy").send_keys("two.txt")
    assert not browser.find_element(By.NAME, "after").is_displayed()
    browser.find_element(By.XPATH, "//summary[text()='Start after other jobs']").click()
    Select(browser.find_element(By.NAME, "after")).select_by_value(str(other))
    browser.find_element(By.XPATH, "//button[text()='Submit job']").click()
    number = int(wait_until("it is queued", lambda: re.search(r"/jobs/(\d+)", browser.current_url)).group(1))
    assert links(ada, number) == {"Follows": [first, other]}
    go(site, first)
    assert site.job(number)["state"] == "queued"
    go(site, other)
    site.wait_for(number, "succeeded")


def test_several_jobs_of_one_form_follow_each_what_it_reads(site, ada):
    sources = [make(ada), make(ada)]
    first = make(ada)
    # Of one name, and yet two files.
    values = {"input_table": [f"result:{number}:one.csv" for number in sources], "output_copy": "x"}
    several = {**ada.form("use.sh"), "several": "1"}
    shown = Page(ada.submit("use.sh", values, hidden=several, after=[first]))
    assert shown.errors == [] and "Preview of 2 jobs" in shown.main
    names = [f"#{number}" for number in [*sources, first]]
    assert f"It follows jobs {names[0]}, {names[1]} and {names[2]}, which have to succeed first." in shown.main
    assert all(f"one.csv, job #{number}" in shown.main for number in sources)
    sealed = {**several, "previewed": shown.fields("/submit/use.sh")["previewed"]}
    # Whoever follows something else now has not seen that.
    assert "Preview of 2 jobs" in Page(ada.submit("use.sh", values, hidden=sealed)).main
    answer = ada.submit("use.sh", values, hidden=sealed, after=[first])
    assert "/jobs/sweeps/" in answer.url
    jobs_of_it = [int(number) for number in re.findall(r'id="job-(\d+)"', answer.text)]
    assert [links(ada, number)["Follows"] for number in jobs_of_it] == [[sources[0], first], [sources[1], first]]
    page = Page(ada.get(answer.url.removeprefix(site.url)))
    assert all(f"one.csv, job #{number}" in page.main for number in sources)
    for number in [*sources, first]:
        go(site, number)
    for number in jobs_of_it:
        site.wait_for(number, "succeeded")
    assert len([subject for number in jobs_of_it for subject in mails(site, number)]) == 1
