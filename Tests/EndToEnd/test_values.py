"""Whatever a visitor types, the script gets just that, the pages show just that, and nothing of it is ever code."""

import re
import urllib.parse

import pytest

from hostile_values import PLAIN, shell
from reading import Page, text

COUNT = 60
ALL = "#!/bin/sh\n" + "".join(f"##~~ p{n} - a text\n" for n in range(COUNT)) + """\
set -eu
printf '%s\\0' "$@" > arguments
/usr/bin/env -0 > environment
"""
CHECKED = ALL + "##~~ output_file - never named\n"
WEAK = """#!/bin/bash
##~~ text - run by a script that does what no script should
eval "echo $1" > /dev/null 2>&1
echo "$1" | sh > /dev/null 2>&1
(( x = $1 )) > /dev/null 2>&1
exit 0
"""
NOISE = """#!/bin/sh
##~~ Says all that can be said.
printf '<script>alert(1)</script> & "quoted"\\r\\nprogress 1%%\\rprogress 2%%\\r\\n'
printf '\\000\\001\\010\\013\\014\\033[31mred\\033[0m\\177 \\302\\205 \\377\\376 \\303( \\357\\277\\276 '
printf '\\360\\237\\247\\254\\n'
printf '</pre><img src=x onerror=alert(1)>\\n'
"""
WRITE = """#!/bin/sh
##~~ output_one - a file
##~~ output_two - a file
set -eu
echo one > "$1"
echo two > "$2"
"""


@pytest.fixture(scope="module")
def site(make_site):
    scripts = {"all.sh": ALL, "checked.sh": CHECKED, "weak.sh": WEAK, "noise.sh": NOISE, "write.sh": WRITE}
    site = make_site(scripts=scripts, settings={"machine_cpus": 4, "default_cpus": 1})
    (site.folder / "canary").mkdir()
    (site.folder / "canary").chmod(0o777)
    return site


@pytest.fixture(scope="module")
def batches(site):
    """All values, in as few jobs as hold them."""
    values = PLAIN + shell(site.folder / "canary")
    assert len(values) > 500
    return [values[start : start + COUNT] for start in range(0, len(values), COUNT)]


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


@pytest.fixture(scope="module")
def hostile_jobs(site, ada, batches):
    """The number of a job for each batch, all over."""
    numbers = [ada.queue("all.sh", named(batch)) for batch in batches]
    for number in numbers:
        site.wait_for(number, "succeeded")
    return numbers


@pytest.fixture(scope="module")
def harmless_job(site):
    grace = site.visitor("grace@example.org")
    number = grace.queue("all.sh", named(["harmless"] * COUNT))
    site.wait_for(number, "succeeded")
    return grace, number


def named(values):
    return {f"p{n}": (values[n] if n < len(values) else "") for n in range(COUNT)}


def shape(tree):
    """The elements with the names of their attributes, in their order: all that is not text. Times come and go."""
    if tree.tag == "time":
        return []
    own = (tree.tag, sorted(tree.attrib))
    # That a value is empty is told in small print.
    found = [("span", ["class"]) if own == ("small", []) else own]
    return found + [element for child in tree for element in shape(child)]


def canaries(site):
    """Files that only a value that was run could have left."""
    return [path for path in (site.folder / "canary").rglob("*")]


def test_the_canary_sings_for_a_script_that_runs_its_values(site, ada):
    seeds = shell(site.folder / "canary")
    for value in ["; touch ", "$(touch ", "`touch ", "a[$(touch "]:
        number = ada.queue("weak.sh", {"text": next(seed for seed in seeds if seed.startswith(value))})
        site.wait_for(number, "succeeded")
        assert canaries(site) != [], value
        for canary in canaries(site):
            canary.unlink()


def test_the_script_gets_every_value_byte_for_byte(site, batches, hostile_jobs):
    for number, batch in zip(hostile_jobs, batches):
        given = (site.outbox(number) / "arguments").read_bytes().split(b"\0")
        assert given.pop() == b""
        assert given == [value.encode() for value in named(batch).values()]
    assert canaries(site) == []


def test_no_value_becomes_a_variable_or_a_file(site, hostile_jobs, harmless_job):
    def names(number):
        pairs = (site.outbox(number) / "environment").read_bytes().split(b"\0")
        return [pair.partition(b"=")[0] for pair in pairs]

    for number in hostile_jobs:
        assert names(number) == names(harmless_job[1])
        assert sorted(path.name for path in site.outbox(number).iterdir()) == ["arguments", "environment"]
    assert canaries(site) == []


