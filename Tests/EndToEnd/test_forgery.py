"""Cookies that were planted, forms that other sites send, and the same over https."""

import itertools
import re

import pytest
import requests

from guards import PAGE_POLICY, answers_of, assert_guarded, assert_harmless
from reading import Page, RawAnswer, exchange, values_of
from scene import ada, job, site  # noqa: F401
from site_scripts import SCRIPTS
from site_under_test import Visitor

PASSWORD = "correct horse battery"


def test_cookies_are_for_this_site_alone(site):
    visitor = site.visitor()
    [guest] = values_of(visitor.get("/login"), "Set-Cookie")
    assert re.fullmatch(r"scriptrunner_guest=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Lax", guest)
    fields = {"login": "cookie@example.org", "password": PASSWORD}
    answer = visitor.send("/login", "/signup", fields, allow_redirects=False)
    [session] = values_of(answer, "Set-Cookie")
    assert re.fullmatch(
        r"scriptrunner_session=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800", session
    )
    [gone] = values_of(visitor.send("/", "/logout", {}, allow_redirects=False), "Set-Cookie")
    assert gone == "scriptrunner_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"


def test_a_session_is_a_new_one_whatever_cookie_was_planted(site, ada):
    visitor = site.visitor()
    planted = "ab" * 32
    visitor.http.cookies.set("scriptrunner_session", planted)
    answer = visitor.send("/login", "/login", {"login": "ada@example.org", "password": PASSWORD}, allow_redirects=False)
    [session] = re.findall(r"scriptrunner_session=([0-9a-f]{64});", values_of(answer, "Set-Cookie")[0])
    assert session != planted
    assert status_with(site, f"scriptrunner_session={planted}") == 303
    assert status_with(site, f"scriptrunner_session={session}") == 200
    assert session != ada.http.cookies["scriptrunner_session"]


def status_with(site, *cookies):
    """How the account's page answers to these Cookie headers."""
    lines = "".join(f"Cookie: {cookie}\r\n" for cookie in cookies)
    sent = f"GET /account HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n"
    return RawAnswer(exchange(site.port, sent.encode())).status


def test_two_session_cookies_are_none(site, ada):
    good = f"scriptrunner_session={ada.http.cookies['scriptrunner_session']}"
    bad = f"scriptrunner_session={'cd' * 32}"
    assert status_with(site, good) == 200
    assert status_with(site, f"other=1; {good}; another=2") == 200
    # What only looks like a semicolon (or is one in Unicode's eyes) parts no cookies.
    assert status_with(site, f"{good}; x=\u037e{bad}") == 200
    for cookies in [
        (f"{good}; {bad}",), (f"{bad}; {good}",), (good, bad), (bad, good), (f"{good};{good}",), (f"{good}, {bad}",),
        (f"{good}; x=;\u0301{bad}", bad), (f"{good};\t{bad}", good), (good + "00",), (good[:-1],), (good[:-2] + "zz",),
        (good + " x",), (f"x{good}",), (f"__Host-{good}",), (good.replace("scriptrunner", "ScriptRunner"),),
        (good.replace("=", "=="),), (good.replace("=", '="') + '"',), ("scriptrunner_session=",),
        ("scriptrunner_session",), ("=;;,;=",), (";" * 5000,),
    ]:
        assert status_with(site, *cookies) == 303, cookies


FETCH_SITES = [None, "same-origin", "none", "same-site", "cross-site", "", "Same-Origin", "same-origin, cross-site"]
ORIGINS = [None, "right", "null", "http://evil.example", "right/", "right.evil.example", "https", "http://x", ""]


