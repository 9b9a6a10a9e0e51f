"""`scriptrunner run`: a script here and now, as a job would be run."""

import datetime
import fnmatch
import json
import os
import pathlib
import re
import signal
import stat
import subprocess

import pytest

from site_under_test import ROOT, wait_until

SCRIPT = """#!/bin/bash
##~~ @syntax 2
##~~ @needs cpus=3 mem=1G time=2m
##~~ table [file .csv max=1K] - a table
##~~ parts? [files 1..2]
##~~ k [int 1..9 = 3]
##~~ mode [choice fast|exact = fast]
##~~ rounds [int 1..9] when mode=exact
##~~ sets? [choices a|b|c]
##~~ keep [flag]
##~~ token? [secret 3..]
##~~ day [date = today]
##~~ result [output .txt = result.txt]
##~~ cpus [use cpus]
##~~ room [use mem]
##~~ time [use time]
printf '%s\\0' "$@" > arguments
/usr/bin/env -0 > environment
readlink /proc/self/fd/0 > input
umask > mask
[ -z "$SR_TOKEN_FILE" ] || { cat "$SR_TOKEN_FILE"; stat -c ' %a' "$SR_TOKEN_FILE"; }
exit "$SR_K"
"""
NAMES = re.findall(r"^##~~ (\w+)", SCRIPT, re.M)


@pytest.fixture
def run(tmp_path):
    """Runs it where no settings are; gives the answer and the folder that it tells."""
    (tmp_path / "script.sh").write_text(SCRIPT)
    (tmp_path / "script.sh").chmod(0o755)
    (tmp_path / "a table.csv").write_text("a,b\n")
    (tmp_path / "part").write_text("x")

    def run(*words, status=0, script="script.sh"):
        answer = subprocess.run(
            [ROOT / "bin/scriptrunner", "run", script, *words], capture_output=True, text=True, timeout=60, check=False,
            cwd=tmp_path, env={"SCRIPTRUNNER_CONF": str(tmp_path / "none"), "PATH": "/usr/bin:/bin", "MINE": "hidden"})
        assert answer.returncode == status, answer
        told = re.match(r"in (\S+):\n", answer.stderr)
        return answer, pathlib.Path(told[1]) if told else None

    return run


def test_the_script_gets_what_a_job_of_it_would_get(run, tmp_path):
    answer, folder = run(
        "table=a table.csv", "parts=part", f"parts={tmp_path}/a table.csv", "k=7", "mode=exact", "rounds=2", "sets=c", "sets=a",
        "keep=yes", "token=abc", status=7)
    arguments = dict(zip(NAMES, (folder / "arguments").read_text().split("\0")))
    token = pathlib.Path(arguments.pop("token"))
    assert answer.stdout == "abc 600\n" and not token.exists()
    assert arguments == {
        "table": f"{tmp_path}/a table.csv", "parts": f"{tmp_path}/part\n{tmp_path}/a table.csv", "k": "7", "mode": "exact",
        "rounds": "2", "sets": "c\na", "keep": "yes", "day": datetime.date.today().isoformat(),
        "result": f"{folder}/result.txt", "cpus": "3", "room": str(1 << 30), "time": "120",
    }
    variables = dict(pair.split("=", 1) for pair in (folder / "environment").read_text().split("\0") if pair)
    assert {name: variables[f"SR_{name.upper()}"] for name in arguments} == arguments
    assert variables["SR_TABLE_NAMES"] == "a table.csv" and variables["SR_PARTS_NAMES"] == "part\na table.csv"
    assert variables["SR_SCRIPT"] == "script.sh" and variables["HOME"] == str(folder) and "MINE" not in variables
    assert (folder / "input").read_text() == "/dev/null\n" and (folder / "mask").read_text() == "0027\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_not_given_is_as_the_form_starts_with_it(run):
    _, folder = run("table=a table.csv", status=3)
    arguments = dict(zip(NAMES, (folder / "arguments").read_text().split("\0")))
    assert {name: arguments[name] for name in ["k", "mode", "rounds", "keep", "parts", "token"]} == {
        "k": "3", "mode": "fast", "rounds": "", "keep": "", "parts": "", "token": ""}


