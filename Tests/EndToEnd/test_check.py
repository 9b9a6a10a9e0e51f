"""`scriptrunner check` as the author of a script uses it."""

import json
import os
import subprocess

import pytest

from site_under_test import ROOT

RICH = """#!/bin/sh
##~~ @syntax 2
##~~ @title Ein "Titel"\\ mit \u00fc
##~~ @needs cpus=2 mem=1G
##~~ mode [choice fast|exact="Slow, exact" = fast] - how
##~~ k? [int 1..99] when mode=exact|fast - a number
##~~ reads [files 1..3 .fq max=2K] - files
##~~ day [date 2020-01-01..today = today]
##~~ label [text ..8 /[a-z"]+/] - a text
"""


@pytest.fixture
def check(tmp_path):
    """Runs it where no settings are."""
    tmp_path.chmod(0o755)

    def run(*words, status=0):
        answer = subprocess.run(
            [ROOT / "bin/scriptrunner", "check", *map(str, words)], capture_output=True, text=True, timeout=60, check=False,
            cwd=tmp_path, env={"SCRIPTRUNNER_CONF": str(tmp_path / "none"), "PATH": "/usr/bin:/bin"})
        assert answer.returncode == status, answer
        return answer

    return run


@pytest.fixture
def write(tmp_path):
    def write(name, text, mode=0o755):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return write


def test_a_script_without_fault_is_passed_in_silence(check, write):
    answer = check(write("good.sh", RICH), write("old.sh", "#!/bin/sh\n##~~ About it.\n##~~ input - a file\n"))
    assert answer.stdout == answer.stderr == ""


@pytest.mark.parametrize("text, told", [
    ("##~~ a - b\n", [":1:1: warning: cannot be started: its first line is no #! line, such as #!/bin/bash"]),
    ("#!/no/such/program\n", [":1:3: warning: cannot be started: /no/such/program: No such file or directory"]),
    ("#!/usr/bin/env nosuch\n", [
        ":1:3: warning: cannot be started: nosuch is in none of the folders where jobs find programs"]),
    ("#!/usr/bin/env -S sh -e\n", []),
    ("#!/bin/sh\r\n##~~ a - b\r\n", [
        ":1:1: warning: cannot be started: its lines end as on Windows; run: sed -i 's/\\r$//' FILE"]),
    ("#!/bin/sh\n##~~ Computes the SHA-256 sum.\n", [
        ':2:22: warning: describes a parameter called Computes the SHA, because of its dash; write " - " where that is '
        'meant, and no dash where it is not']),
    ("#!/bin/sh\n##~~ k [int 1..9] - x\n##~~ a [b] - c\n##~~ d - [int]\n", [
        ":2:8: warning: [int …] has no meaning here: it wants @syntax 2"]),
    ("#!/bin/sh\n##~~ @title X\n##~~ @needs cpus=1\n", [":2:6: warning: @title is passed over: it wants @syntax 2"]),
    ("#!/bin/sh\n##~~ a -\n##~~ @syntax 2\n", [":3:6: warning: is passed over: @syntax 2 comes before all other lines"]),
    ("#!/bin/sh\n##~~ @syntax 2\n##~~ a\necho\n##~~ b\n", [
        ":5:6: warning: is not read: with @syntax 2 all lines stand in the comments at the top"]),
    ("#!/bin/sh\n##~~ @syntax 2\n##~~ f [file]\n##~~ @example f=no.txt\n", [
        ": warning: the example's file no.txt is not there"]),
    (b"#!/bin/sh\n##~~ gr\xfc\xdfe - x\n", [":2:1: warning: is no UTF-8, and is shown with stand-ins"]),
])
def test_what_may_not_be_meant_is_a_warning(check, write, text, told):
    path = write("script.sh", text)
    assert check(path).stdout.splitlines() == [f"{path}{line}" for line in told]


@pytest.mark.parametrize("text, told", [
    ("#!/bin/sh\n##~~ @syntax 2\n##~~ k [integer]\n", ":3:9: error: there is no type integer; write int"),
    ("#!/bin/sh\n##~~ @syntax 2\n##~~ größe [int]\n", ":3:8: error: a parameter has a name of letters, digits and _ and a "
     "blank behind it; what the script is for is told by @about"),
    ("#!/bin/sh\n##~~ a - b\n##~~ a - b\n", ":3:6: error: a is described in line 2 already"),
    ("#!/bin/sh\n" + "#" * (1 << 20), ": error: is longer than 1048576 bytes"),
])
def test_what_hides_a_script_is_an_error(check, write, text, told):
    path = write("script.sh", text)
    assert check(path, write("good.sh", RICH), status=65).stdout == f"{path}{told}\n"


def test_a_script_that_cannot_be_run_or_read_is_told(check, write, tmp_path):
    path = write("script.sh", RICH, mode=0o644)
    assert check(path).stdout == f"{path}: warning: is not executable, so it is not offered: chmod 755 script.sh\n"
    gone = tmp_path / "gone.sh"
    assert check(gone, status=65).stdout == f"{gone}: error: cannot be read: No such file or directory\n"


def test_the_form_is_told_to_other_programs(check, write):
    bad = write("bad.sh", "#!/bin/sh\n##~~ @syntax 2\n##~~ k [integer]\n")
    answer = check("--json", write("good.sh", RICH), bad, status=65)
    assert answer.stderr == f"{bad}:3:9: error: there is no type integer; write int\n"
    [form] = json.loads(answer.stdout)
    assert form["name"] == "good.sh" and form["title"] == 'Ein "Titel"\\ mit \u00fc' and form["syntax"] == 2
    assert form["needs"] == {"cpus": 2, "memory": 1 << 30, "seconds": None}
    assert form["parameters"] == [
        {"name": "mode", "description": "how", "type": "choice", "optional": False, "default": "fast",
         "choices": [{"value": "fast", "label": "fast"}, {"value": "exact", "label": "Slow, exact"}]},
        {"name": "k", "description": "a number", "type": "int", "optional": True, "min": 1, "max": 99,
         "when": {"parameter": "mode", "values": ["exact", "fast"]}},
        {"name": "reads", "description": "files", "type": "files", "optional": False, "endings": [".fq"],
         "maxBytes": 2048, "max": 3},
        {"name": "day", "description": "", "type": "date", "optional": False, "default": "today", "min": "2020-01-01",
         "max": "today"},
        {"name": "label", "description": "a text", "type": "text", "optional": False, "max": 8, "pattern": '[a-z"]+'},
    ]


def test_the_whole_site_is_checked_without_a_file(make_site):
    site = make_site(scripts={"good.sh": RICH, "bad.sh": "#!/bin/sh\n##~~ - x\n", "data.txt": "a - b\n", "doubt.sh": "echo\n"})
    os.chmod(site.state / "scripts/data.txt", 0o644)
    folder = site.state / "scripts"
    lines = site.admin("check", status=65).stdout.splitlines()
    assert lines[0].endswith(f": nothing is wrong for user {os.stat(folder).st_uid}")
    assert f"{folder}/bad.sh:2:6: error: the name before the dash is missing" in lines
    assert f"{folder}/doubt.sh:1:1: warning: cannot be started: its first line is no #! line, such as #!/bin/bash" in lines
    assert not any("data.txt" in line for line in lines)
    assert lines[-1].endswith("scripts are offered, 1 are not")


def test_it_explains_itself_and_refuses_what_it_does_not_know(check):
    assert "--json" in check("--help").stdout
    assert "--yaml: not understood" in check("--yaml", status=64).stderr
