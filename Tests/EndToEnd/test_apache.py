"""The same site behind Apache with mod_fcgid: what differs there must not be seen by anybody."""

import hashlib
import io
import os
import random
import re
import signal
import socket
import threading
import time

import pytest

from forms import multipart
from guards import FILE_POLICY, STATIC_POLICY, answers_of, assert_guarded, assert_harmless
from hostile_values import PLAIN
from machine import descendants
from reading import Page, RawAnswer, exchange, text, values_of
from site_scripts import SCRIPTS
from site_under_test import wait_until

COUNT = 60
ALL = "#!/bin/sh\n" + "".join(f"##~~ p{n} - a text\n" for n in range(COUNT)) + "printf '%s\\0' \"$@\" > arguments\n"
# Names that a header cannot hold, or that somebody on the way might decode once too often.
NAMES = ["plain.txt", "with space.txt", "räume.txt", "a+b&c=d.txt", "100%.txt", "%41.txt", "semi;colon,'quote\".txt",
         "new\nline.txt", "back\\slash", "trailing ", "deep/er/file", "#1?", "\x7f"]
LEAVE = "#!/bin/sh\nmkdir -p deep/er\n" + "".join(
    f"printf %s '{number}' > {chr(39) + name.replace(chr(39), chr(39) + chr(92) + chr(39) * 2) + chr(39)}\n"
    for number, name in enumerate(NAMES)
) + "printf bytes > \"$(printf 'latin-\\351.txt')\"\nhead -c 3000000 /dev/zero > zeros\n"


@pytest.fixture(scope="module")
def site(make_site):
    return make_site(
        httpd="apache", scripts={**SCRIPTS, "all.sh": ALL, "leave.sh": LEAVE},
        settings={"machine_cpus": 4, "default_cpus": 1, "max_upload_bytes": "32M"})


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


@pytest.fixture(scope="module")
def left(site, ada):
    """A job that has left files of all names."""
    number = ada.queue("leave.sh")
    site.wait_for(number, "succeeded")
    return number


def assert_guarded_here(answer, **expected):
    assert "Content-Length" not in answer.headers.get("Vary", "")
    assert_guarded(answers_of(answer), server="Apache", **expected)


def test_the_main_job(site, ada):
    files = {"input_one": ("one, and more=.txt", b"a\nb\n"), "input_two": ("two.txt", b"c\n")}
    number = ada.queue("count.sh", {"output_counts": "counts.txt"}, files)
    site.wait_for(number, "succeeded")
    answer = ada.get(f"/jobs/{number}")
    assert_guarded_here(answer)
    page = Page(answer)
    assert_harmless(page)
    assert "one, and more=.txt" in page.main and "counting" in page.main
    assert ada.get(f"/files/jobs/{number}/counts.txt").text == "3\n"
    assert site.visitor("eve@example.org").get(f"/files/jobs/{number}/counts.txt").status_code == 404


def test_a_job_is_cancelled(site, ada):
    number = ada.queue("polite.sh")
    wait_until("its trap is set", lambda: site.job(number)["state"] == "running" and (site.outbox(number) / "up").exists())
    assert ada.cancel(number).status_code == 200
    site.wait_for(number, "cancelled")
    assert "asked to end" in ada.get(f"/jobs/{number}/log").text


def test_what_is_typed_is_what_the_script_gets(site, ada):
    # Browsers send every line break as CR LF, and the pages take it for one.
    values = [value for value in PLAIN if "\r" not in value]
    assert len(values) > 200
    for start in range(0, len(values), COUNT):
        batch = (values[start:start + COUNT] + [""] * COUNT)[:COUNT]
        number = ada.queue("all.sh", {f"p{n}": value for n, value in enumerate(batch)})
        site.wait_for(number, "succeeded")
        got = (site.outbox(number) / "arguments").read_bytes().decode().split("\0")[:-1]
        assert got == batch
        assert_harmless(Page(ada.get(f"/jobs/{number}")))


