"""Forms that `@syntax 2` makes: what they ask for, what they refuse, and what the script gets."""

import contextlib
import datetime
import os
import pathlib
import re
import stat

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from reading import Page, text
from site_under_test import wait_until

ALL = r"""#!/bin/bash
##~~ @syntax 2
##~~ @title Align reads
##~~ @about Maps reads to a reference genome - quickly.
##~~ @needs cpus=2 mem=64M time=1h
##~~ reference [file .fa .fasta max=1K] - the reference
##~~ reads [files 1..3 .fq .fq.gz] - read files
##~~ k [int 1..99 = 31] - k-mer length
##~~ error [float 0..1 = 0.05] - error rate
##~~ mode [choice fast|exact="Slow, exact"|auto = auto] - method
##~~ seed? [int 0..] when mode=exact - random seed
##~~ keep [flag] - keep temporary files
##~~ where [text] when keep - where they are kept
##~~ sets [choices 1..2 a="First set"|b|c = a,b] - what to compare
##~~ label? [text 1..32 /[A-Za-z0-9_]+/] - sample name
##~~ notes? [lines ..3 /[a-z ]*/] - notes
##~~ day [date 2020-01-01..today = today] - sampling day
##~~ contact? [email] - whom to ask
##~~ token? [secret 3..100] - the password of the database
##~~ result [output .csv = result.csv] - result file name
##~~ threads [use cpus]
##~~ room [use mem]
##~~ time [use time]
set -eu
printf '%s\0' "$@" > arguments
/usr/bin/env -0 > environment
if [ -n "${SR_TOKEN_FILE}" ]; then stat -c '%a' "$SR_TOKEN_FILE" > mode; wc -c < "$SR_TOKEN_FILE" > length; fi
while [ -n "${SR_WHERE}" ] && [ ! -e go ]; do sleep 0.05; done
echo x > "$SR_RESULT"
"""
NAMES = re.findall(r"^##~~ (\w+)", ALL, re.M)
# What a visitor fills in who leaves everything as it is.
PLAIN = {
    "k": "31", "error": "0.05", "mode": "auto", "sets": ["a", "b"], "day": datetime.date.today().isoformat(),
    "result": "result.csv",
}
FILES = {"reference": ("ref.fa", b">a\nACGT\n"), "reads": [("one.fq", b"1"), ("two.fq.gz", b"2")]}


@pytest.fixture(scope="module")
def site(make_site):
    return make_site(
        scripts={"all.sh": ALL, "genome.sh": GENOME, "genomes.txt": "hg38\tHuman, 2013\nmm39\n", "example.sh": EXAMPLE,
                 "data/small.csv": "a,b\n", "b.csv": "c\n", "data/secret.csv": "not in the example"},
        settings={"machine_cpus": 4, "machine_memory": "4G", "default_cpus": 1, "kill_grace": 1})


EXAMPLE = """#!/bin/sh
##~~ @syntax 2
##~~ @example table=data/small.csv parts=data/small.csv,b.csv k=7 note="two words" keep=yes day=today
##~~ @output *.txt - what was counted
##~~ @output other* - something else
##~~ table [file .csv]
##~~ parts [files 1..2]
##~~ k [int 1..9 = 3]
##~~ note? [text]
##~~ keep [flag]
##~~ day [date]
##~~ rest [text = kept]
##~~ mode? [choice a|b]
##~~ detail? [text] when mode=a
cat "$1" > copy
printf '%s' "$SR_PARTS_NAMES" > names
printf '%s\\n' "$3" "$4" "$5" "$6" "$7" > counts.txt
"""
GENOME = """#!/bin/sh
##~~ @syntax 2
##~~ genome [choice from genomes.txt]
echo "$1"
"""


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


def given(site, number):
    """The arguments by name, and the variables of the script's environment that hold them."""
    folder = site.outbox(number)
    arguments = (folder / "arguments").read_bytes().decode().split("\0")[:-1]
    pairs = [pair.partition("=") for pair in (folder / "environment").read_bytes().decode().split("\0")]
    assert len(arguments) == len(NAMES)
    return dict(zip(NAMES, arguments)), {name: value for name, _, value in pairs if name.startswith("SR_")}


