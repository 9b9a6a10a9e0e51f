"""A folder with more scripts than one sees at a glance."""

import pytest

from reading import Page, text

COUNT = 60


@pytest.fixture(scope="module")
def site(make_site):
    scripts = {f"script-{n:02}.sh": f"#!/bin/sh\n##~~ Number {n} of many.\n" for n in range(COUNT)}
    scripts["align.sh"] = "#!/bin/sh\n##~~ @syntax 2\n##~~ @title Align Reads\n##~~ @tags genomics\n##~~ @about Maps them.\n"
    return make_site(scripts=scripts)


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


def cards(answer):
    return [text(element).strip() for element in Page(answer).all("h2")]


def test_some_are_shown_and_the_others_looked_for(ada):
    answer = ada.get("/submit")
    assert len(cards(answer)) == 50
    assert "50 of " in Page(answer).main and "Look for the one that you want." in Page(answer).main


@pytest.mark.parametrize("words, found", [
    ("align", ["Align Reads"]), ("GENOMICS maps", ["Align Reads"]), ("number 59", ["script-59.sh"]), ("script-07", ["script-07.sh"]),
])
def test_a_script_is_found_by_its_name_title_tags_and_text(ada, words, found):
    answer = ada.get("/submit", params={"q": words})
    assert cards(answer) == found
    assert Page(answer).one("input", name="q").get("value") == words


def test_what_was_looked_for_comes_back_unharmed(ada):
    words = "\"><script>alert(1)</script> & ü"
    answer = ada.get("/submit", params={"q": words})
    page = Page(answer)
    assert page.one("input", name="q").get("value") == words and page.errors == []
    assert "No script is called so, or is about that." in page.main


def test_few_scripts_need_no_search(make_site):
    ada = make_site(scripts={"one.sh": "#!/bin/sh\n"}).visitor("ada@example.org")
    assert Page(ada.get("/submit")).all("input", name="q") == []