def test_the_jobs_page_shows_every_value_unharmed(ada, batches, hostile_jobs, harmless_job):
    grace, harmless = harmless_job
    expected = shape(Page(grace.get(f"/jobs/{harmless}")).tree)
    for number, batch in zip(hostile_jobs, batches):
        answer = ada.get(f"/jobs/{number}")
        page = Page(answer)
        assert page.errors == []
        assert shape(page.tree) == expected
        [table] = [table for table in page.all("table") if text(table).lstrip().startswith("Name")]
        shown = {text(row.find("th")): text(row.find("td")) for row in page.one("tbody", table)}
        assert shown == {name: value or "(empty)" for name, value in named(batch).items()}


def test_the_list_shows_every_value_unharmed_or_its_beginning(site, ada, batches, hostile_jobs, harmless_job):
    grace, _ = harmless_job
    expected = shape(Page(grace.get("/jobs?requester=grace@example.org")).one("tbody")[0])
    page = Page(ada.get("/jobs?requester=ada@example.org"))
    assert page.errors == []
    rows = {text(row[0]): row for row in page.one("tbody")}
    for number, batch in zip(hostile_jobs, batches):
        row = rows[f"#{number}"]
        assert shape(row) == expected
        shown = [text(value) for value in page.all("span", row, class_="value")]
        assert shown == [f"p{n}={beginning(value)}" for n, value in enumerate(named(batch).values())]
    # A list of long values stays a list.
    assert len(ada.get("/jobs").content) < 1_000_000


def beginning(value):
    return value if len(value) <= 120 else value[:120] + "…"


def test_a_form_that_comes_back_holds_every_value_unharmed(site, ada, batches):
    def sent(values):
        answer = ada.submit("checked.sh", {**named(values), "output_file": ""})
        assert answer.status_code == 422
        page = Page(answer)
        assert page.errors == []
        return page

    tame = {(tag, *names) for tag, names in shape(sent(["harmless"] * COUNT).tree)}
    tame.add(("textarea", "aria-describedby", "id", "name", "rows"))
    for batch in batches:
        page = sent(batch)
        fields = page.fields("/submit/checked.sh")
        assert {name: fields[f"param_{name}"] for name in named(batch)} == named(batch)
        assert {(tag, *names) for tag, names in shape(page.tree)} <= tame
        # A field of one line would lose line breaks.
        for name, value in named(batch).items():
            [control] = [e for e in page.form("/submit/checked.sh").iter() if e.get("name") == f"param_{name}"]
            assert control.tag == ("textarea" if "\n" in value else "input")


def test_the_mails_are_about_the_job_and_to_one_person(site, hostile_jobs):
    for number in hostile_jobs:
        mails = site.query("SELECT * FROM mails WHERE job_id = ? ORDER BY id", number)
        about = f"Job #{number} [all.sh]"
        assert [mail["subject"] for mail in mails] == [f"{about} Started", f"{about} Complete"]
        assert {mail["recipient"] for mail in mails} == {"ada@example.org"}
        assert all(len(mail["body"]) < 1000 and "canary" not in mail["body"] for mail in mails)


def test_the_filter_by_requester_shows_what_was_asked_for_unharmed(site, ada, batches):
    expected = shape(Page(ada.get("/jobs?requester=nobody@example.org")).tree)
    values = [value for batch in batches for value in batch if len(value) < 1000]
    for value in values[::5] + ["' OR '1'='1", "<script>alert(1)</script>", '" onfocus="alert(1)']:
        answer = ada.get("/jobs?requester=" + urllib.parse.quote(value, safe=""))
        page = Page(answer)
        assert answer.status_code == 200 and page.errors == []
        assert shape(page.tree) == expected and page.all("tbody") == []
        assert text(page.all("span", class_="tab")[0]) == f"of {value}"


