"""Files that come in: how large, how many, what they are called, what breaks off, and when they go."""

import hashlib
import re
import socket
import threading

import pytest

import fastcgi
from forms import incoming, jobs, kept, multipart, number_of
from reading import Page, exchange, text
from site_scripts import SCRIPTS
from site_under_test import wait_until
from writing import waiting_for_locks, write_lock, write_locked

NAMES = """#!/bin/sh
##~~ input_file - any file
set -eu
printf '%s' "$1" > path
cat "$1" > content
wc -c < "$1" > size
"""
HOLD = """#!/bin/sh
##~~ input_file - any file
while :; do sleep 0.05; done
"""


@pytest.fixture(scope="module")
def site(make_site):
    scripts = {"names.sh": NAMES, "hold.sh": HOLD}
    return make_site(scripts={**SCRIPTS, **scripts}, settings={"machine_cpus": 4, "default_cpus": 1, "kill_grace": 0})


@pytest.fixture(scope="module")
def small(make_site):
    """Takes uploads of 1000 bytes at most."""
    return make_site(scripts={"names.sh": NAMES}, settings={"max_upload_bytes": 1000})


@pytest.fixture(scope="module")
def ada(site):
    return site.visitor("ada@example.org")


def send_file(visitor, name, content, script="names.sh", field="upload_input_file"):
    """Submits a job with a file of any name, told as browsers tell it."""
    name = name.encode("utf-8", "surrogateescape")
    for plain, code in [(b'"', b"%22"), (b"\r", b"%0D"), (b"\n", b"%0A")]:
        name = name.replace(plain, code)
    hidden = [(f'name="{key}"'.encode(), value.encode()) for key, value in visitor.form(script).items()]
    body = multipart(hidden + [(f'name="{field}"; filename="'.encode() + name + b'"', content)])
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    return visitor.http.post(f"{visitor.site.url}/submit/{script}", data=body, headers=headers)


def test_an_upload_that_is_too_large_is_refused_with_a_sentence(small):
    ada = small.visitor("ada@example.org")
    answer = ada.submit("names.sh", files={"input_file": ("big.txt", b"x" * 1001)})
    assert answer.status_code == 422
    page = Page(answer)
    assert text(page.one("p", page.one("fieldset"), class_="problem")) == (
        "big.txt is too large: there is room for 1000 bytes."
    )
    token = ada.hidden(ada.get("/files").text, "/files")
    for size, status in [(1001, 422), (2_000_000, 422)]:
        answer = ada.post("/files", token, files={"file": ("big.txt", b"x" * size)})
        # requests puts data before files, as a browser does.
        assert answer.status_code == status and "big.txt is too large" in Page(answer).alerts()[0]
    assert kept(small) == [] and jobs(small) == 0 and incoming(small) == []
    # Up to the last byte.
    small.wait_for(ada.queue("names.sh", files={"input_file": ("just.txt", b"x" * 1000)}), "succeeded")
    assert "The file has arrived." in ada.post("/files", token, files={"file": ("just.txt", b"y" * 1000)}).text


