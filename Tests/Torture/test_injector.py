"""The injector does what its plans say, to whom they say it, and to nobody else."""

import pathlib
import re
import signal
import subprocess

import pytest

from names import list_of, name_of, number_of
from rig import native, state_of, wait_until

# The shell forks a child, which forks another, which becomes a third program.
FAMILY = "echo me; (echo child; (echo grandchild; exec /bin/echo program); echo again); echo last"
FAMILY_SAYS = ["me", "child", "grandchild", "program", "again", "last"]


@pytest.fixture
def inject(tmp_path):
    def run(*lines, text=FAMILY):
        plan, log = tmp_path / "plan", tmp_path / "log"
        plan.write_text("\n".join([f"log {log}", *lines]) + "\n")
        done = subprocess.run(
            [native("injector"), plan, "/bin/dash", "-c", text], capture_output=True, text=True, check=False, timeout=60)
        wait_until("the log is whole", lambda: "end 0" in log.read_text())
        return done, log.read_text()

    return run


def test_without_a_rule_nothing_changes(inject):
    done, log = inject("trace")
    assert done.returncode == 0
    assert done.stdout.split() == FAMILY_SAYS
    calls = re.findall(r"^call 0 (\d+) (\d+)(?: opens)?$", log, re.M)
    assert [int(number) for number, _ in calls] == list(range(1, len(calls) + 1))
    assert [name_of(int(call)) for _, call in calls].count("write") == 2
    assert re.search(rf"^end 0 \d+ {len(calls)}$", log, re.M)


def test_the_program_keeps_the_number_of_the_process_that_was_started(tmp_path):
    (tmp_path / "plan").write_text(f"log {tmp_path}/log\n")
    process = subprocess.Popen(
        [native("injector"), tmp_path / "plan", "/bin/dash", "-c", "echo $$"], stdout=subprocess.PIPE, text=True)
    assert process.communicate()[0].strip() == str(process.pid)


@pytest.mark.parametrize("who, missing", [(0, "last"), (1, "again"), (2, "program")])
def test_a_kill_comes_before_the_call_and_hits_no_other(inject, who, missing):
    done, log = inject(f"rule {who} kill 0 2 1 {list_of('write', 'execve')}")
    assert done.stdout.split() == [word for word in FAMILY_SAYS if word != missing]
    assert re.findall(r"^acted (\d) \d+ \d+ \d+$", log, re.M) == [str(who)]
    assert done.returncode == (-signal.SIGKILL if who == 0 else 0)


def test_a_call_fails_and_only_so_often_as_is_said(inject):
    done, log = inject(f"rule 0 fail 28 1 1 {list_of('write')}", text="echo one; echo two; echo three")
    assert done.stdout == "two\nthree\n" and "No space left on device" in done.stderr or "I/O error" in done.stderr
    done, _ = inject(f"rule 0 fail 28 2 -1 {list_of('write')}", text="echo one; echo two; echo three")
    assert done.stdout == "one\n"


def test_an_open_fails_only_where_a_file_may_be_made(inject, tmp_path):
    done, log = inject(
        f"rule 0 fail 28 1 -1 {list_of('open', 'openat', 'openat2')}",
        text=f"read word </proc/sys/kernel/ostype && echo $word; echo x >{tmp_path}/new || echo full")
    assert done.stdout == "Linux\nfull\n" and not (tmp_path / "new").exists()


def test_a_result_is_made_up_and_the_call_not_made(inject):
    done, _ = inject(f"rule 0 return 4 1 1 {list_of('write')}", text="echo one; echo two")
    assert done.stdout == "two\n" and done.returncode == 0


def test_nothing_is_done_once_the_file_is_there(inject, tmp_path):
    done, _ = inject(
        f"rule 0 fail 5 1 -1 {list_of('write')}", f"until {tmp_path}/now", text=f"echo one; : >{tmp_path}/now; echo two")
    assert done.stdout == "two\n"


def test_who_is_stopped_sleeps_until_it_is_woken(tmp_path):
    (tmp_path / "plan").write_text(f"log {tmp_path}/log\nrule 0 stop 0 1 1 {list_of('write')}\n")
    process = subprocess.Popen(
        [native("injector"), tmp_path / "plan", "/bin/dash", "-c", "echo one; echo two"], stdout=subprocess.PIPE, text=True)
    wait_until("it sleeps", lambda: state_of(process.pid) == "T")
    process.send_signal(signal.SIGCONT)
    assert process.communicate()[0] == "one\ntwo\n" and process.returncode == 0


def test_each_start_of_a_wrapped_program_takes_one_plan(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(native("injector").read_bytes())
    program.chmod(0o755)
    real = tmp_path / "program.real"
    real.write_bytes(pathlib.Path("/bin/dash").read_bytes())
    real.chmod(0o755)
    for folder in ["program.plans", "program.taken"]:
        (tmp_path / folder).mkdir()
    for number in (1, 2):
        (tmp_path / f"program.plans/{number}").write_text(f"log {tmp_path}/log\nrule 0 kill 0 1 1 {list_of('write')}\n")
    ends = [subprocess.run([program, "-c", "echo one"], capture_output=True, check=False).returncode for _ in range(3)]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert number_of("write") in {int(line.split()[3]) for line in (tmp_path / "log").read_text().splitlines()
                                  if line.startswith("acted")}


def test_a_trace_tells_which_opens_make_a_file(inject, tmp_path):
    _, log = inject("trace", text=f"read line < /etc/passwd; echo one > {tmp_path}/file")
    opens = re.findall(rf"^call 0 \d+ {list_of('openat')}(.*)$", log, re.M)
    assert opens[-2:] == [" opens", ""]
