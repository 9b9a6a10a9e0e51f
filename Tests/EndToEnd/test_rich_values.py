"""Hostile values through every type of the richer form: refused, or delivered byte for byte, and never run."""

import collections
import os
import re

import pytest

from hostile_values import PLAIN, shell
from reading import Page

# Each parameter may be empty, so that one value at a time can be tried.
TYPES = {
    "text": "text", "short": "text ..40", "word": "text /[a-z$(;]+/", "lines": "lines", "int": "int", "bounded": "int -5..99",
    "float": "float", "choice": 'choice alpha|"x y"|gamma', "choices": "choices alpha|beta|gamma", "date": "date", "email": "email",
    "output": "output", "secret": "secret",
}
SCRIPT = "#!/bin/bash\n##~~ @syntax 2\n" + "".join(f"##~~ {name}? [{type}]\n" for name, type in TYPES.items()) + """\
##~~ flag [flag]
set -eu
printf '%s\\0' "$@" > arguments
/usr/bin/env -0 > environment
if [ -n "$SR_SECRET_FILE" ]; then cat "$SR_SECRET_FILE" > secret; fi
# What is proven to be a number may be computed with, even here.
if [ -n "$SR_INT" ]; then echo $(( $SR_INT / 1 )) > /dev/null; fi
"""
NAMES = [*TYPES, "flag"]


@pytest.fixture(scope="module")
def site(make_site):
    site = make_site(scripts={"types.sh": SCRIPT}, settings={"machine_cpus": 4, "default_cpus": 1})
    (site.folder / "canary").mkdir()
    (site.folder / "canary").chmod(0o777)
    return site


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


@pytest.fixture(scope="module")
def values(site):
    """Two thousand: as they are, after a number, after a word, and before a line break."""
    all_of_them = PLAIN + shell(site.folder / "canary")
    more = [f"{before}{value}{after}" for before, after in [("1", ""), ("a", ""), ("", "\n1")] for value in all_of_them]
    # One form takes not so many of the longest.
    found = [value for value in dict.fromkeys(all_of_them + more) if len(value) < 10_000]
    assert len(found) >= 2000
    return found


def plain(value):
    """As a browser sends it and a script gets it."""
    return value.replace("\r\n", "\n")


def refused(answer):
    """The names of the fields that the page finds fault with."""
    page = Page(answer)
    form = page.form("/submit/types.sh")
    fields = set()
    for element in form.iter():
        if any(place.startswith("e") for place in element.get("aria-describedby", "").split()):
            named = [element, *element.iter()]
            fields.add(next(child.get("name") for child in named if child.get("name")).removeprefix("param_"))
    return fields


def test_every_value_is_refused_or_arrives_as_it_was_typed(site, ada, values):
    hidden = ada.form("types.sh")
    taken = collections.defaultdict(list)
    # Everything with the same value shows which types take it; a number that no type takes keeps it from being queued.
    for value in values:
        answer = ada.submit("types.sh", {**{name: value for name in NAMES}, "bounded": "x"}, hidden=hidden)
        assert answer.status_code == 422, value
        faults = refused(answer)
        for name in NAMES:
            if name not in faults and value and name != "bounded":
                taken[name].append(value)
    # What only looks like a value of the type, and what really is one.
    assert set(taken["float"]) <= {value for value in values if re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", value, re.A)}
    assert set(taken["int"]) <= {value for value in values if re.fullmatch(r"-?\d+", value, re.A)}
    assert taken["choice"] == taken["date"] == taken["flag"] == []
    assert all("\n" not in value for name in ["text", "short", "word", "email", "output", "secret"] for value in taken[name])
    assert len(taken["text"]) > 1000 and len(taken["lines"]) > 1500 and len(taken["secret"]) > 1000
    assert len(taken["output"]) > 100 and all(not re.match(r"[.-]|.*/", value) for value in taken["output"])

    # As many jobs as the longest of them has values, each with one of every type.
    jobs = {}
    for turn in range(max(map(len, taken.values()))):
        given = {name: of_type[turn] for name, of_type in taken.items() if turn < len(of_type)}
        answer = ada.submit("types.sh", given, allow_redirects=False)
        assert answer.status_code == 303, given
        jobs[int(re.search(r"/jobs/(\d+)", answer.headers["Location"]).group(1))] = given
    last = max(jobs)
    site.wait_for(last, "succeeded")
    for number, given in jobs.items():
        site.wait_for(number, "succeeded")
        arguments = (site.outbox(number) / "arguments").read_bytes().split(b"\0")
        assert arguments.pop() == b""
        pairs = dict(pair.split(b"=", 1) for pair in (site.outbox(number) / "environment").read_bytes().split(b"\0") if pair)
        for name, argument in zip(NAMES, arguments):
            value = plain(given.get(name, "")).encode()
            if name == "secret":
                assert not value or (site.outbox(number) / "secret").read_bytes() == value
                continue
            if name == "output" and value:
                value = os.fsencode(site.outbox(number)) + b"/" + value
            assert argument == value == pairs[f"SR_{name.upper()}".encode()], (number, name)
    assert list((site.folder / "canary").rglob("*")) == []
