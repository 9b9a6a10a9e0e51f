"""What the documents say of the project itself."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("Tests/**/*.md"), *ROOT.glob("bench/*.md")])


def names_of_all_tests():
    """The names of all tests as one reads them: `func` and suites of Swift in backticks, functions of Python."""
    names = set()
    for file in ROOT.glob("Tests/*/*.swift"):
        names |= set(re.findall(r"(?:func|struct|class|enum) `([^`]+)`", file.read_text()))
    for file in ROOT.glob("Tests/*/test_*.py"):
        names |= {name.replace("_", " ") for name in re.findall(r"^def test_(\w+)", file.read_text(), re.M)}
    return names


def test_every_test_that_a_promise_names_is_there():
    text = (ROOT / "docs/promises.md").read_text()
    paragraphs = re.findall(r"^\*Tests:\*(.*?)(?:\n\n|\Z)", text, re.M | re.S)
    named = {" ".join(name.split()) for paragraph in paragraphs for name in re.findall(r'"([^"]+)"', paragraph)}
    assert len(paragraphs) >= 5 and len(named) >= 15
    assert sorted(named - names_of_all_tests()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_file_that_a_document_links_to_is_there(document):
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