@pytest.mark.parametrize("path", ["/submit/names.sh", "/files", "/login", "/jobs/1/cancel", "/account/password"])
def test_a_body_that_no_form_has_is_refused_by_the_web_server_in_our_words(small, path):
    before = (len(kept(small)), jobs(small))
    answer = small.visitor().post(path, b"x" * 4_000_000, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 413
    assert "larger than this site takes" in Page(answer).main
    assert (len(kept(small)), jobs(small)) == before and incoming(small) == []


def test_a_body_that_breaks_off_leaves_nothing(site, ada):
    before = (jobs(site), len(kept(site)))
    hidden = [(f'name="{key}"'.encode(), value.encode()) for key, value in ada.form("names.sh").items()]
    body = multipart(hidden + [(b'name="upload_input_file"; filename="x"', b"x" * 3_000_000)])
    cookie = f"scriptrunner_session={ada.http.cookies['scriptrunner_session']}"
    head = (
        f"POST /submit/names.sh HTTP/1.1\r\nHost: localhost:{site.port}\r\nCookie: {cookie}\r\nConnection: close\r\n"
        f"Sec-Fetch-Site: same-origin\r\nContent-Type: multipart/form-data; boundary=limit\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    exchange(site.port, head.encode() + body[:2_000_000], half_close=True)

    # The web server has not passed that on; so the program itself: half a file, and then nobody is there any more.
    with fastcgi.connect(site, "submit") as connection:
        connection.sendall(
            fastcgi.begin(
                REQUEST_METHOD="POST", REQUEST_URI="/submit/names.sh", HTTP_COOKIE=cookie, CONTENT_LENGTH=len(body),
                CONTENT_TYPE="multipart/form-data; boundary=limit", HTTP_SEC_FETCH_SITE="same-origin",
            )
            + fastcgi.body(body[:2_000_000])
        )
        wait_until("the upload grows", lambda: [file for file in incoming(site) if file.stat().st_size > 1_000_000])
        connection.shutdown(socket.SHUT_WR)
        assert b"broke off" in fastcgi.answer(connection)
    wait_until("nothing is left", lambda: incoming(site) == [])
    assert (jobs(site), len(kept(site))) == before

    # A body whose last boundary is missing is no form.
    cut = body[: -len("--limit--\r\n")]
    answer = ada.http.post(
        site.url + "/submit/names.sh", data=cut, headers={"Content-Type": "multipart/form-data; boundary=limit"}
    )
    assert answer.status_code == 400 and "arrived damaged" in answer.text
    assert (jobs(site), len(kept(site))) == before and incoming(site) == []


class Body:
    """A form's body that is never in memory as a whole."""

    def __init__(self, head, size, tail):
        self.pieces = [head, *([b"0123456789abcdef" * 65_536] * (size >> 20)), tail]
        self.length = len(head) + (size >> 20 << 20) + len(tail)
        self.rest = b""

    def __len__(self):
        return self.length

    def read(self, count=65_536):
        if not self.rest and self.pieces:
            self.rest = self.pieces.pop(0)
        piece, self.rest = self.rest[:count], self.rest[count:]
        return piece


def test_a_large_upload_takes_no_more_memory_than_a_small_one(site, ada):
    size = 300 << 20
    hidden = [(f'name="{key}"'.encode(), value.encode()) for key, value in ada.form("names.sh").items()]
    whole = multipart(hidden + [(b'name="upload_input_file"; filename="large"', b"@")])
    head, tail = whole.split(b"@")
    answer = ada.http.post(
        site.url + "/submit/names.sh", data=Body(head, size, tail),
        headers={"Content-Type": "multipart/form-data; boundary=limit"},
    )
    number = number_of(answer)
    [submit] = site.pids_of("submit")
    with open(f"/proc/{submit}/status") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
    assert peak < 64 << 10, f"{peak} kB"
    file = kept(site)[-1]
    expected = hashlib.sha256()
    for _ in range(size >> 20):
        expected.update(b"0123456789abcdef" * 65_536)
    assert (file["size"], file["sha256"]) == (size, expected.digest())
    site.wait_for(number, "succeeded")
    assert int((site.outbox(number) / "size").read_text()) == size
    # Room for others.
    assert ada.send("/files", f"/files/inbox/{file['id']}/delete", {}).status_code == 200


HOSTILE_NAMES = [
    ("../../../etc/passwd", "passwd"), ("C:\\Users\\ada\\data.txt", "data.txt"), ("a/b\\c/d.txt", "d.txt"),
    ("/\u0301../x\u0301/y", "y"), ("x/\u0301y", "\u0301y"), ("..\\\u0301..", "\u0301.."), ("/", "file"), (" ", "file"),
    (".", "_"), ("..", "_."), (".hidden", "_hidden"), ("-rf", "_rf"), ("--help", "_-help"), (".\u0301x", "_\u0301x"),
    ("a\nb\r\nc", "a_b__c"), ("a\x00b", "a_b"), ("\x1b[31mred", "_[31mred"), ("\u202egnp.exe", "_gnp.exe"),
    ("a\u2028b", "a_b"), ("a'\"$(touch canary);`id`&|<>*?.txt", "a'\"$(touch canary);`id`&|<>*?.txt"),
    ("<img src=x onerror=alert(1)>.txt", "<img src=x onerror=alert(1)>.txt"), ("  two  words  ", "two  words"),
    ("file, with=signs;.txt", "file, with=signs;.txt"), ("%2e%2e%2fx", "%2e%2e%2fx"), ("naïve 🧬.fa", "naïve 🧬.fa"),
    ("x" * 300 + ".tar", "x" * 196 + ".tar"), ("é" * 150 + ".txt", "é" * 98 + ".txt"),
    ("a" + "\u0301" * 300, "a" + "\u0301" * 99), ("\u0301" * 300 + ".txt", "\u0301" * 98 + ".txt"),
    ("\udcff\udcfe", "\ufffd\ufffd"), ("." * 300, "_" + "." * 198 + "."), ("x." + "y" * 300, "x." + "y" * 198),
]


@pytest.mark.parametrize("given, name", HOSTILE_NAMES, ids=lambda value: ascii(value)[:24])
def test_whatever_a_file_is_called_it_is_kept_in_its_own_folder(site, ada, given, name):
    content = f"content of {ascii(given)}".encode()
    number = number_of(send_file(ada, given, content))
    file = kept(site)[-1]
    assert file["name"] == name
    site.wait_for(number, "succeeded")
    place = site.state / "inbox" / str(file["user_id"]) / file["uid"]
    assert [entry.name for entry in place.iterdir()] == [name]
    assert (site.outbox(number) / "path").read_text() == str(place / name)
    assert (site.outbox(number) / "content").read_bytes() == content
    for path in ["/files", "/submit/names.sh", f"/jobs/{number}", "/jobs"]:
        page = Page(ada.get(path))
        assert page.errors == [] and name[:100] in page.main and page.all("img", src="x") == []
    download = ada.get(f"/files/inbox/{file['id']}")
    assert download.content == content
    disposition = download.headers["Content-Disposition"]
    assert re.fullmatch(r"attachment; filename=\"[ !#$&-\[\]-~]+\"; filename\*=UTF-8''[A-Za-z0-9%._~-]+", disposition)


def test_a_file_that_a_job_reads_cannot_be_deleted(site, ada):
    number = ada.queue("hold.sh", files={"input_file": ("needed.txt", b"needed")})
    file = kept(site)[-1]
    delete = f"/files/inbox/{file['id']}/delete"
    place = site.state / "inbox" / str(file["user_id"]) / file["uid"] / "needed.txt"
    token = ada.hidden(ada.get("/files").text, "/files")
    for state in ["queued", "running"]:
        if state == "running":
            site.wait_for(number, "running")
        answer = ada.post(delete, token)
        assert answer.status_code == 422
        assert Page(answer).alerts() == [f"needed.txt is read by job #{number}, which is not over yet."]
        assert place.exists()
    eve = site.visitor("eve3@example.org")
    assert eve.post(delete, eve.hidden(eve.get("/files").text, "/files")).status_code == 404
    ada.cancel(number)
    site.wait_for(number, "cancelled")

    assert "The file is deleted." in ada.post(delete, token).text
    assert not place.parent.exists() and kept(site)[-1]["id"] != file["id"]
    assert "needed.txt (removed since)" in Page(ada.get(f"/jobs/{number}")).main
    for path in [delete, f"/files/inbox/{file['id']}"]:
        assert ada.post(path, token).status_code == 404 and ada.get(path).status_code == 404


def test_a_file_that_is_deleted_while_its_form_is_sent_is_told_on_the_form(site, ada):
    ada.post("/files", ada.hidden(ada.get("/files").text, "/files"), files={"file": ("fleeting.txt", b"x")})
    file = kept(site)[-1]
    before = jobs(site)
    hidden = ada.form("names.sh")
    answers = []
    choice = {"input_file": f"file:{file['id']}"}
    sending = threading.Thread(target=lambda: answers.append(ada.submit("names.sh", choice, hidden=hidden)))
    [submit] = site.pids_of("submit")

    with write_lock(site):
        sending.start()
        wait_until("the form has been looked at", lambda: submit in waiting_for_locks())
        assert write_locked(site, "DELETE FROM files WHERE id = ?", file["id"]) == 1
    sending.join()
    assert answers[0].status_code == 422 and jobs(site) == before
    assert "The chosen file is not there any more." in Page(answers[0]).main
