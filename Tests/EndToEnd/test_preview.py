"""What a form would do, told before it does it: command, resources, time, place in the queue, expiry."""

import contextlib
import datetime
import re

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from reading import Page, text
from site_under_test import wait_until

SCRIPT = """#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=1..16 = 2 mem=64M..64G = 128M time=10m..4h = 1h
##~~ input - a file
##~~ note [text]
##~~ threads [use cpus]
##~~ password? [secret]
##~~ result [output = out.txt]
sleep "$2"
echo "$3" > "$5"
"""
FIXED = """#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=1
##~~ word [text]
echo "$1"
"""
GREEDY = """#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=1 mem=16M..256M
head -c 100M /dev/zero | tail -c 99M > /dev/null
"""


@pytest.fixture(scope="module")
def site(make_site):
    return make_site(scripts={"run.sh": SCRIPT, "fixed.sh": FIXED, "greedy.sh": GREEDY}, settings={
        "machine_cpus": 4, "machine_memory": "2G", "default_cpus": 1, "kill_grace": 1})


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


@pytest.fixture
def quiet(site):
    """Nothing starts meanwhile."""
    site.admin("drain")
    yield
    site.admin("resume")


def jobs(site):
    return site.query("SELECT count(*) AS n FROM jobs")[0]["n"]


def send(ada, script, values, files=None, **hidden):
    return ada.submit(script, values, files, hidden={**ada.form(script), **hidden})


def preview(ada, script, values, files=None, **hidden):
    answer = send(ada, script, values, files, to="preview", **hidden)
    assert answer.status_code == 200, text(Page(answer).one("main"))
    page = Page(answer)
    assert page.errors == []
    section = page.one("section", id="preview")
    return {text(term): text(section.findall(".//dd")[n]) for n, term in enumerate(section.iter("dt"))}, page


def test_it_shows_the_command_as_a_shell_would_take_it(site, ada):
    before = jobs(site)
    values = {"note": "it's $(touch x) ä", "password": "open sesame", "result": "a b.txt"}
    told, page = preview(ada, "run.sh", values, {"input": ("my reads.fa", b">")})
    assert told["It runs"].startswith(
        "run.sh 'my reads.fa' 'it'\\''s $(touch x) ä' 2 file of password 'a b.txt'")
    assert "open sesame" not in page.main and jobs(site) == before
    # The file has arrived and stays chosen; what was typed stays, but for the secret.
    fields = page.fields("/submit/run.sh")
    assert fields["param_note"] == values["note"] and fields["param_input"].startswith("file:")
    assert fields["param_password"] == ""
    # Nobody loses it unawares: it is told where one submits, and at the field.
    assert "Before you submit, type once more: password." in text(page.one("section", id="preview"))
    assert page.main.count("type it once more") == 1
    _, page = preview(ada, "run.sh", {"note": "0", "result": "x"}, {"input": ("a", b"")})
    assert "once more" not in page.main


def test_it_tells_what_the_job_gets_for_how_long_and_until_when_it_stays(ada):
    told, _ = preview(ada, "run.sh", {"note": "0", "result": "x"}, {"input": ("a", b"")}, need_cpus="3", need_mem="1G", need_time="2h")
    assert told["It gets"] == "3 CPUs and 1 GiB of memory, for 2 h at most"
    last = (datetime.date.today() + datetime.timedelta(days=7)).isoformat()
    assert told["Expires"] == f"Outputs and log stay for 7 days after its end: until {last} if it ended today."


