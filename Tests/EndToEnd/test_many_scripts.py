"""A folder with more scripts than one sees at a glance."""

import time

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


def test_of_very_many_an_edit_shows_within_a_second_and_what_comes_or_goes_at_once(make_site):
    site = make_site(scripts={f"script-{n:03}.sh": f"#!/bin/sh\n##~~ Number {n:03}.\n" for n in range(150)})
    ada = site.visitor("ada@example.org")

    def found(words):
        return cards(ada.get("/submit", params={"q": words}))

    for number in range(3):
        assert found("number 000") == ["script-000.sh"]
        # Written into the file, and as long as before: neither the folder nor a size tells of it.
        with open(site.state / "scripts/script-000.sh", "r+") as file:
            file.write(f"#!/bin/sh\n##~~ Edited {number:03}.\n")
        edited, asked = time.monotonic(), 0
        # Requests come to each of the page's threads.
        while asked < edited + 1:
            asked = time.monotonic()
            shown = found(f"edited {number:03}")
        assert shown == ["script-000.sh"]
        assert all(found(f"edited {number:03}") == ["script-000.sh"] for _ in range(8))
        site.write_script("script-000.sh", "#!/bin/sh\n##~~ Number 000.\n")

        site.write_script(f"fresh-{number}.sh", "#!/bin/sh\n##~~ Just come.\n")
        assert found("just come") == [f"fresh-{number}.sh"]
        (site.state / f"scripts/fresh-{number}.sh").unlink()
        assert found("just come") == []