def problems(answer, names=NAMES):
    """What the page says beside each field."""
    page = Page(answer)
    fields = {}
    for element in page.form("/submit/all.sh").iter():
        name = (element.get("name") or "").partition("_")[2]
        described = element.get("aria-describedby", "")
        if element.tag == "fieldset":
            name = next(
                child.get("name").partition("_")[2] for child in element.iter() if child.get("name"))
        for place in described.split():
            if place.startswith("e") and name in names:
                fields[name] = text(page.one("p", id=place))
    return fields


def refused(ada, name, value, files=FILES):
    answer = ada.submit("all.sh", {**PLAIN, name: value}, files)
    assert answer.status_code == 422, answer.url
    return problems(answer)


def test_the_script_gets_all_of_it_in_order_and_as_variables(site, ada):
    values = {
        **PLAIN, "mode": "exact", "seed": "7", "keep": "yes", "where": " $(touch x) ; ä", "sets": ["a", "c"],
        "label": "S_1", "notes": "a b\r\nc", "contact": "lab@example.org", "token": "pass word",
    }
    number = ada.queue("all.sh", values, FILES)
    site.wait_for(number, "running")
    (site.outbox(number) / "go").touch()
    site.wait_for(number, "succeeded")
    arguments, variables = given(site, number)
    reads = arguments["reads"].split("\n")
    assert [path.rsplit("/", 1)[1] for path in [arguments["reference"], *reads]] == ["ref.fa", "one.fq", "two.fq.gz"]
    assert all(os.path.isfile(path) for path in [arguments["reference"], *reads])
    expected = {
        "k": "31", "error": "0.05", "mode": "exact", "seed": "7", "keep": "yes", "where": " $(touch x) ; ä",
        "sets": "a\nc", "label": "S_1", "notes": "a b\nc", "day": PLAIN["day"], "contact": "lab@example.org",
        "result": str(site.outbox(number) / "result.csv"), "threads": "2", "room": str(64 << 20), "time": "3600",
    }
    assert {name: arguments[name] for name in expected} == expected
    assert variables.pop("SR_REFERENCE_NAMES") == "ref.fa"
    assert variables.pop("SR_READS_NAMES") == "one.fq\ntwo.fq.gz"
    assert variables.pop("SR_TOKEN_FILE") == arguments["token"]
    for name in NAMES:
        if name != "token":
            assert variables.pop(f"SR_{name.upper()}") == arguments[name]
    assert sorted(variables) == ["SR_ATTEMPT", "SR_JOB", "SR_REQUESTER", "SR_RUN", "SR_SCRIPT"]
    assert sorted(path.name for path in site.outbox(number).iterdir()) == [
        "arguments", "environment", "go", "length", "mode", "result.csv"]


def test_what_is_left_empty_arrives_empty(site, ada):
    number = ada.queue("all.sh", PLAIN, FILES)
    site.wait_for(number, "succeeded")
    arguments, variables = given(site, number)
    for name in ["seed", "keep", "where", "label", "notes", "contact"]:
        assert arguments[name] == variables[f"SR_{name.upper()}"] == ""
    assert arguments["token"] == variables["SR_TOKEN_FILE"] == ""


def test_what_is_not_asked_for_is_not_handed_over(site, ada):
    number = ada.queue("all.sh", {**PLAIN, "seed": "7", "where": "somewhere"}, FILES)
    site.wait_for(number, "succeeded")
    arguments, variables = given(site, number)
    assert arguments["seed"] == arguments["where"] == variables["SR_SEED"] == variables["SR_WHERE"] == ""