def test_what_was_chosen_is_what_the_job_has(site, ada):
    answer = send(ada, "run.sh", {"note": "0", "result": "x"}, {"input": ("a", b"")}, need_cpus="3", need_mem="1G", need_time="2h")
    number = int(re.search(r"/jobs/(\d+)", answer.url).group(1))
    job = site.job(number)
    assert (job["needs_cpus"], job["needs_memory"], job["time_limit"]) == (3, 1 << 30, 7_200_000)
    site.wait_for(number, "succeeded")
    assert (site.outbox(number) / "x").read_text() == "3\n"
    told = ada.get(f"/jobs/{number}").text
    for name, amount in [("CPUs", "3"), ("Memory", "1 GiB"), ("Time limit", "2 h")]:
        assert f"<dt>{name}</dt><dd>{amount}</dd>" in told
    # A further job begins with the same choice.
    fields = Page(ada.get(f"/submit/run.sh?from={number}")).fields("/submit/run.sh")
    assert (fields["need_cpus"], fields["need_mem"], fields["need_time"]) == ("3", str(1 << 30), "7200")


def test_nobody_chooses_more_than_the_script_or_the_machine_allows(site, ada):
    page = Page(ada.get("/submit/run.sh"))
    assert page.one("input", name="need_cpus").get("max") == "4" and "CPUs 1 to 4" in page.main
    options = [text(option) for option in page.one("select", name="need_mem").iter("option")]
    assert options == ["64 MiB", "128 MiB", "256 MiB", "512 MiB", "1 GiB", "2 GiB"]
    options = [text(option) for option in page.one("select", name="need_time").iter("option")]
    assert options == ["10 min", "15 min", "20 min", "30 min", "45 min", "1 h", "2 h", "3 h", "4 h"]
    before = jobs(site)
    for name, value, sentence in [
        ("need_cpus", "5", "Choose from 1 to 4."), ("need_cpus", "0", "Choose from 1 to 4."),
        ("need_cpus", "", "Choose from 1 to 4."), ("need_mem", "3G", "Choose from 64 MiB to 2 GiB."),
        ("need_time", "5h", "Choose from 10 min to 4 h."), ("need_time", "-1", "Choose from 10 min to 4 h."),
    ]:
        answer = send(ada, "run.sh", {"note": "0", "result": "x"}, {"input": ("a", b"")}, **{name: value})
        place = f"n-{name.partition('_')[2]}"
        assert answer.status_code == 422 and text(Page(answer).one("p", id=f"{place}-e")) == sentence
        assert f'href="#{place}"' in answer.text
    assert jobs(site) == before


def test_where_the_script_leaves_no_choice_nobody_has_one(site, ada):
    assert "Resources" not in Page(ada.get("/submit/fixed.sh")).main
    before = jobs(site)
    answer = send(ada, "fixed.sh", {"word": "x"}, need_cpus="4")
    assert answer.status_code == 422 and "a field need_cpus that this script does not ask for" in Page(answer).main
    assert jobs(site) == before


def test_it_tells_the_turn(site, ada, quiet):
    told, _ = preview(ada, "fixed.sh", {"word": "x"})
    assert told["Its turn"].startswith("The administrator has let no job start since")


def test_it_tells_when_there_is_room_and_when_not(site, ada):
    told, _ = preview(ada, "fixed.sh", {"word": "x"})
    assert told["Its turn"] == "It would start at once."
    number = ada.queue("run.sh", {"note": "600", "result": "x"}, {"input": ("a", b"")})
    site.wait_for(number, "running")
    told, _ = preview(ada, "run.sh", {"note": "0", "result": "x"}, {"input": ("a", b"")}, need_cpus="3")
    assert told["Its turn"] == "It is its turn, and it needs 3 CPUs and 128 MiB; 2 CPUs and 1.9 GiB are free."
    ada.cancel(number)
    site.wait_for(number, "cancelled")


def test_it_tells_how_long_it_usually_takes(site, ada):
    site.write_script("fixed.sh", FIXED + "# another\n")
    told, _ = preview(ada, "fixed.sh", {"word": "x"})
    assert told["Usually takes"] == "Not known: no job of the script as it is now has succeeded yet."
    site.wait_for(ada.queue("fixed.sh", {"word": "x"}), "succeeded")
    told, _ = preview(ada, "fixed.sh", {"word": "x"})
    assert re.fullmatch(r"The only job that has succeeded so far took [\d.]+ m?s\.", told["Usually takes"])
    site.wait_for(ada.queue("fixed.sh", {"word": "x"}), "succeeded")
    told, _ = preview(ada, "fixed.sh", {"word": "x"})
    assert re.fullmatch(
        r"About [\d.]+ m?s: the last 2 that succeeded took from [\d.]+ m?s to [\d.]+ m?s\.", told["Usually takes"])


