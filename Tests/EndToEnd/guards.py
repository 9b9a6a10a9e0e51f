"""What every answer and every page must keep to."""

import re

from reading import text, values_of

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
STATIC_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'"
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
ALWAYS = {
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def assert_guarded(headers, policy=None, cache="no-store", server="nginx"):
    """All the headers of every answer, each exactly once. `headers(name)` gives all values of one."""
    for name, value in ALWAYS.items():
        assert headers(name) == [value], name
    [found] = headers("Content-Security-Policy")
    assert found == policy if policy else found in (PAGE_POLICY, STATIC_POLICY, FILE_POLICY)
    assert headers("Cache-Control") == [cache]
    assert len(headers("Content-Type")) <= 1
    assert headers("Server") == [server] and headers("X-Powered-By") == []


def assert_harmless(page):
    """Nothing on the page is code, or leads elsewhere, or confuses a parser."""
    assert page.errors == []
    for script in page.all("script"):
        assert script.get("src") and text(script) == ""
    assert page.all("style") + page.all("base") + page.all("iframe") + page.all("object") + page.all("embed") == []
    ids = [element.get("id") for element in page.tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in page.tree.iter():
        for name, value in element.attrib.items():
            assert name != "style" and not name.startswith("on")
            if name in ("href", "src", "action"):
                assert re.match(r"/(?!/)|#", value), value
            if name == "for":
                assert value in ids
    for form in page.all("form"):
        fields = [element for element in form.iter() if element.get("name")]
        if form.get("role") == "search":
            # It changes nothing, and its token would be in the address.
            assert form.get("method") == "get" and [field.get("name") for field in fields] == ["q"]
            continue
        assert form.get("method") == "post"
        assert fields[0].get("name") == "token" and re.fullmatch(r"[0-9a-f]{64}", fields[0].get("value"))


def answers_of(answer):
    return lambda name: values_of(answer, name)
