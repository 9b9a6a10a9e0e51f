"""Choosing a script, filling in its form, and sending it: once, twice, with mistakes."""

import re
import threading

import pytest

from forms import incoming, jobs, kept, multipart, number_of
from reading import Page, text
from site_scripts import SCRIPTS

FORM = """#!/bin/sh
##~~ Compares two files, <b>boldly</b> & with "quotes".
##~~ title_text - words, with a dash - and another
##~~ input_left - the left file
echo "what stands between the lines does not matter"
##~~ input_right - the right file
##~~ output_result - where the result goes
##~~ bare-as it was written long ago
set -eu
{ cat "$2" "$3"; printf '%s' "$1$5"; } > "$4"
"""
NAMES = """#!/bin/sh
##~~ input_file - any file
set -eu
printf '%s' "$1" > path
cat "$1" > content
wc -c < "$1" > size
"""
MANY = "#!/bin/sh\n" + "".join(f"##~~ input_{n} - file {n}\n" for n in range(100)) + "cat \"$@\" > all\n"


@pytest.fixture(scope="module")
def site(make_site):
    scripts = {"form.sh": FORM, "names.sh": NAMES, "many.sh": MANY}
    return make_site(scripts={**SCRIPTS, **scripts}, settings={"machine_cpus": 4, "default_cpus": 1, "kill_grace": 0})


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


# The form


def test_the_form_is_made_of_the_scripts_comments(site, ada):
    page = Page(ada.get("/submit/form.sh"))
    assert page.errors == []
    form = page.form("/submit/form.sh")
    assert (form.get("method"), form.get("enctype")) == ("post", "multipart/form-data")
    names = [element.get("name") for element in form.iter() if element.get("name") and element.tag != "button"]
    assert names == [
        "token", "nonce", "scriptname", "param_title_text", "param_input_left", "upload_input_left",
        "param_input_right", "upload_input_right", "param_output_result", "param_bare",
    ]
    assert 'Compares two files, <b>boldly</b> & with "quotes".' in page.main and page.all("b") == []
    descriptions = {
        "param_title_text": "words, with a dash - and another", "param_output_result": "where the result goes",
        "param_bare": "as it was written long ago",
    }
    for name, description in descriptions.items():
        control = page.one("input", form, name=name)
        assert text(page.one("p", form, id=control.get("aria-describedby"))) == description
        assert text(page.one("label", form, for_=control.get("id"))).startswith(name.removeprefix("param_"))
    for side in ["left", "right"]:
        choice = page.one("select", form, name=f"param_input_{side}")
        [group] = [one for one in page.all("fieldset", form) if choice in list(one.iter())]
        assert text(page.one("legend", group)) == f"input_{side} required"
        assert text(page.one("p", group, id=group.get("aria-describedby"))) == f"the {side} file"
        assert page.one("input", group, name=f"upload_input_{side}").get("type") == "file"


def test_the_list_offers_the_scripts_and_what_they_want(site, ada):
    page = Page(ada.get("/submit"))
    assert page.errors == []
    offered = {link.get("href"): text(link) for link in page.all("a", page.one("ul", class_="cards"))}
    names = {path.name for path in (site.state / "scripts").iterdir() if path.is_file()}
    assert offered.keys() == {f"/submit/{name}" for name in names}
    assert {*SCRIPTS, "form.sh", "names.sh", "many.sh"} <= names
    # By their titles, where they have one.
    assert offered["/submit/form.sh"] == "form.sh" and offered["/submit/estimatePi.sh"] == "Estimate pi"
    assert "Needs: title_text, input_left, input_right, output_result, bare" in page.main
    assert ada.get("/submit?scriptname=form.sh").url == site.url + "/submit/form.sh"


def test_files_are_uploaded_in_place_and_used_again(site, ada):
    values = {"title_text": "T", "output_result": "result.txt", "bare": "B"}
    files = {"input_left": ("left.txt", b"left\n"), "input_right": ("right.txt", b"right\n")}
    first = ada.queue("form.sh", values, files)
    site.wait_for(first, "succeeded")
    assert (site.outbox(first) / "result.txt").read_bytes() == b"left\nright\nTB"

    page = Page(ada.get("/submit/form.sh"))
    options = {text(option).split(",")[0]: option.get("value") for option in page.all("option") if option.get("value")}
    assert {"left.txt", "right.txt"} <= options.keys()
    # Both from the list, in the other order.
    choice = {"input_left": options["right.txt"], "input_right": options["left.txt"]}
    before = len(kept(site))
    second = ada.queue("form.sh", {**values, **choice})
    site.wait_for(second, "succeeded")
    assert (site.outbox(second) / "result.txt").read_bytes() == b"right\nleft\nTB"
    assert len(kept(site)) == before
    # One of each: a choice for the right, an upload for the left.
    mixed = {"input_right": options["left.txt"]}
    third = ada.queue("form.sh", {**values, **mixed}, {"input_left": ("new.txt", b"new\n")})
    site.wait_for(third, "succeeded")
    assert (site.outbox(third) / "result.txt").read_bytes() == b"new\nleft\nTB"