def test_twenty_megabytes_arrive_and_come_back_unchanged(site, ada):
    content = random.Random(20).randbytes(20 << 20)
    fields = ada.hidden(ada.get("/files").text, "/files")
    answer = ada.post("/files", fields, files={"file": ("large.bin", content)})
    assert answer.status_code == 200 and "The file has arrived" in answer.text
    link = next(a for a in Page(answer).all("a") if text(a) == "large.bin").get("href")
    back = ada.get(link)
    assert hashlib.sha256(back.content).digest() == hashlib.sha256(content).digest()
    assert_guarded_here(back, policy=FILE_POLICY)
    [row] = site.query("SELECT size, hex(sha256) AS sha256 FROM files WHERE name = 'large.bin'")
    assert row["size"] == len(content)


# Downloads


def test_outputs_of_every_name_are_sent(site, ada, left):
    page = Page(ada.get(f"/jobs/{left}"))
    links = [a.get("href") for a in page.all("a") if (a.get("href") or "").startswith(f"/files/jobs/{left}/")]
    assert len(links) == len(NAMES) + 2
    got = sorted(ada.get(link).content for link in links)
    assert got == sorted([*[str(n).encode() for n in range(len(NAMES))], b"bytes", bytes(3_000_000)])
    for link in links:
        answer = ada.get(link)
        assert_guarded_here(answer, policy=FILE_POLICY)
        assert values_of(answer, "Content-Type") == ["application/octet-stream"]
        assert values_of(answer, "Content-Disposition")[0].startswith("attachment;")


@pytest.mark.parametrize("asked, status, told", [
    ("bytes=0-0", 206, "bytes 0-0/3000000"), ("bytes=1000000-1999999", 206, "bytes 1000000-1999999/3000000"),
    ("bytes=-5", 206, "bytes 2999995-2999999/3000000"), ("bytes=3000000-", 416, None),
])
def test_a_download_goes_on_where_it_broke_off(site, ada, left, asked, status, told):
    """By Apache itself, which knows ranges: the program only says which file."""
    answer = ada.get(f"/files/jobs/{left}/zeros", headers={"Range": asked})
    assert answer.status_code == status
    assert_guarded_here(answer, policy=FILE_POLICY if told else STATIC_POLICY)
    if told:
        first, last = map(int, re.findall(r"\d+", told)[:2])
        assert answer.headers["Content-Range"] == told and len(answer.content) == last - first + 1