def test_only_a_form_of_ours_sent_by_its_own_page_does_anything(site, ada, job):
    site.visitor("other@example.org")
    other = site.visitor()
    other.sign_in("other@example.org")
    guest, other_guest = site.visitor(), site.visitor()
    guest_token = guest.hidden(guest.get("/login").text, "/login")["token"]
    tokens = {
        "own": ada.hidden(ada.get("/jobs").text, "/logout")["token"],
        "other": other.hidden(other.get("/").text, "/logout")["token"], "guest": guest_token,
        "other guest": other_guest.hidden(other_guest.get("/login").text, "/login")["token"], "none": None, "empty": "",
    }
    assert len(set(tokens.values())) == 6
    # Each passes to an answer that is not 403 and changes nothing.
    urlencoded = {
        "/login": {"login": "", "password": ""}, "/signup": {"login": "", "password": ""},
        "/account/password": {"password": "", "new": ""}, "/account/sessions/end": {"session": "0"},
        "/account/sessions/end-others": {}, "/logout": {}, f"/jobs/{job}/cancel": {}, "/files/inbox/987654/delete": {},
    }
    multipart = {"/submit/echo.sh": {"nonce": "none"}, "/files": {}}
    counts = "SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM files), (SELECT count(*) FROM users)"
    before = site.query(counts)
    passed = 0
    for path, fields in (urlencoded | multipart).items():
        visitor = guest if path in ("/login", "/signup") else ada
        for fetch_site, origin, whose in itertools.product(FETCH_SITES, ORIGINS, tokens):
            is_ours = fetch_site in ("same-origin", "none") or (not fetch_site and origin == "right")
            is_legitimate = is_ours and whose == ("guest" if visitor is guest else "own")
            if is_legitimate and path == "/logout":
                continue
            # A password costs a hash: one legitimate attempt is enough.
            if is_legitimate and path == "/login" and (fetch_site, origin) != (None, "right"):
                continue
            headers = {"Sec-Fetch-Site": fetch_site, "Origin": at(site, origin)}
            filled = {"token": tokens[whose], **fields} if tokens[whose] is not None else fields
            if path in multipart:
                body = {"files": [(name, (None, value)) for name, value in filled.items()] or [("x", (None, ""))]}
            else:
                body = {"data": filled or {"x": ""}}
            answer = visitor.http.post(site.url + path, headers=headers, allow_redirects=False, **body)
            assert (answer.status_code != 403) == is_legitimate, (path, fetch_site, origin, whose, answer.status_code)
            assert answer.status_code in (303, 403, 404, 422)
            passed += is_legitimate
    assert passed == 8 * 20 + 1
    assert before == site.query(counts)
    assert ada.get("/account", allow_redirects=False).status_code == 200


def at(site, origin):
    """An origin in relation to the site's own."""
    if origin == "https":
        return site.url.replace("http:", "https:")
    return origin.replace("right", site.url) if origin else origin


def test_a_sent_form_is_refused_from_everywhere_where_it_would_do_something(site):
    """The same with real wishes: what is refused has not happened all the same."""
    visitor = site.visitor("target@example.org")
    visitor.post("/files", visitor.hidden(visitor.get("/files").text, "/files"), files={"file": ("precious", b"x")})
    file = site.query("SELECT max(id) AS n FROM files")[0]["n"]
    job = visitor.queue("wait.sh", {"status": "0"})
    site.wait_for(job, "running")
    hidden = visitor.form("echo.sh")
    token = {"token": hidden["token"]}
    del visitor.http.headers["Sec-Fetch-Site"]
    for headers in [
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": site.url}, {"Origin": "null"}, {},
        {"Sec-Fetch-Site": "cross-site", "Origin": site.url},
    ]:
        for path in [f"/files/inbox/{file}/delete", f"/jobs/{job}/cancel", "/logout", "/account/sessions/end-others"]:
            assert visitor.post(path, token, headers=headers).status_code == 403
        assert visitor.submit("echo.sh", {"first": "", "second": ""}, hidden=hidden, headers=headers).status_code == 403
    assert visitor.get(f"/files/inbox/{file}").status_code == 200
    assert site.job(job)["stop_requested_at"] is None
    assert site.query("SELECT max(id) AS n FROM jobs")[0]["n"] == job
    # An old browser that tells its origin alone is served.
    assert visitor.post(f"/jobs/{job}/cancel", token, headers={"Origin": site.url}).status_code == 200
    site.wait_for(job, "cancelled")