@pytest.mark.parametrize("name, value, sentence", [
    ("k", "100", "This has to be a whole number from 1 to 99."),
    ("k", "0", "This has to be a whole number from 1 to 99."),
    ("k", "031", "Write the number without a zero in front."),
    ("k", "a[$(touch x)]", "This has to be a whole number from 1 to 99."),
    ("k", " 31", "This has to be a whole number from 1 to 99."),
    ("k", "३१", "This has to be a whole number from 1 to 99."),
    ("k", "", "Fill this in."),
    ("error", "1.5", "This has to be a number from 0 to 1, such as 0.25."),
    ("error", "0x1p-3", "This has to be a number from 0 to 1, such as 0.25."),
    ("error", "nan", "This has to be a number from 0 to 1, such as 0.25."),
    ("mode", "other", "This is none of the choices."),
    ("mode", "", "Choose one."),
    ("keep", "no", "This is neither yes nor no."),
    ("sets", ["a", "b", "c"], "Choose at most 2."),
    ("sets", ["a", "a"], "One is chosen twice."),
    ("sets", [], "Choose at least one."),
    ("sets", ["d"], "This is none of the choices."),
    ("label", "two words", "This does not have the form that the script wants: [A-Za-z0-9_]+"),
    ("label", "x" * 33, "This has 33 characters; at most 32 are allowed."),
    ("label", "a\nb", "This has to be one line."),
    ("notes", "a\nb\nc\nd", "These are 4 lines; at most 3 are allowed."),
    ("notes", "a\nB", "Line 2 does not have the form that the script wants: [a-z ]*"),
    ("day", "2019-12-31", "The first day that is allowed is 2020-01-01."),
    ("day", "2999-01-01", f"The last day that is allowed is {datetime.date.today().isoformat()}."),
    ("day", "2026-02-30", None),
    ("contact", "nobody", "This is no e-mail address such as ada@example.org."),
    ("token", "ab", "This has 2 characters; at least 3 are wanted."),
    ("result", "result.txt", "The name has to end in .csv."),
    ("result", "../x.csv", "A file name cannot hold a slash."),
    ("result", ".csv", "A file name cannot begin with a dot."),
])
def test_a_value_that_will_not_do_is_told_beside_its_field(ada, name, value, sentence):
    told = refused(ada, name, value)
    assert told == {name: sentence} if sentence else list(told) == [name]


@pytest.mark.parametrize("files, name, sentence", [
    ({**FILES, "reference": ("ref.txt", b"x")}, "reference", "The name has to end in .fa or .fasta."),
    ({**FILES, "reference": ("ref.FA", b"x" * 1025)}, "reference", "ref.FA has 1 KiB; at most 1 KiB are allowed here."),
    ({"reads": FILES["reads"]}, "reference", "Choose a file, or upload one."),
    ({"reference": FILES["reference"]}, "reads", "Choose at least one file, or upload one."),
    ({**FILES, "reads": [(f"{n}.fq", b"x") for n in range(4)]}, "reads", "These are 4 files; at most 3 are allowed."),
    ({**FILES, "reads": [("a.fq", b"x"), ("b.txt", b"x")]}, "reads", "The name has to end in .fq or .fq.gz."),
])
def test_files_that_will_not_do_are_told(ada, files, name, sentence):
    answer = ada.submit("all.sh", PLAIN, files)
    assert answer.status_code == 422 and problems(answer) == {name: sentence}


def test_a_form_that_comes_back_holds_everything_but_the_secret(ada):
    values = {
        **PLAIN, "k": "100", "mode": "exact", "seed": "7", "keep": "yes", "where": "there", "sets": ["b", "c"],
        "label": "S_1", "notes": "a\nb", "contact": "lab@example.org", "token": "very secret",
    }
    answer = ada.submit("all.sh", values, FILES)
    assert answer.status_code == 422 and "very secret" not in answer.text
    page = Page(answer)
    fields = page.fields("/submit/all.sh")
    for name in ["k", "error", "mode", "seed", "where", "label", "notes", "day", "contact", "result"]:
        assert fields[f"param_{name}"] == values[name]
    boxes = {box.get("value"): box.get("checked") is not None for box in page.all("input", type="checkbox")}
    assert boxes == {"yes": True, "a": False, "b": True, "c": True}
    for name, count in [("reference", 1), ("reads", 2)]:
        options = page.one("select", name=f"param_{name}").iter("option")
        chosen = [option.get("value") for option in options if option.get("selected") is not None]
        assert len(chosen) == count and all(value.startswith("file:") for value in chosen)


def test_the_files_of_a_form_that_came_back_need_not_be_sent_again(site, ada):
    page = Page(ada.submit("all.sh", {**PLAIN, "k": "100"}, FILES))
    chosen = {}
    for name in ["reference", "reads"]:
        options = page.one("select", name=f"param_{name}").iter("option")
        chosen[name] = [option.get("value") for option in options if option.get("selected") is not None]
    number = ada.queue("all.sh", {**PLAIN, **chosen})
    site.wait_for(number, "succeeded")
    assert given(site, number)[1]["SR_READS_NAMES"] == "one.fq\ntwo.fq.gz"


def test_a_field_that_the_script_does_not_ask_for_is_refused(site, ada):
    before = site.query("SELECT count(*) AS n FROM jobs")[0]["n"]
    for values, files in [({"other": "x"}, {}), ({"threads": "64"}, {}), ({}, {"k": ("x", b"x")})]:
        answer = ada.submit("all.sh", {**PLAIN, **values}, {**FILES, **files})
        assert answer.status_code == 422
        [alert] = Page(answer).alerts()
        assert "that this script does not ask for" in alert
    assert site.query("SELECT count(*) AS n FROM jobs")[0]["n"] == before