def test_a_form_with_mistakes_comes_back_with_everything_that_was_right(site, ada):
    before = jobs(site)
    values = {"title_text": 'a "title" <&>', "output_result": "../escape", "bare": "b"}
    answer = ada.submit("form.sh", values, {"input_left": ("kept.txt", b"kept\n")})
    assert answer.status_code == 422 and jobs(site) == before and incoming(site) == []
    page = Page(answer)
    assert page.errors == []
    assert "Nothing was submitted yet. Please look at: input_right, output_result." in page.alerts()[0]
    fields = page.fields("/submit/form.sh")
    assert fields["param_title_text"] == 'a "title" <&>' and fields["param_bare"] == "b"
    assert fields["param_output_result"] == "../escape"
    file = kept(site)[-1]
    assert (file["name"], fields["param_input_left"]) == ("kept.txt", f"file:{file['id']}")
    assert fields["param_input_right"] == ""
    [left, right] = page.all("fieldset")
    assert "kept.txt has arrived and is in your files." in text(left) 
    assert page.all("input", left, aria_invalid="true") == [] and len(page.all("input", right, aria_invalid="true")) == 1
    assert text(page.one("p", right, class_="problem")) == "Choose a file, or upload one."
    output = page.one("input", name="param_output_result")
    problem = page.one("p", id=output.get("aria-describedby").split()[0])
    assert text(problem) == "A file name cannot hold a slash." and output.get("aria-invalid") == "true"

    # Mended and sent again, as it came back.
    mended = {**fields, "param_output_result": "result.txt", "param_input_right": fields["param_input_left"]}
    again = ada.http.post(site.url + "/submit/form.sh", files=[(name, (None, value)) for name, value in mended.items()])
    number = number_of(again)
    site.wait_for(number, "succeeded")
    assert (site.outbox(number) / "result.txt").read_bytes() == b'kept\nkept\na "title" <&>b'


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("", "Give the output file a name"), (".hidden", "cannot begin with a dot"), ("..", "cannot begin with a dot"),
        (".\u0301x", "cannot begin with a dot"), ("-rf", "cannot begin with a dash"), ("-\u0301x", "begin with a dash"),
        ("a/b", "cannot hold a slash"), ("a/\u0301b", "cannot hold a slash"), ("/etc/x", "cannot hold a slash"),
        ("a\nb", "cannot hold line breaks"), ("a\x1bb", "control characters"), ("a\x7f", "control characters"),
        ("a\ufffe", "control characters"), ("é" * 101, "longer than 200 bytes"),
    ],
)
def test_an_outputs_name_is_the_name_of_one_plain_file(site, ada, name, sentence):
    before = jobs(site)
    answer = ada.submit("count.sh", {"output_counts": name})
    assert answer.status_code == 422 and jobs(site) == before
    page = Page(answer)
    problems = [text(problem) for problem in page.all("p", class_="problem")]
    assert any(sentence in problem for problem in problems), problems
    # It comes back as it was; what no page can show is shown by a stand-in.
    assert page.fields("/submit/count.sh")["param_output_counts"] == re.sub("[\x1b\x7f\ufffe]", "\ufffd", name)


def test_a_file_of_another_person_or_of_nobody_cannot_be_chosen(site, ada):
    eve = site.visitor("eve@example.org")
    eve.queue("names.sh", files={"input_file": ("secret.txt", b"secret")})
    secret = kept(site)[-1]["id"]
    for choice in [
        f"file:{secret}", "file:0", "file:-1", "file:999999999999999999999", "file:", f"{secret}", "shared:../../db",
        "shared:../../db/scriptrunner.sqlite", "shared:/etc/passwd", "shared:.", "shared:", "shared:nothing",
        f"../{secret}", "/etc/passwd", "shared:a\x00b",
    ]:
        before = jobs(site)
        answer = ada.submit("names.sh", {"input_file": choice})
        assert answer.status_code in (400, 422) and jobs(site) == before, choice
        assert "secret.txt" not in answer.text