@pytest.mark.parametrize("words, told", [
    ([], ["table: Choose a file, or upload one."]),
    (["table=a table.csv", "k=10", "mode=exact"], [
        "k: This has to be a whole number from 1 to 9.", "rounds: Fill this in."]),
    (["table=part"], ["table: The name has to end in .csv."]),
    (["table=none.csv"], ["table: none.csv: No such file or directory"]),
    (["table=."], ["table: .: is no regular file"]),
    (["table=a table.csv", "parts=part", "parts=part", "parts=part"], ["parts: These are 3 files; at most 2 are allowed."]),
    (["table=a table.csv", "table=a table.csv"], []),
    (["table=a table.csv", "sets=d", "day=2026-02-30", "result=x.csv"], [
        "sets: This is none of the choices.", f"day: This has to be a day such as {datetime.date.today().isoformat()}.",
        "result: The name has to end in .txt."]),
])
def test_a_value_that_will_not_do_is_told_and_nothing_runs(run, words, told):
    if told:
        answer, folder = run(*words, status=65)
        assert answer.stderr.splitlines() == told and folder is None
    else:
        run(*words, status=3)


def test_what_cannot_be_understood_is_told(run, tmp_path):
    assert "x=1: is no NAME=VALUE of the script; it has table, parts, k" in run("x=1", status=64)[0].stderr
    # What the machine fills in is nobody's to give, and was passed over once.
    told = run("room=1", status=64)[0].stderr
    assert "room=1: is no NAME=VALUE of the script; it has table," in told and told.endswith("day, result\n")
    (tmp_path / "bad.sh").write_text("#!/bin/sh\n##~~ @syntax 2\n##~~ k [integer]\n")
    assert "bad.sh:3:9: error: there is no type integer; write int" in run(script="bad.sh", status=65)[0].stderr
    assert "usage: scriptrunner run" in run(script="--help")[0].stdout


def test_it_can_be_cancelled_like_a_job(tmp_path):
    script = tmp_path / "polite.sh"
    script.write_text("#!/bin/sh\ntrap 'echo asked to end; exit 9' TERM\necho up\nwhile :; do sleep 0.05; done\n")
    script.chmod(0o755)
    log = tmp_path / "log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [ROOT / "bin/scriptrunner", "run", script], stdout=output, stderr=output, env={"SCRIPTRUNNER_CONF": "/none"})
    wait_until("it runs", lambda: "up\n" in log.read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 9 and "asked to end\n" in log.read_text()


def test_a_signal_that_ends_the_script_is_told_as_shells_do(tmp_path):
    script = tmp_path / "dies.sh"
    script.write_text("#!/bin/sh\nkill -SEGV $$\n")
    script.chmod(0o755)
    done = subprocess.run([ROOT / "bin/scriptrunner", "run", script], check=False, capture_output=True, env=dict(os.environ))
    assert done.returncode == 128 + signal.SIGSEGV


EXAMPLES = sorted((ROOT / "examples").glob("*.sh"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_succeeds_with_its_own_data(run, path):
    [form] = json.loads(subprocess.run(
        [ROOT / "bin/scriptrunner", "check", "--json", path], capture_output=True, check=True).stdout)
    if form["example"] is None:
        pytest.skip("it is of the original form, which has no example data")
    words, outputs = [], set()
    for parameter in form["parameters"]:
        for value in form["example"].get(parameter["name"], []):
            # Slow on purpose.
            value = "1" if parameter["name"] == "rounds" else value
            words.append(f"{parameter['name']}={path.parent / value if parameter['type'] in ('file', 'files') else value}")
        if parameter["type"] == "output":
            outputs.add(*form["example"].get(parameter["name"], [parameter.get("default")]))
    _, folder = run(*words, script=path)
    left = {file.name for file in folder.iterdir()}
    noted = {name for name in left if any(fnmatch.fnmatch(name, note["names"]) for note in form["outputs"])}
    assert outputs <= left and left <= outputs | noted