@pytest.mark.parametrize(
    "sent, given",
    [
        ("one\r\ntwo\r\n\r\nthree", "one\ntwo\n\nthree"), ("\r\n", "\n"), ("one\ntwo", "one\ntwo"),
        ("\n\r\n\n", "\n\n\n"), ("one\r\n", "one\n"),
    ],
)
def test_a_line_break_reaches_the_script_as_one_byte(site, ada, sent, given):
    """Browsers send CR LF from a field of several lines, whatever was typed; scripts expect LF."""
    number = ada.queue("all.sh", named([sent, "after"]))
    site.wait_for(number, "succeeded")
    assert (site.outbox(number) / "arguments").read_bytes().split(b"\0")[:2] == [given.encode(), b"after"]
    # So a form that came back and is sent again as browsers do brings the same.
    page = Page(ada.submit("checked.sh", {**named([sent]), "output_file": ""}))
    assert page.fields("/submit/checked.sh")["param_p0"] == given


@pytest.mark.parametrize(
    "value, status, sentence",
    [
        (b"a\x00b", 400, "no text"), (b"\xff\xfe", 400, "no text"), (b"\xc0\xaf", 400, "no text"),
        (b"\xed\xa0\x80", 400, "no text"), (b"a\x1b[31mb", 422, "control characters"),
        (b"\x01", 422, "control characters"), (b"\x7f", 422, "control characters"),
        (b"a\rb", 422, "control characters"), ("\u0085".encode(), 422, "control characters"),
        (b"\x0c", 422, "control characters"), ("\ufffe".encode(), 422, "control characters"),
        ("\uffff".encode(), 422, "control characters"), ("\ufdd0".encode(), 422, "control characters"),
        ("\U0001fffe".encode(), 422, "control characters"), (b"x" * 100_001, 422, "longer than 100000 bytes"),
        ("é".encode() * 50_001, 422, "longer than 100000 bytes"), (b"x" * 1_100_000, 413, "too long"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_no_argument_or_page_can_hold_is_refused(site, ada, value, status, sentence):
    before = site.query("SELECT count(*) AS n FROM jobs")
    answer = ada.submit("all.sh", {**named([]), "p1": value})
    assert answer.status_code == status and sentence in Page(answer).main
    assert Page(answer).errors == []
    assert site.query("SELECT count(*) AS n FROM jobs") == before


def test_a_job_takes_as_much_text_as_a_form_does(site, ada):
    values = [chr(97 + n) * 100_000 for n in range(10)]
    number = ada.queue("all.sh", named(values))
    site.wait_for(number, "succeeded")
    assert (site.outbox(number) / "arguments").read_bytes().split(b"\0")[:10] == [value.encode() for value in values]


@pytest.mark.parametrize(
    "name",
    [
        "$(touch canary).txt", "`touch canary`", "; touch canary", "a b  c.txt", "'quoted'", '"quoted"',
        "<img src=x onerror=alert(1)>", "back\\slash", "a,b=c;d", "*", "?", "%2e%2e%2f", "%00", "{a,b}", "~", "&amp;",
        "日本語 🧬.txt", "\u202egnp.exe", "\u2028", "\u0301", "x" * 200, "@file", "=x", "#", "a?b#c", "CON", "é" * 100,
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_an_outputs_name_is_data_all_the_way(site, ada, name):
    number = ada.queue("write.sh", {"output_one": name, "output_two": "plain.txt"})
    site.wait_for(number, "succeeded")
    assert sorted(path.name for path in site.outbox(number).iterdir()) == sorted([name, "plain.txt"])
    page = Page(ada.get(f"/jobs/{number}"))
    assert page.errors == [] and page.all("img", src="x") == []
    links = {text(link): link.get("href") for link in page.all("a", download="")}
    download = ada.get(links[name])
    assert download.content == b"one\n" and download.headers["Content-Type"] == "application/octet-stream"
    exact = re.search(r"filename\*=UTF-8''(\S+)$", download.headers["Content-Disposition"]).group(1)
    assert urllib.parse.unquote(exact) == name


def test_the_log_is_text_whatever_a_script_says(site, ada):
    number = ada.queue("noise.sh")
    site.wait_for(number, "succeeded")
    page = Page(ada.get(f"/jobs/{number}"))
    assert page.errors == [] and page.all("img", src="x") == []
    assert text(page.one("pre")) == (
        '<script>alert(1)</script> & "quoted"\nprogress 1%\nprogress 2%\n'
        "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd[31mred\ufffd[0m\ufffd \ufffd \ufffd\ufffd \ufffd( \ufffd 🧬\n"
        "</pre><img src=x onerror=alert(1)>\n"
    )
    log = ada.get(f"/jobs/{number}/log")
    assert log.content.count(b"\x1b") == 2 and log.headers["Content-Type"] == "application/octet-stream"
