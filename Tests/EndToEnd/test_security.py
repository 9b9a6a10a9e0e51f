"""The headers and the markup of every answer, whatever is asked for and whatever fails."""

import os
import re
import signal
import threading

import pytest

from guards import FILE_POLICY, PAGE_POLICY, STATIC_POLICY, answers_of, assert_guarded, assert_harmless
from reading import Page, RawAnswer, exchange, text, values_of
from scene import ada, job, site  # noqa: F401
from site_under_test import wait_until
from writing import waiting_for_locks, write_lock

FORM = b"Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE", "FOO"]
)
@pytest.mark.parametrize("who", ["a stranger", "a user"])
def test_every_answer_of_every_route_is_guarded(site, ada, job, who, method):
    visitor = ada if who == "a user" else site.visitor()
    seen = set()
    for path in [
        "/", "/login", "/signup", "/account", "/account/password", "/submit", "/submit/echo.sh", "/submit/none",
        "/jobs", f"/jobs/{job}", f"/jobs/{job}/log", f"/jobs/{job}/cancel", "/jobs/987654", "/files", "/files/inbox/1",
        f"/files/jobs/{job}/page.html", f"/files/jobs/{job}/none", "/files/inbox/1/none", "/nothing", "/logout",
        "/?x=%zz", "/jobs?" + "a&" * 1001, "/jobs?x=%ff",
    ]:
        if method == "POST" and path == "/logout":
            continue
        for data in [None, "token=x"] if method == "POST" else [None]:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if data else {}
            answer = visitor.http.request(method, site.url + path, data=data, headers=headers, allow_redirects=False)
            seen.add(answer.status_code)
            assert answer.status_code < 500, path
            assert_guarded(answers_of(answer))
            if values_of(answer, "Content-Type") == ["text/html; charset=utf-8"] and answer.content:
                assert_harmless(Page(answer))
            if method not in ("GET", "HEAD", "POST"):
                assert answer.status_code == 405, path
    expected = {
        ("GET", "a stranger"): {200, 303, 400, 404, 405, 413}, ("GET", "a user"): {200, 303, 400, 404, 405, 413},
        ("POST", "a stranger"): {303, 403, 404, 405, 415, 400, 413}, ("POST", "a user"): {403, 404, 405, 415, 400, 413},
    }
    assert seen == expected.get((method, who), seen)


def test_static_files_and_downloads_are_guarded(site, ada, job):
    answer = ada.get("/static/errors/404.html")
    assert_guarded(answers_of(answer), STATIC_POLICY, cache="public, max-age=600")
    modified = ada.get("/static/errors/404.html", headers={"If-Modified-Since": answer.headers["Last-Modified"]})
    assert modified.status_code == 304
    assert_guarded(answers_of(modified), STATIC_POLICY, cache="public, max-age=600")
    for path, status in [("/static/", 403), ("/static/none", 404), ("/_errors/404.html", 404)]:
        answer = ada.get(path)
        assert answer.status_code == status and "There is no such file." in Page(answer).main, path
        assert_guarded(answers_of(answer))
    for path in [f"/files/jobs/{job}/page.html", f"/jobs/{job}/log", "/files/inbox/1"]:
        answer = ada.get(path)
        assert answer.status_code == 200
        assert_guarded(answers_of(answer), FILE_POLICY)
        assert values_of(answer, "Content-Type") == ["application/octet-stream"]
        assert values_of(answer, "Content-Disposition")[0].startswith("attachment;")
    ranged = ada.get(f"/files/jobs/{job}/page.html", headers={"Range": "bytes=9-"})
    assert ranged.status_code == 206
    assert_guarded(answers_of(ranged), FILE_POLICY)
    beyond = ada.get(f"/files/jobs/{job}/page.html", headers={"Range": "bytes=999-"})
    assert beyond.status_code == 416
    # nginx says each twice on this one occasion.
    assert_guarded(lambda name: sorted(set(values_of(beyond, name))), FILE_POLICY)