def command_lines():
    """What everybody on the machine can read of every process."""
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield file.read_bytes().decode(errors="replace")


def test_a_secret_is_in_its_file_alone_and_gone_after_the_run(site, ada):
    secret = "open-sesame-7419"
    number = ada.queue("all.sh", {**PLAIN, "keep": "yes", "where": "x", "token": secret}, FILES)
    site.wait_for(number, "running")
    [kept] = (site.state / "state/secrets").iterdir()
    assert kept.read_text() == secret and stat.S_IMODE(kept.stat().st_mode) == 0o600
    pages = [ada.get(f"/jobs/{number}").text, ada.get("/jobs").text, ada.get(f"/submit/all.sh?from={number}").text]
    assert not any(secret in page for page in pages) and "(not shown)" in pages[0]
    lines = [line for line in command_lines() if f"{site.state}/scripts/all.sh" in line]
    assert lines and all(secret not in line and str(kept) in line for line in lines)

    def holding():
        return [path for path in site.folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]

    assert holding() == [kept]
    (site.outbox(number) / "go").touch()
    site.wait_for(number, "succeeded")
    wait_until("the secret is gone", lambda: not kept.exists())
    assert holding() == []
    assert (site.outbox(number) / "mode").read_text() == "600\n"
    assert int((site.outbox(number) / "length").read_text()) == len(secret)


def test_a_secret_of_a_job_that_never_runs_goes_with_it(site, ada):
    site.admin("drain")
    try:
        number = ada.queue("all.sh", {**PLAIN, "token": "never used"}, FILES)
        assert len(list((site.state / "state/secrets").iterdir())) == 1
        ada.cancel(number)
        assert list((site.state / "state/secrets").iterdir()) == []
    finally:
        site.admin("resume")


def test_choices_come_from_a_file_and_follow_it(site, ada):
    options = [text(option) for option in Page(ada.get("/submit/genome.sh")).one("select").iter("option")]
    assert options == ["– choose –", "Human, 2013", "mm39"]
    (site.state / "scripts/genomes.txt").write_text("t2t\tThe whole\n")
    options = [text(option) for option in Page(ada.get("/submit/genome.sh")).one("select").iter("option")]
    assert options == ["– choose –", "The whole"]
    assert ada.submit("genome.sh", {"genome": "hg38"}).status_code == 422
    (site.state / "scripts/genomes.txt").unlink()
    assert ada.get("/submit/genome.sh").status_code == 404
    (site.state / "scripts/genomes.txt").write_text("hg38\n")
    number = ada.queue("genome.sh", {"genome": "hg38"})
    site.wait_for(number, "succeeded")


def test_a_script_is_tried_with_its_example(site, ada):
    page = Page(ada.get("/submit/example.sh"))
    [link] = [link for link in page.all("a") if text(link) == "Try it with example data"]
    assert page.fields("/submit/example.sh")["param_k"] == "3"
    page = Page(ada.get(link.get("href")))
    assert "Try it with example data" not in page.main
    fields = page.fields("/submit/example.sh")
    today = datetime.date.today().isoformat()
    expected = {"table": "example:data/small.csv", "k": "7", "note": "two words", "day": today, "rest": "kept"}
    assert {name: fields[f"param_{name}"] for name in expected} == expected
    options = page.one("select", name="param_parts").iter("option")
    chosen = [option.get("value") for option in options if option.get("selected") is not None]
    assert chosen == ["example:data/small.csv", "example:b.csv"]
    number = ada.queue("example.sh", {**expected, "parts": chosen, "keep": "yes"})
    site.wait_for(number, "succeeded")
    # Whoever tries again needs no further copies.
    copies = site.query("SELECT count(*) AS n FROM files")
    site.wait_for(ada.queue("example.sh", {**expected, "parts": chosen, "keep": "yes"}), "succeeded")
    assert site.query("SELECT count(*) AS n FROM files") == copies
    assert (site.outbox(number) / "copy").read_text() == "a,b\n"
    assert (site.outbox(number) / "names").read_text() == "small.csv\nb.csv"
    assert (site.outbox(number) / "counts.txt").read_text().split("\n") == ["7", "two words", "yes", today, "kept", ""]
    job = Page(ada.get(f"/jobs/{number}")).main
    assert "what was counted" in job and "something else" not in job


