"""What the documents say of the project itself, and whether what they show is what one sees."""

import pathlib
import re
import shutil

import pytest

from reading import Page
from walkthrough import Reader, parts

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


# What documents show


@pytest.fixture(scope="module")
def workshop(make_site):
    """A site whose scripts' folder is the reader's."""
    return make_site(settings={"machine_cpus": 4, "machine_memory": "4G", "default_cpus": 1})


@pytest.fixture
def reader(folder):
    """Somebody with an empty folder, who cleans up afterwards."""
    reader = Reader(folder)
    yield reader
    for place in reader.folders.values():
        shutil.rmtree(place)


def words(text):
    return " ".join(text.split())


def test_the_tutorial_is_true_word_by_word(workshop, reader, folder):
    ada = workshop.visitor("ada@example.org")
    shown, said = "", []
    for kind, text in parts(ROOT / "docs/tutorial.md"):
        if kind == "":
            reader.read(text)
            # What a page says is in italics.
            said += [(words(each), shown) for each in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text)]
        elif kind == "console":
            reader.type(text)
        else:
            assert kind == "sh"
            reader.save(text) if text.startswith("#!") else reader.amend(text)
            workshop.write_script(reader.script, (folder / reader.script).read_text())
            pages = [Page(ada.get("/submit")), Page(ada.get(f"/submit/{reader.script}"))]
            shown = " ".join(words(page.main) for page in pages)
    # Its example, submitted, and its failure.
    for name in ["one.txt", "two.txt"]:
        workshop.write_script(name, (folder / name).read_text())
        (workshop.state / "scripts" / name).chmod(0o644)
    fields = Page(ada.get("/submit/words.sh?example=1")).fields("/submit/words.sh")
    values = {name.removeprefix("param_"): value for name, value in fields.items() if name.startswith("param_")}
    done = ada.queue("words.sh", {**values, "texts": ["example:one.txt", "example:two.txt"]})
    failed = ada.queue("fails.sh", files={"text": ("numbers.txt", b"12345\n")})
    workshop.wait_for(done, "succeeded")
    workshop.wait_for(failed, "failed")
    assert (workshop.outbox(done) / "words.tsv").read_text() == "3\tthe\n2\ta\n2\tand\n"
    jobs = " ".join(words(Page(ada.get(f"/jobs/{number}")).main) for number in [done, failed])
    assert len(said) > 20 and [each for each, form in said if each not in form and each not in jobs] == []


def test_every_example_of_the_reference_of_forms_is_true(reader, folder):
    shutil.copy(ROOT / "examples/wordFrequencies.sh", folder)
    shutil.copy(ROOT / "examples/data/lighthouse.txt", folder)
    (folder / "genomes.txt").write_text("hg38\tHuman\n")
    for kind, text in parts(ROOT / "docs/forms.md"):
        if kind == "":
            reader.read(text)
        elif kind == "console":
            reader.type(text)
        else:
            assert kind == "sh"
            if not text.startswith("#!"):
                reader.script, text = "excerpt.sh", f"#!/bin/sh\n##~~ @syntax 2\n{text}"
            reader.save(text)
            (folder / reader.script).chmod(0o755)
            reader.type(f"$ scriptrunner check {reader.script}\n")


def test_every_type_of_the_reference_of_forms_is_understood(reader, folder):
    [table] = re.findall(r"^\| type \|.*\n\|-.*\n((?:\|.*\n)+)", (ROOT / "docs/forms.md").read_text(), re.M)
    cells = [re.split(r"(?<!\\)\|", row)[1] for row in table.splitlines()]
    types = [each.replace(r"\|", "|") for cell in cells for each in re.findall(r"`([^`]+)`", cell)]
    assert len(types) > 15
    (folder / "FILE").write_text("a\n")
    reader.script = "types.sh"
    lines = [f"##~~ x{number} [{each}]\n" for number, each in enumerate(types)]
    reader.save("#!/bin/sh\n##~~ @syntax 2\n" + "".join(lines))
    (folder / reader.script).chmod(0o755)
    reader.type("$ scriptrunner check types.sh\n")