@pytest.mark.parametrize(
    "sent, status",
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=" + b"b" * 40_000 + b"\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x y\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/7.1\r\nHost: x\r\n\r\n", 505),
        (b"GET\x00/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET /%2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", None),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n", 501),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\nConnection: close\r\n\r\n", 400),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab",
        400),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n", 413),
        (b"POST /files HTTP/1.0\r\nX: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /login HTTP/1.0\r\nSec-Fetch-Site: none\r\n" + FORM + b"\r\n\r\n", 411),
        (b"POST /static/errors/404.html HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 405),
    ],
    ids=lambda value: ascii(value[:30]) if isinstance(value, bytes) else str(value),
)
def test_what_is_no_proper_request_is_answered_as_guarded_as_any(site, sent, status):
    answer = RawAnswer(exchange(site.port, sent))
    assert answer.status == status if status else 400 <= answer.status < 500, answer.status
    assert_guarded(answer.all)
    answer.content = answer.body
    assert b"<h1>" in answer.body and b"nginx" not in answer.body
    assert_harmless(Page(answer))


def test_every_page_that_links_lead_to_is_harmless(site, ada, job):
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = ada.get(path)
        assert answer.status_code == 200, path
        if values_of(answer, "Content-Type") != ["text/html; charset=utf-8"]:
            continue
        assert_guarded(answers_of(answer), PAGE_POLICY)
        page = Page(answer)
        assert_harmless(page)
        [title] = page.all("title")
        assert text(title).endswith("– ScriptRunner") and page.one("html").get("lang") == "en"
        waiting += [link.get("href").partition("#")[0] or path for link in page.all("a")]
    assert {"/", "/account", "/submit", "/submit/echo.sh", "/jobs", f"/jobs/{job}", "/files", "/files/inbox/1"} <= seen


def test_a_program_that_dies_is_told_in_our_words_and_comes_back(site, ada):
    """The page that was being made is lost; the next one is not."""
    [account] = site.pids_of("account")
    fields = Page(ada.get("/account")).fields("/account/sessions/end-others")
    answers = []
    with write_lock(site):
        send = threading.Thread(target=lambda: answers.append(ada.post("/account/sessions/end-others", fields)))
        send.start()
        wait_until("it waits for the lock", lambda: account in waiting_for_locks())
        os.kill(account, signal.SIGKILL)
        send.join()
    assert answers[0].status_code == 502
    assert_guarded(answers_of(answers[0]), STATIC_POLICY)
    page = Page(answers[0])
    assert_harmless(page)
    assert "Please try again in a few seconds" in page.main
    assert ada.get("/account").status_code == 200
    assert site.pids_of("account") != [account]


def test_a_failure_inside_shows_a_number_that_the_log_explains(site, ada):
    scripts = site.state / "scripts"
    scripts.rename(scripts.with_name("scripts-gone"))
    try:
        answer = ada.get("/submit")
    finally:
        scripts.with_name("scripts-gone").rename(scripts)
    assert answer.status_code == 500
    assert_guarded(answers_of(answer), PAGE_POLICY)
    page = Page(answer)
    assert_harmless(page)
    [number] = re.findall(r"under the number ([0-9a-f]{8})\.", page.main)
    [line] = [line for line in site.log.splitlines() if f"request={number}" in line]
    assert "submit request-failed" in line and "/scripts: " in line and "No such file or directory" in line
    assert "opendir" not in answer.text and str(site.folder) not in answer.text
    assert ada.get("/submit").status_code == 200


def test_a_site_whose_database_is_not_there_says_so_and_recovers(site, ada):
    [home] = site.pids_of("home")
    database = site.state / "db/scriptrunner.sqlite"
    database.rename(database.with_name("elsewhere"))
    try:
        os.kill(home, signal.SIGTERM)
        wait_until("another takes its place", lambda: site.pids_of("home") not in ([], [home]))
        answer = site.visitor().get("/")
    finally:
        database.with_name("elsewhere").rename(database)
    assert answer.status_code == 503 and values_of(answer, "Retry-After") == ["30"]
    assert_guarded(answers_of(answer), PAGE_POLICY)
    assert_harmless(Page(answer))
    assert "being set up or upgraded" in Page(answer).main and "database-not-ready" in site.log
    assert ada.get("/").status_code == 200