def test_a_download_that_is_known_is_not_sent_again(site, ada, left):
    address = f"/files/jobs/{left}/zeros"
    first = ada.get(address)
    again = ada.get(address, headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert again.status_code == 304 and again.content == b""


def test_nobody_names_a_file_to_apache(site, ada):
    for headers in [{"X-Sendfile": "/etc/passwd"}, {"X-Accel-Redirect": "/_outbox/x"}]:
        answer = ada.get("/files", headers=headers)
        assert answer.status_code == 200 and "root:" not in answer.text


def test_a_link_in_an_output_folder_is_not_sent(site, ada):
    number = ada.queue("plain.sh")
    site.wait_for(number, "succeeded")
    folder = site.outbox(number)
    (folder / "link").symlink_to("/etc/passwd")
    assert ada.get(f"/files/jobs/{number}/link").status_code == 404


# What is too large


def is_too_large(answer):
    assert answer.status_code == 413
    assert_guarded_here(answer)
    assert "Too large" in text(Page(answer).one("h1"))


@pytest.mark.parametrize("path, size", [("/files", 35 << 20), ("/submit/count.sh", 35 << 20), ("/login", 2 << 20)])
def test_more_than_the_limit_is_a_readable_413(site, ada, path, size):
    began = time.monotonic()
    is_too_large(ada.post(path, {"token": "x"}, files={"file": ("huge.bin", bytes(size))}, timeout=30))
    assert time.monotonic() - began < 10
    assert list((site.state / "inbox/.incoming").glob("*")) == []


def test_a_length_beyond_the_limit_is_refused_before_the_body_comes(site):
    for path, length in [("/files", 10 ** 12), ("/submit", 10 ** 19), ("/signup", 1 << 21)]:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        began = time.monotonic()
        answer = RawAnswer(exchange(site.port, head.encode()))
        assert answer.status in [400, 413] and b"<h1>" in answer.body, answer.status
        assert_guarded(answer.all, server="Apache")
        assert time.monotonic() - began < 10


def test_more_than_the_limit_without_a_length_is_a_readable_page_too(site, ada):
    answer = ada.post("/files", iter([bytes(1 << 20)] * 40), timeout=60)
    assert answer.status_code >= 400 and "<h1>" in answer.text
    assert_guarded_here(answer)


def test_up_to_the_limit_everything_is_taken(site, ada):
    fields = ada.hidden(ada.get("/files").text, "/files")
    answer = ada.post("/files", fields, files={"file": ("full.bin", bytes(32 << 20))})
    assert answer.status_code == 200 and "The file has arrived" in answer.text


# What goes wrong


def test_errors_are_guarded_whoever_makes_them(site, ada):
    for path, status in [
        ("/nothing", 404), ("/files/jobs/999/x", 404), ("/static/none", 404), ("/static/", 404),
        ("/.%2e/etc/passwd", 400), ("/static/..%2f..%2fetc/passwd", 404), ("/cgi-bin/home", 404), ("//jobs", 404),
    ]:
        answer = ada.get(path)
        assert answer.status_code == status, (path, answer.status_code)
        assert_guarded_here(answer)
        assert_harmless(Page(answer))
        assert "Apache" not in answer.text


@pytest.mark.parametrize("sent, status", [
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=" + b"b" * 40_000 + b"\r\nConnection: close\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    (b"GET /%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    (b"GET /?x=%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    (b"GET /%2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    (b"FOO / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    (b"PUT /files HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", 405),
    (b"PUT /static/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", 405),
    (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\nConnection: close\r\n\r\n", 400),
    (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: the-impossible\r\nConnection: close\r\n\r\n", 417),
], ids=lambda value: ascii(value[:30]) if isinstance(value, bytes) else str(value))
def test_what_is_no_proper_request_is_answered_in_our_words(site, sent, status):
    answer = RawAnswer(exchange(site.port, sent))
    assert answer.status == status
    assert_guarded(answer.all, server="Apache")
    assert b"<h1>" in answer.body and b"Apache" not in answer.body


def test_static_files_are_guarded_and_may_be_kept(site, ada):
    answer = ada.get("/static/style.css")
    assert answer.headers["Content-Type"].startswith("text/css")
    assert_guarded_here(answer, policy=STATIC_POLICY, cache="public, max-age=600")
    for name, kind in [("live.js", "text/javascript"), ("icon.svg", "image/svg+xml")]:
        assert ada.get(f"/static/{name}").headers["Content-Type"].startswith(kind)


def test_a_program_that_was_killed_is_back_at_the_next_visit(site, ada):
    for program in ["jobs", "home"]:
        for process in descendants(site.process.pid):
            if process.name == program:
                os.kill(process.pid, signal.SIGKILL)
    wait_until("the jobs are back", lambda: ada.get("/jobs").status_code == 200)
    wait_until("home is back", lambda: ada.get("/").status_code == 200)


# Many at a time


def test_more_visitors_than_processes_are_all_served(site, ada):
    statuses, lock = [], threading.Lock()

    def visit():
        person = site.visitor()
        for _ in range(3):
            status = person.get("/login", timeout=30).status_code
            with lock:
                statuses.append(status)

    threads = [threading.Thread(target=visit) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 48


def test_bodies_that_come_slowly_keep_nobody_waiting(site, ada):
    """Apache takes a body in before it bothers a program."""
    body = multipart([(b'name="token"', b"x"), (b'name="file"; filename="f"', b"y" * 1000)])
    slow = []
    try:
        for _ in range(30):
            connection = socket.create_connection(("127.0.0.1", site.port))
            connection.sendall(
                b"POST /files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=limit\r\n"
                b"Content-Length: 100000\r\n\r\n" + body)
            slow.append(connection)
        began = time.monotonic()
        for _ in range(10):
            assert ada.get("/files", timeout=10).status_code == 200
        assert time.monotonic() - began < 10
    finally:
        for connection in slow:
            connection.close()
