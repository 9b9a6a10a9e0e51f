"""Requests that lie, that nobody heard of, that are garbled: they change nothing, open nothing and break nothing."""

import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from guards import assert_guarded
from reading import RawAnswer, exchange
from scene import ada, job, site  # noqa: F401

PROGRAMS = ["home", "login", "signup", "account", "submit", "jobs", "files"]


LIES = {
    "Remote-User": "ada@example.org", "X-Remote-User": "ada@example.org", "REMOTE_USER": "ada@example.org",
    "X-Forwarded-User": "ada@example.org", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https", "X-Real-IP": "6.6.6.6", "Client-IP": "6.6.6.6",
    "X-Original-URL": "/account", "X-Rewrite-URL": "/account", "X-HTTP-Method-Override": "POST",
    "X-Method-Override": "DELETE", "Proxy": "http://evil.example:80", "HTTP_PROXY": "x",
    "Proxy-Connection": "keep-alive", "Authorization": "Basic YWRhOmFkYQ==", "X-Accel-Redirect": "/_outbox/",
    "X-Sendfile": "/etc/passwd", "SCRIPTRUNNER_SENDFILE": "off", "Scriptrunner-Sendfile": "off", "Script-Name": "/evil",
    "Request-Uri": "/account", "Content-Location": "/account", "Origin": "http://evil.example",
    "Referer": "http://evil.example/", "Accept-Language": "../../etc/passwd", "If-Match": "x",
    "User-Agent": "() { :; }; echo vulnerable", "Expect": "", "Range": "bytes=0-1", "Accept": "application/json",
    "Te": "trailers", "Upgrade": "h2c", "Via": "x",
}


def test_no_header_of_a_visitors_choice_changes_anything(site, ada, job):
    def seen(visitor, path, **headers):
        answer = visitor.get(path, headers=headers, allow_redirects=False)
        passing = ("Date", "Set-Cookie", "Connection")
        head = sorted((name, value) for name, value in answer.raw.headers.items() if name not in passing)
        return answer.status_code, head, re.sub(rb'value="[0-9a-f]{32,64}"', b"", answer.content)

    stranger = site.visitor()
    for visitor in [stranger, ada]:
        for path in ["/", "/login", "/account", "/jobs", f"/jobs/{job}", f"/jobs/{job}/log", "/nothing"]:
            plain = seen(visitor, path)
            for name, value in LIES.items():
                assert seen(visitor, path, **{name: value}) == plain, (path, name)
            # (A client that is told of another host keeps its cookies to itself.)
            cookies = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
            assert seen(visitor, path, Host="evil.example", Cookie=cookies) == plain
            assert seen(visitor, path, **{name: value for name, value in LIES.items() if name != "Expect"}) == plain
    fields = {"login": "ada@example.org", "password": "wrong password"}
    stranger.http.headers.update({"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6"})
    assert stranger.send("/login", "/login", fields).status_code == 422
    refusals = [line for line in site.log.splitlines() if "sign-in-refused" in line]
    assert refusals[-1].split("from=")[1] in ("127.0.0.1", "::1") and "6.6.6.6" not in site.log


@pytest.mark.parametrize("method", ["get", "GET\t", "POST2", "M-SEARCH", "x" * 300, "\u00e9", "G E T", ""])
def test_an_unheard_of_method_does_nothing(site, ada, method):
    cookie = f"scriptrunner_session={ada.http.cookies['scriptrunner_session']}"
    sent = f"{method} /account HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode("latin-1")
    answer = RawAnswer(exchange(site.port, sent))
    assert answer.status in (400, 405)
    assert b"ada@example.org" not in answer.body


PATHS = [
    "//", "///", "//jobs", "/jobs//", "/jobs//1", "//evil.example/", "/./jobs", "/jobs/.", "/jobs/..", "/../jobs",
    "/jobs/../account", "/%2e%2e/", "/%2e%2e%2f%2e%2e%2fetc/passwd", "/..%2f..%2fetc/passwd", "/..%5c..%5cetc",
    "/..\\..\\etc", "\\jobs", "/jobs\\1", "/%2fjobs", "/jobs%2f1", "/jobs/%2e%2e%2f", "/%00", "/jobs/%00",
    "/jobs/1%00.html", "/%", "/%2", "/%zz", "/%u0041", "/%c0%ae%c0%ae/", "/%ff", "/jobs/%ff%fe", "/\xff", "/jobs/\xe9",
    "/" + "a" * 8000, "/" + "a/" * 3000, "/" + "%41" * 2000, "/" + "../" * 500, "/jobs?" + "a=b&" * 1500, "/jobs?%",
    "/jobs?%00", "/jobs?a=%ff", "/jobs?=", "/jobs?&&&", "/jobs??", "/jobs?a=b?c=d", "/jobs#x", "/jobs;x=1",
    "/jobs/1;/log", "/jobs/1/log/", "/jobs/1/log/x", "/jobs/*", "/jobs/1%0d%0aSet-Cookie:%20a=b",
    "/login?fromPage=%0d%0aSet-Cookie:a=b", "/submit/%0a", "/submit/..", "/submit/.",
    "/submit/%2e%2e%2fetc%2fScriptRunner.conf", "/submit/echo.sh/", "/submit/echo.sh/x", "/submit/ECHO.SH",
    "/submit?scriptname=../x", "/submit?scriptname=%00", "/files/jobs", "/files/jobs/", "/files/jobs/1",
    "/files/jobs/1/", "/files/jobs//x", "/files/jobs/1/%2e%2e/%2e%2e/x", "/files/inbox", "/files/inbox/1/../2",
    "/files/shared/x", "/static/../etc", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/..%2f..%2fetc/passwd",
    "/static//style.css", "/static/style.css%00", "/static/style.css/", "/_outbox/", "/_outbox/x", "/_errors/502.html",
    "/loginx", "/login/x", "/login/..", "/logout/", "/logout/x", "/cgi-bin/home", "/.git/config",
    "/etc/ScriptRunner.conf", "/db/scriptrunner.sqlite", "/account/sessions", "/account/../jobs", "/accounts",
    "/signup/", "/favicon.ico", "/robots.txt", "/.well-known/x", "*", "x", "",
]