@pytest.mark.parametrize("path", ["data/secret.csv", "../etc/ScriptRunner.conf", "example.sh", "data", "/etc/passwd", ""])
def test_nothing_but_the_example_is_taken_from_the_scripts_folder(ada, path):
    values = {"table": f"example:{path}", "parts": "example:b.csv", "k": "1", "day": "2026-01-01", "rest": "x"}
    answer = ada.submit("example.sh", values)
    assert answer.status_code == 422
    assert "The example's file is not there any more." in Page(answer).main


def test_a_job_can_be_submitted_again_as_it_was(site, ada):
    values = {**PLAIN, "k": "7", "mode": "exact", "seed": "1", "keep": "", "sets": ["c"], "notes": "a\nb"}
    number = ada.queue("all.sh", values, FILES)
    site.wait_for(number, "succeeded")
    page = Page(ada.get(f"/submit/all.sh?from={number}"))
    fields = page.fields("/submit/all.sh")
    for name in ["k", "mode", "seed", "notes", "result"]:
        assert fields[f"param_{name}"] == values[name]
    chosen = [option for option in page.one("select", name="param_reads").iter("option") if option.get("selected") is not None]
    assert len(chosen) == 2


def test_the_form_is_whole_and_says_what_will_do(ada):
    page = Page(ada.get("/submit/all.sh"))
    assert page.errors == [] and "Submit Align reads" in page.main
    for sentence in [
        "A whole number from 1 to 99.", "The name ends in .fa or .fasta, at most 1 KiB.", "Only if mode is Slow, exact.",
        "Only with keep.", "At most 2 of them.", "1 to 32 characters, of the form [A-Za-z0-9_]+.", "optional",
    ]:
        assert sentence in page.main
    # Every control has a label, and every help is one's.
    labels = {label.get("for") for label in page.all("label")}
    form = page.form("/submit/all.sh")
    for control in [*form.iter("input"), *form.iter("select"), *form.iter("textarea")]:
        if control.get("type") != "hidden":
            assert control.get("id") in labels, control.get("name")
    for element in form.iter():
        for place in element.get("aria-describedby", "").split():
            page.one("p", id=place)


def test_a_browser_shows_what_is_asked_for(site, browser, request):
    has_script = request.node.callspec.params["browser"]
    person = site.visitor(f"grace-{has_script}@example.org".lower())
    person.lend(browser)
    browser.get(site.url + "/submit/all.sh")

    def shown(name):
        return browser.find_element(By.NAME, f"param_{name}").is_displayed()

    assert shown("k") and shown("seed") == (not has_script) and shown("where") == (not has_script)
    Select(browser.find_element(By.NAME, "param_mode")).select_by_visible_text("Slow, exact")
    browser.find_element(By.NAME, "param_keep").click()
    assert shown("seed") and shown("where")
    Select(browser.find_element(By.NAME, "param_mode")).select_by_visible_text("fast")
    assert shown("seed") == (not has_script) and shown("where")
    for name, file in [("reference", "ref.fa"), ("reads", "one.fq")]:
        path = site.folder / file
        path.write_text("x")
        browser.find_element(By.NAME, f"upload_{name}").send_keys(str(path))
    browser.find_element(By.NAME, "param_where").send_keys("here")
    k = browser.find_element(By.NAME, "param_k")
    k.clear()
    k.send_keys("5")
    browser.find_element(By.XPATH, "//button[text()='Submit job']").click()
    number = int(wait_until("it is queued", lambda: re.search(r"/jobs/(\d+)", browser.current_url)).group(1))
    site.wait_for(number, "running")
    (site.outbox(number) / "go").touch()
    site.wait_for(number, "succeeded")
    arguments, _ = given(site, number)
    assert (arguments["k"], arguments["seed"], arguments["where"], arguments["keep"]) == ("5", "", "here", "yes")


def test_a_field_is_not_shown_while_nothing_is_chosen_on_which_it_depends(site, browser, request):
    has_script = request.node.callspec.params["browser"]
    person = site.visitor(f"nothing-{has_script}@example.org".lower())
    person.lend(browser)
    browser.get(site.url + "/submit/example.sh")
    assert browser.find_element(By.NAME, "param_detail").is_displayed() == (not has_script)
    Select(browser.find_element(By.NAME, "param_mode")).select_by_visible_text("a")
    assert browser.find_element(By.NAME, "param_detail").is_displayed()
