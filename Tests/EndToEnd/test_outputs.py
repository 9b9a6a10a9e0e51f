"""What a job leaves: its log and its files, whatever they are called; and nothing that is not its own."""

import urllib.parse

import pytest
import requests

from guards import FILE_POLICY
from reading import Page, text, values_of

TALK = """#!/bin/sh
##~~ Says much and leaves a large file.
i=0
while [ $i -lt 3000 ]; do i=$((i + 1)); echo "line $i"; done
yes 0123456789abcde | head -c 1000000 > large.bin
printf '<script>alert(1)</script>' > page.html
"""
SLOW = "#!/bin/sh\n##~~ word - what to say\necho \"$1 first\"\nwhile [ ! -e go ]; do sleep 0.02; done\necho second\n"
ODD_NAMES = [
    b"plain.txt", b"\xff\xfe.bin", "naïve 🧬.txt".encode(), b"a b.txt", b" leading", b"trailing ", b"new\nline",
    b"tab\t", b"100%.txt", b"%2e%2e", b"%2F", b"a?b#c", b"a&b=c;d", b"quote\"'", b"back\\slash",
    b"<img src=x onerror=alert(1)>", b"-rf", b"..dots", b"...", b".hidden", b"sub/dir/x.txt", b"sub/..x", b"x" * 255,
    b"\x01\x1b[31m", b"\xe2\x80\xae.txt", b"d/" * 8 + b"deep", b"+", b"a+b", b"~", "\u0301".encode(), b"CON", b"http:",
    b"*", b"_outbox",
] + [b"/".join([b"\xf0\x9f\xa7\xac" * 60] * 8) + b"/far"]
ODD = f"""#!/usr/bin/python3
##~~ Leaves files of odd names.
import os
for number, name in enumerate({ODD_NAMES!r}):
    if b"/" in name:
        os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as file:
        file.write(b"%d " % number + name)
"""
LINKS = """#!/usr/bin/python3
##~~ Leaves what is no file of its own.
import os, socket
open("plain.txt", "w").write("plain")
os.symlink("/etc/passwd", "to-passwd")
os.symlink("plain.txt", "to-plain")
os.symlink("..", "to-all")
os.symlink("/etc", "to-etc")
os.symlink(".", "to-here")
open("one-name", "w").write("two names")
os.link("one-name", "other-name")
os.mkfifo("fifo")
os.mkdir("folder")
os.mkdir("closed", 0o000)
socket.socket(socket.AF_UNIX).bind("socket")
"""


@pytest.fixture(scope="module")
def site(make_site):
    scripts = {"talk.sh": TALK, "slow.sh": SLOW, "odd.py": ODD, "links.py": LINKS}
    return make_site(scripts=scripts, settings={"machine_cpus": 4, "default_cpus": 1})


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


@pytest.fixture(scope="module")
def talk(site, ada):
    """A job of Ada's with a log and outputs."""
    number = ada.queue("talk.sh")
    site.wait_for(number, "succeeded")
    return number


def go(site, number):
    (site.outbox(number) / "go").touch()


def test_the_page_shows_the_end_of_a_long_log_and_the_whole_is_a_download(site, ada, talk):
    whole = "".join(f"line {n}\n" for n in range(1, 3001)).encode()
    page = Page(ada.get(f"/jobs/{talk}"))
    shown = text(page.one("pre")).encode()
    assert 15_000 < len(shown) <= 16_384 and whole.endswith(shown) and shown.startswith(b"line ")
    assert "here is its end" in page.main
    download = ada.get(page.one("a", href=f"/jobs/{talk}/log").get("href"))
    assert download.content == whole
    assert download.headers["Content-Type"] == "application/octet-stream"
    assert download.headers["Content-Disposition"].startswith(f'attachment; filename="job-{talk}.log"')


def test_the_log_of_a_running_job_is_there_as_far_as_it_got(site, ada):
    number = ada.queue("slow.sh", {"word": "hello"})
    site.wait_for(number, "running")
    assert ada.get(f"/jobs/{number}/log").content in (b"", b"hello first\n")
    go(site, number)
    site.wait_for(number, "succeeded")
    assert ada.get(f"/jobs/{number}/log").content == b"hello first\nsecond\n"