@pytest.mark.parametrize("who", ["a stranger", "a user"])
def test_no_trick_with_an_address_fails_or_opens_anything(site, ada, who):
    cookie = f"Cookie: scriptrunner_session={ada.http.cookies['scriptrunner_session']}\r\n" if who == "a user" else ""
    for path in PATHS:
        sent = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}Connection: close\r\n\r\n".encode("latin-1")
        answer = RawAnswer(exchange(site.port, sent))
        # nginx closes without a word on an empty address.
        assert answer.status in (200, 303, 400, 403, 404, 405, 413, 414), (path, answer.status)
        assert_guarded(answer.all, cache=answer.all("Cache-Control")[0])
        assert answer.all("Set-Cookie") == [] or re.match("scriptrunner_guest=", answer.all("Set-Cookie")[0])
        for secret in [b"root:x:0", b"path_to_db", b"SQLite format"]:
            assert secret not in answer.body
        for location in answer.all("Location"):
            assert re.match(r"/(login(\?fromPage=%2F[^/]*)?|jobs|submit/echo\.sh)?$", location), location


def requests_to_mutate(site, ada):
    """Proper requests of every kind, byte for byte."""
    cookie = f"scriptrunner_session={ada.http.cookies['scriptrunner_session']}"
    guest = site.visitor()
    token = guest.hidden(guest.get("/login").text, "/login")["token"]
    guest_cookie = f"scriptrunner_guest={guest.http.cookies['scriptrunner_guest']}"
    own = ada.hidden(ada.get("/jobs").text, "/logout")["token"]

    def request(line, cookie, body=b"", kind="application/x-www-form-urlencoded"):
        length = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n" if line.startswith("POST") else ""
        return (
            f"{line} HTTP/1.1\r\nHost: localhost:{site.port}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n"
            f"User-Agent: x\r\n{length}Connection: close\r\n\r\n"
        ).encode() + body

    multipart = (
        f'--limit\r\nContent-Disposition: form-data; name="token"\r\n\r\n{own}\r\n--limit\r\n'
        f'Content-Disposition: form-data; name="nonce"\r\n\r\nnone\r\n--limit\r\n'
        f'Content-Disposition: form-data; name="param_first"\r\n\r\na value\r\n--limit\r\n'
        f'Content-Disposition: form-data; name="upload_input_one"; filename="a.txt"\r\n\r\ncontent\r\n--limit--\r\n'
    ).encode()
    kind = "multipart/form-data; boundary=limit"
    return [
        request("GET /jobs?requester=ada%40example.org&before=12", cookie),
        request("GET /files/jobs/1/page.html", cookie),
        request("HEAD /login?fromPage=%2Fjobs", guest_cookie),
        request("POST /signup", guest_cookie, f"token={token}&login=x%40y&password=short&fromPage=%2F".encode()),
        request("POST /account/password", cookie, f"token={own}&password=x&new=y".encode()),
        request("POST /jobs/1/cancel", cookie, f"token={own}".encode()),
        request("POST /submit/count.sh", cookie, multipart, kind),
        request("POST /files", cookie, multipart, kind),
    ]


def mutated(request, chance):
    data = bytearray(request)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0 if place < len(data):
                data[place] = chance.randrange(256)
            case 1 if place < len(data):
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                pieces = b"\0\r\n\t %&=;:,/.-\"'\\\xff\xc0<>"
                data[place:place] = bytes(chance.choices(pieces, k=chance.choice([1, 2, 30])))
            case 3:
                del data[place : place + chance.choice([1, 2, 20])]
            case 4:
                end = place + chance.randrange(40)
                data[place:place] = data[place:end] * chance.choice([1, 2, 50])
            case 5:
                other = chance.randrange(len(data) + 1)
                data[place:place] = data[other : other + chance.randrange(60)]
    return bytes(data)


def test_two_thousand_garbled_requests_break_nothing(site, ada, job):
    before = {program: site.pids_of(program) for program in PROGRAMS}
    log = len(site.log)
    originals = requests_to_mutate(site, ada)
    for original in originals:
        assert RawAnswer(exchange(site.port, original)).status in (200, 303, 422, 404)
    seed = int(os.environ.get("SEED", time.time()))
    chance = random.Random(seed)
    cases = [mutated(chance.choice(originals), chance) for _ in range(2000)]

    def status(case):
        # What the server waits to see more of would keep us waiting: after a moment, that was all.
        try:
            received = exchange(site.port, case, limit=0.5)
        except TimeoutError:
            return None
        return RawAnswer(received).status if received.startswith(b"HTTP/") else None

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(status, cases))
    # 501 and 505 are the web server's words for an encoding and a version that it does not speak.
    broken = [case for case, status in zip(cases, statuses) if (status or 0) >= 500 and status not in (501, 505)]
    assert broken == [], f"SEED={seed}"
    # Most did reach a program, in many ways.
    assert len({status for status in statuses}) >= 6 and statuses.count(None) < 1000, f"SEED={seed}"
    assert {program: site.pids_of(program) for program in PROGRAMS} == before, f"SEED={seed}"
    assert "request-failed" not in site.log[log:], f"SEED={seed}"
    assert ada.get("/account").status_code == 200 or site.visitor().sign_in("ada@example.org").status_code == 200