def test_shared_files_are_offered_and_links_among_them_are_not(site, ada):
    shared = site.state / "inbox/shared"
    (shared / "genome <1>.txt").write_bytes(b"shared\n")
    (shared / "link.txt").symlink_to("/etc/passwd")
    (shared / ".hidden").write_bytes(b"hidden")
    page = Page(ada.get("/submit/names.sh"))
    values = [option.get("value") for option in page.all("option")]
    assert "shared:genome <1>.txt" in values
    for other in ["shared:link.txt", "shared:.hidden"]:
        assert other not in values
        assert ada.submit("names.sh", {"input_file": other}).status_code == 422
    number = ada.queue("names.sh", {"input_file": "shared:genome <1>.txt"})
    site.wait_for(number, "succeeded")
    assert (site.outbox(number) / "content").read_bytes() == b"shared\n"


def test_a_form_as_large_as_a_form_can_be_is_taken(site, ada):
    hidden = ada.form("many.sh")
    files = {f"input_{n}": (f"{n}.txt", f"{n} ".encode()) for n in range(100)}
    number = number_of(ada.submit("many.sh", {f"input_{n}": "" for n in range(100)}, files, hidden))
    site.wait_for(number, "succeeded")
    assert (site.outbox(number) / "all").read_text() == "".join(f"{n} " for n in range(100))


# Once and only once


def test_a_form_that_is_sent_twice_makes_one_job(site, ada):
    hidden = ada.form("names.sh")
    numbers, files = set(), set()
    for content in [b"first", b"sent again", b"gone back and changed"]:
        numbers.add(number_of(ada.submit("names.sh", files={"input_file": ("f", content)}, hidden=hidden)))
        files.add(len(kept(site)))
    assert len(numbers) == 1
    # The file is not even taken a second time.
    assert len(files) == 1
    assert number_of(ada.submit("names.sh", files={"input_file": ("f", b"new")})) not in numbers


def test_a_form_that_is_sent_ten_times_at_once_makes_one_job(site, ada):
    before = jobs(site)
    hidden = ada.form("echo.sh")
    together = threading.Barrier(10)
    numbers = []

    def send():
        visitor = site.visitor()
        visitor.http.cookies.update(ada.http.cookies)
        together.wait()
        numbers.append(number_of(visitor.submit("echo.sh", {"first": "1", "second": "2"}, hidden=hidden)))

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == 10 and len(set(numbers)) == 1 and jobs(site) == before + 1
    # The same form number in another person's form is another form.
    eve = site.visitor("eve2@example.org")
    mine = {**eve.form("echo.sh"), "nonce": hidden["nonce"]}
    assert number_of(eve.submit("echo.sh", {"first": "", "second": ""}, hidden=mine)) not in numbers


@pytest.mark.parametrize("nonce", [None, "", "0", "z" * 32, "0" * 31, "0" * 33])
def test_a_form_without_its_number_makes_no_job(site, ada, nonce):
    before = jobs(site)
    hidden = ada.form("echo.sh")
    hidden = {k: v for k, v in {**hidden, "nonce": nonce}.items() if v is not None}
    answer = ada.submit("echo.sh", {"first": "kept", "second": ""}, hidden=hidden)
    assert answer.status_code == 422 and jobs(site) == before
    fields = Page(answer).fields("/submit/echo.sh")
    assert fields["param_first"] == "kept" and len(fields["nonce"]) == 32
    assert Page(answer).alerts() == ["Nothing was submitted yet: the form did not arrive whole. Please send it again."]


def test_the_token_comes_first_or_nothing_is_read(site, ada):
    before = (jobs(site), len(kept(site)))
    hidden = ada.form("names.sh")
    file = (b'name="upload_input_file"; filename="x"', b"x")
    fields = [(f'name="{key}"'.encode(), value.encode()) for key, value in hidden.items()]
    token, rest = fields[0], fields[1:]
    wrong = (token[0], b"0" * 64)
    for parts in [[*rest, file, token], [file, token, *rest], [*rest, file], [wrong, *rest, file], []]:
        for page in ["/submit/names.sh", "/files"]:
            headers = {"Content-Type": "multipart/form-data; boundary=limit"}
            answer = ada.http.post(site.url + page, data=multipart(parts), headers=headers)
            assert answer.status_code == 403, answer.text
    assert (jobs(site), len(kept(site))) == before and incoming(site) == []