# Over https, below a path


@pytest.fixture(scope="module")
def secure(make_site):
    """Browsers reach it by https through somebody else's server; here it is asked without."""
    return make_site(scripts=SCRIPTS, settings={"base_url": "https://jobs.example.org/tools"})


class SecureVisitor(Visitor):
    """Sends Secure cookies although it is asked over http, as a browser does on the other side of the https server."""

    def __init__(self, site):
        super().__init__(site)
        self.cookies = {}

    def send_with_cookies(self, method, path, **options):
        headers = {**options.pop("headers", {}), "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        answer = self.http.request(method, self.site.url + path, headers=headers, allow_redirects=False, **options)
        for cookie in values_of(answer, "Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def get(self, path, **options):
        return self.send_with_cookies("GET", path, **options)

    def post(self, path, data, **options):
        return self.send_with_cookies("POST", path, data=data, **options)


def test_over_https_cookies_and_headers_keep_it_so(secure):
    visitor = SecureVisitor(secure)
    answer = visitor.get("/tools/login")
    assert answer.status_code == 200
    [guest] = values_of(answer, "Set-Cookie")
    assert re.fullmatch(r"__Host-scriptrunner_guest=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Lax; Secure", guest)
    fields = {"login": "ada@example.org", "password": PASSWORD, "fromPage": "/tools/jobs?before=3"}
    answer = visitor.send("/tools/login", "/tools/signup", fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tools/jobs?before=3")
    [session] = values_of(answer, "Set-Cookie")
    assert re.fullmatch(
        r"__Host-scriptrunner_session=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800; Secure", session
    )
    for path in ["", "account", "submit/none", "logout", "jobs?x=%zz", "nothing"]:
        answer = visitor.get("/tools/" + path)
        assert values_of(answer, "Strict-Transport-Security") == ["max-age=63072000"], path
        assert_guarded(answers_of(answer), PAGE_POLICY)
    # Plain http could plant a cookie without the prefix; it is not ours.
    value = visitor.cookies["__Host-scriptrunner_session"]
    for prefix, status in [("__Host-", 200), ("", 303), ("__Secure-", 303)]:
        headers = {"Cookie": f"{prefix}scriptrunner_session={value}"}
        answer = requests.get(secure.url + "/tools/account", headers=headers, allow_redirects=False)
        assert answer.status_code == status
    for origin, status in [
        ("https://jobs.example.org", 303), ("http://jobs.example.org", 403), ("https://jobs.example.org/tools", 403),
        ("https://jobs.example.org:443", 403), (secure.url, 403), ("https://evil.jobs.example.org", 403),
    ]:
        token = visitor.hidden(visitor.get("/tools/").text, "/tools/logout")
        headers = {"Sec-Fetch-Site": None, "Origin": origin}
        sent = visitor.post("/tools/account/sessions/end-others", token, headers=headers)
        assert sent.status_code == status


def test_below_a_path_no_link_leads_out_of_it(secure):
    visitor = SecureVisitor(secure)
    visitor.send("/tools/login", "/tools/signup", {"login": "grace@example.org", "password": PASSWORD})
    seen, waiting = set(), ["/tools/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        page = Page(answer)
        assert_harmless(page)
        for element in page.tree.iter():
            for name in ("href", "action", "src"):
                assert element.get(name, "/tools/").startswith(("/tools/", "#"))
        waiting += [link.get("href").partition("#")[0] or path for link in page.all("a")]
    assert {"/tools/submit/echo.sh", "/tools/jobs", "/tools/files", "/tools/account"} <= seen
    for page in ["/jobs", "/toolsjobs", "/tools/../jobs", "/other"]:
        answer = visitor.get("/tools/login", params={"fromPage": page})
        assert answer.headers["Location"] == "/tools/"
    assert visitor.get("/jobs").status_code == 404 and visitor.get("/").status_code == 404