def test_an_output_can_be_fetched_piece_by_piece(site, ada, talk):
    whole = (b"0123456789abcde\n" * 62_500)[:1_000_000]
    url = f"/files/jobs/{talk}/large.bin"
    answer = ada.get(url)
    assert (answer.status_code, answer.content) == (200, whole)
    assert answer.headers["Accept-Ranges"] == "bytes" and values_of(answer, "X-Accel-Redirect") == []
    for asked, start, end in [
        ("100-199", 100, 200), ("999990-", 999_990, 10**6), ("-5", 999_995, 10**6), ("0-0", 0, 1),
    ]:
        answer = ada.get(url, headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, whole[start:end])
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/1000000"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="large.bin"')
    assert ada.get(url, headers={"Range": "bytes=1000000-"}).status_code == 416
    # What breaks off goes on where it was, unless the file has changed.
    tag = ada.get(url).headers["ETag"]
    assert ada.get(url, headers={"Range": "bytes=5-9", "If-Range": tag}).status_code == 206
    assert ada.get(url, headers={"Range": "bytes=5-9", "If-Range": '"x"'}).status_code == 200
    head = ada.http.head(site.url + url)
    assert head.headers["Content-Length"] == "1000000" and head.content == b""


def test_a_page_that_a_script_made_is_saved_and_never_shown(ada, talk):
    answer = ada.get(f"/files/jobs/{talk}/page.html")
    assert answer.content == b"<script>alert(1)</script>"
    assert values_of(answer, "Content-Type") == ["application/octet-stream"]
    assert values_of(answer, "X-Content-Type-Options") == ["nosniff"]
    assert values_of(answer, "Content-Security-Policy") == [FILE_POLICY]
    assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_outputs_of_any_name_are_shown_and_sent(site, ada):
    number = ada.queue("odd.py")
    site.wait_for(number, "succeeded")
    page = Page(ada.get(f"/jobs/{number}"))
    assert page.errors == [] and page.all("img", src="x") == []
    links = [link.get("href") for link in page.all("a", download="") if link.get("href").startswith("/files/")]
    assert len(links) == len(ODD_NAMES)
    found = {}
    for link in links:
        prefix = f"/files/jobs/{number}/"
        assert link.startswith(prefix)
        answer = ada.get(link)
        assert answer.status_code == 200, link
        found[urllib.parse.unquote_to_bytes(link.removeprefix(prefix))] = answer.content
        [disposition] = values_of(answer, "Content-Disposition")
        assert disposition.isascii() and disposition.isprintable()
        name = urllib.parse.unquote_to_bytes(disposition.rpartition("''")[2])
        expected = urllib.parse.unquote_to_bytes(link.rpartition("/")[2])
        assert name.decode() == expected.decode(errors="replace")
    assert found == {name: b"%d " % n + name for n, name in enumerate(ODD_NAMES)}


def test_what_is_no_file_of_the_jobs_own_is_neither_shown_nor_sent(site, ada):
    number = ada.queue("links.py")
    site.wait_for(number, "succeeded")
    page = Page(ada.get(f"/jobs/{number}"))
    links = [text(link) for link in page.all("a", download="") if link.get("href").startswith("/files/")]
    assert links == ["plain.txt"]
    other = ada.queue("talk.sh")
    site.wait_for(other, "succeeded")
    uid = site.job(other)["uid"]
    absent = ada.get(f"/files/jobs/{number}/nothing")
    for path in [
        "to-passwd", "to-plain", "to-all", f"to-all/{uid}/large.bin", "to-etc/passwd", "to-here/plain.txt", "one-name",
        "other-name", "fifo", "socket", "folder", "folder/", "closed", "closed/x", "", "plain.txt/x", "PLAIN.TXT",
    ]:
        answer = fetch_as_written(ada, f"/files/jobs/{number}/{path}")
        assert (answer.status_code, answer.content) == (404, absent.content), path
    for path in [
        "/", ".", "./plain.txt", "folder//plain.txt", f"../{uid}/large.bin", f"%2e%2e/{uid}/large.bin",
        f"..%2f{uid}%2flarge.bin", f"folder/../../{uid}/large.bin", f"%2e%2e%2f{uid}/large.bin", "plain.txt%00",
        "plain.txt%00.html", "../../inbox/shared", "..%5c..", "....//plain.txt", "%252e%252e/x",
    ]:
        answer = fetch_as_written(ada, f"/files/jobs/{number}/{path}")
        assert answer.status_code in (400, 404) and b"0123456789" not in answer.content, path
    assert ada.get(f"/_outbox/{uid}/large.bin").status_code == 404
    assert fetch_as_written(ada, f"/static/../_outbox/{uid}/large.bin").status_code == 404
    # Nor do they get in the way of anything.
    assert ada.get(f"/files/jobs/{number}/plain.txt").content == b"plain"


def fetch_as_written(visitor, path):
    """Asks for a path that a client would tidy up before asking."""
    request = visitor.http.prepare_request(requests.Request("GET", visitor.site.url + "/"))
    request.url = visitor.site.url + path
    return visitor.http.send(request, allow_redirects=False)