# Scripts that are not there


def test_an_unknown_script_is_nowhere(site, ada):
    secret = site.state / "scripts/secret.sh"
    secret.write_text("#!/bin/sh\n")
    secret.chmod(0o644)
    for name in ["nothing-of-this-name", "secret.sh", ".hidden", "..%2fetc%2fScriptRunner.conf", "x" * 300, "%0a"]:
        assert ada.get(f"/submit/{name}").status_code == 404, name
    assert ada.get("/submit?scriptname=nothing").url.endswith("/submit?scriptname=nothing")


def test_a_script_that_goes_while_its_form_is_open_is_told(site, ada):
    site.write_script("fleeting.sh", NAMES)
    hidden = ada.form("fleeting.sh")
    before = (jobs(site), len(kept(site)))
    (site.state / "scripts/fleeting.sh").unlink()
    answer = ada.submit("fleeting.sh", files={"input_file": ("f", b"x")}, hidden=hidden)
    assert answer.status_code == 404
    assert "not offered any more" in Page(answer).main
    assert (jobs(site), len(kept(site))) == before and incoming(site) == []


def test_scp_is_told_of_where_the_admin_has_a_user_for_it(make_site, ada):
    assert "scp " not in ada.get("/submit/names.sh").text
    small = make_site(scripts={"names.sh": NAMES}, settings={"scp_user": "scriptrunner"})
    visitor = small.visitor("scp@example.org")
    page = Page(visitor.get("/submit/names.sh"))
    assert f"scp FILE scriptrunner@localhost:{small.state}/inbox/shared/" in page.main


def test_a_job_is_submitted_again_from_a_form_that_is_filled_in_as_it_was(site):
    ada = site.visitor("again@example.org")
    files = {"input_one": ("one.txt", b"a\n"), "input_two": ("two.txt", b"b\n")}
    number = ada.queue("count.sh", {"output_counts": "counts.txt"}, files)
    site.wait_for(number, "succeeded")
    link = f"/submit/count.sh?from={number}"
    assert f'href="{link}"' in ada.get(f"/jobs/{number}").text
    text = ada.get(link).text
    chosen = re.findall(r'<option value="(file:\d+)" selected>(\w+)\.txt', text)
    assert [name for _, name in chosen] == ["one", "two"]
    assert 'value="counts.txt"' in text and 'role="alert"' not in text
    values = {"input_one": chosen[0][0], "input_two": chosen[1][0], "output_counts": "counts.txt"}
    again = ada.submit("count.sh", values, hidden=ada.hidden(text, "/submit/count.sh"))
    assert f"/jobs/{number}" not in again.url and "/jobs/" in again.url
    # Another's job, another script's and none at all fill in nothing.
    stranger = site.visitor("again-stranger@example.org")
    for visitor, address in ((stranger, link), (ada, f"/submit/echo.sh?from={number}"), (ada, "/submit/count.sh?from=99999")):
        answer = visitor.get(address)
        assert answer.status_code == 200 and "selected>one" not in answer.text and 'value="counts.txt"' not in answer.text


def test_two_outputs_cannot_have_one_name(make_site):
    script = "#!/bin/sh\n##~~ output_a - one\n##~~ output_b - another\necho a > \"$1\"; echo b > \"$2\"\n"
    site = make_site(scripts={"two.sh": script})
    ada = site.visitor("ada@example.org")
    answer = ada.submit("two.sh", {"output_a": "same.txt", "output_b": "same.txt"})
    assert answer.status_code == 422 and "Another output has this name already" in answer.text
    assert ada.submit("two.sh", {"output_a": "one.txt", "output_b": "two.txt"}).status_code == 200


def test_who_chooses_a_file_and_uploads_another_is_asked_which(site):
    ada = site.visitor("which@example.org")
    first = {"input_one": ("one.txt", b"a\n"), "input_two": ("two.txt", b"b\n")}
    number = ada.queue("count.sh", {"output_counts": "counts.txt"}, first)
    file = site.query("SELECT file_id FROM job_parameters WHERE job_id = ? AND position = 0", number)[0]["file_id"]
    values = {"input_one": f"file:{file}", "input_two": f"file:{file}", "output_counts": "counts.txt"}
    answer = ada.submit("count.sh", values, {"input_one": ("other.txt", b"c\n")})
    assert answer.status_code == 422 and "A file was chosen and another uploaded" in answer.text
    assert re.search(r'<option value="file:\d+" selected>other\.txt', answer.text)