def test_what_will_not_do_is_told_instead(site, ada):
    answer = send(ada, "fixed.sh", {"word": ""}, to="preview")
    page = Page(answer)
    assert answer.status_code == 422 and page.all("section", id="preview") == [] and page.alerts()


def test_values_that_no_program_can_be_given_together_are_refused(site, make_site):
    many = "#!/bin/sh\n##~~ @syntax 2\n" + "".join(f"##~~ t{n} [text]\n" for n in range(12))
    site.write_script("many.sh", many)
    eve = site.visitor("eve@example.org")
    before = jobs(site)
    answer = send(eve, "many.sh", {f"t{n}": "x" * 83_000 for n in range(12)})
    assert answer.status_code == 422 and "All values of a job together are longer than" in Page(answer).main
    assert jobs(site) == before


def test_a_job_that_had_too_little_memory_is_offered_more(site, ada):
    number = ada.queue("greedy.sh", {})
    job = site.wait_for(number, "out_of_memory", "failed", "succeeded")
    if job["state"] != "out_of_memory":
        # Without a cgroup nobody bounds the memory, so the end is written here as the kernel would have told it.
        [trigger] = site.query("SELECT sql FROM sqlite_master WHERE name = 'jobs_transition'")
        site.stop()
        site.edit_database("DROP TRIGGER jobs_transition")
        site.edit_database(f"UPDATE jobs SET state = 'out_of_memory', exit_code = NULL, signal = 9 WHERE id = {number}")
        site.edit_database(trigger["sql"])
        site.start()
    page = Page(ada.get(f"/jobs/{number}"))
    [link] = [link for link in page.all("a") if text(link) == "Submit it again with 32 MiB of memory"]
    assert Page(ada.get(link.get("href"))).fields("/submit/greedy.sh")["need_mem"] == str(32 << 20)


def shown(browser, selector, words):
    """Waits until an element is on the page and says this: a press of a button loads another."""
    def says():
        with contextlib.suppress(WebDriverException):
            element = browser.find_element(By.CSS_SELECTOR, selector)
            return words in f"{element.text} {element.get_attribute('value')}"

    wait_until(f"{selector} says {words}", says)


def test_in_a_browser_enter_submits_and_the_buttons_preview(site, browser):
    site.visitor(f"browser{browser.session_id[:6]}@example.org").lend(browser)
    browser.get(site.url + "/submit/fixed.sh")
    browser.find_element(By.NAME, "param_word").send_keys("one word")
    browser.find_element(By.XPATH, "//button[.='Preview']").click()
    shown(browser, "#preview", "fixed.sh 'one word'")
    before = jobs(site)
    browser.find_element(By.XPATH, "//button[starts-with(., 'Several values')]").click()
    shown(browser, "textarea[name=param_word]", "one word")
    browser.find_element(By.CSS_SELECTOR, "textarea[name=param_word]").send_keys("\nanother")
    browser.find_element(By.XPATH, "//button[.='Preview']").click()
    shown(browser, "#preview", "Preview of 2 jobs")
    assert jobs(site) == before
    browser.find_element(By.XPATH, "//button[.='Submit 2 jobs']").click()
    wait_until("the sweep is shown", lambda: "/jobs/sweeps/" in browser.current_url)
    assert jobs(site) == before + 2
    browser.get(site.url + "/submit/fixed.sh")
    browser.find_element(By.NAME, "param_word").send_keys("enter\n")
    wait_until("the job is shown", lambda: re.search(r"/jobs/\d+", browser.current_url))
    assert jobs(site) == before + 3
