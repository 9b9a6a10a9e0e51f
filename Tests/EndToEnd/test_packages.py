"""The tools that set up a new machine. What they call is stood in for, because a test must not change the machine."""

import shutil
import stat
import subprocess

import pytest

from site_under_test import ROOT, wait_until

INSTALL = ROOT / "tools/install-packages"
REQUIRE = ROOT / "tools/require-swift"


class Machine:
    """A PATH with nothing on it but stand-ins, which write down how they were called, and a few harmless tools."""

    def __init__(self, folder, installed=(), user=0, sudo=None, apt="exit 0"):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls_file = folder / "calls"
        self.calls_file.touch()
        self.policy = folder / "policy-rc.d"
        for tool in ["sh", "grep", "rm", "chmod", "sed", "sort", "head", "sleep", "cat", "touch"]:
            (self.bin / tool).symlink_to(shutil.which(tool, path="/usr/bin:/bin"))
        # The package is the last word; "held" stands for one that dpkg is told to leave alone.
        self.stand_in("dpkg-query", f"""
            for last; do :; done
            for one in {' '.join(installed)}; do [ "$one" = "$last" ] && echo installed && exit 0; done
            echo "dpkg-query: no packages found matching $last" >&2
            exit 1""", quiet=True)
        self.stand_in("id", f"echo {user}", quiet=True)
        self.stand_in("apt-get", f"""
            [ -x {self.policy} ] && echo "policy says $({self.policy} >&2; echo $?)" >>{self.calls_file}
            {apt}""")
        for tool in ["systemctl", "update-rc.d"]:
            self.stand_in(tool, "exit 0")
        if sudo:
            self.stand_in("sudo", sudo)

    def stand_in(self, name, body, quiet=False):
        note = "" if quiet else f'echo "{name} $*" >>{self.calls_file}\n'
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{note}{body}\n")
        path.chmod(0o755)

    def start(self, *command):
        # A shell takes no signal that was ignored when it was started, as nohup has it.
        return subprocess.Popen(
            ["/usr/bin/env", "--default-signal=HUP,INT,TERM", *command], env={"PATH": str(self.bin), "POLICY_RC_D": str(self.policy)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *command):
        process = self.start(*command)
        output, error = process.communicate(timeout=30)
        return subprocess.CompletedProcess(command, process.returncode, output, error)

    @property
    def calls(self):
        return self.calls_file.read_text().splitlines()


UPDATE = "apt-get update -q"


def test_when_nothing_is_missing_nothing_happens(tmp_path):
    machine = Machine(tmp_path, installed=["nginx", "curl"])
    result = machine.run(INSTALL, "nginx", "curl")
    assert (result.returncode, result.stdout, result.stderr, machine.calls) == (0, "", "", [])


@pytest.mark.parametrize("sudo", [None, "exit 1"], ids=["no sudo", "sudo wants a password"])
def test_an_ordinary_user_is_told_the_one_line_to_run(tmp_path, sudo):
    machine = Machine(tmp_path, installed=["curl"], user=1000, sudo=sudo)
    result = machine.run(INSTALL, "nginx", "curl", "wrk")
    assert result.returncode == 1 and result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.startswith("    ")]
    assert lines == ["    apt-get update && apt-get install --no-install-recommends nginx wrk"]
    assert [call for call in machine.calls if call.startswith("apt-get")] == [] and not machine.policy.exists()


def test_an_ordinary_user_with_sudo_runs_the_same_by_sudo(tmp_path):
    machine = Machine(tmp_path, installed=["curl"], user=1000, sudo="exit 0")
    assert machine.run(INSTALL, "nginx", "curl").returncode == 0
    assert machine.calls == ["sudo -n true", f"sudo {INSTALL} nginx"]


def test_root_installs_what_is_missing_and_no_service_starts(tmp_path):
    machine = Machine(tmp_path, installed=["curl"])
    result = machine.run(INSTALL, "nginx", "curl", "wrk")
    assert result.returncode == 0, result.stderr
    assert machine.calls == [
        UPDATE, "policy says 101", "apt-get install -q -y --no-install-recommends nginx wrk", "policy says 101",
        "systemctl disable nginx", "update-rc.d nginx disable",
    ]
    assert not machine.policy.exists()


def test_a_service_that_was_there_before_stays_as_it_is(tmp_path):
    machine = Machine(tmp_path, installed=["nginx"])
    assert machine.run(INSTALL, "nginx", "nginx-doc").returncode == 0
    assert not any("nginx" in call for call in machine.calls if not call.startswith("apt-get")), machine.calls


def test_a_failed_installation_is_told_and_leaves_no_policy(tmp_path):
    machine = Machine(tmp_path, apt='case "$1" in install) echo "E: no such package" >&2; exit 100 ;; esac')
    result = machine.run(INSTALL, "nginx")
    assert result.returncode == 100 and "E: no such package" in result.stderr
    assert not machine.policy.exists() and "systemctl disable nginx" not in machine.calls


def test_without_the_lists_of_packages_nothing_is_installed(tmp_path):
    machine = Machine(tmp_path, apt="exit 100")
    assert machine.run(INSTALL, "nginx").returncode == 100
    assert machine.calls == [UPDATE, "policy says 101"] and not machine.policy.exists()


def test_a_policy_that_is_there_already_is_left_alone(tmp_path):
    machine = Machine(tmp_path)
    machine.policy.write_text("#!/bin/sh\nexit 0\n")
    machine.policy.chmod(0o755)
    before = machine.policy.stat()
    assert machine.run(INSTALL, "nginx").returncode == 0
    assert machine.policy.read_text() == "#!/bin/sh\nexit 0\n" and machine.policy.stat().st_ino == before.st_ino
    assert machine.policy.stat().st_mode & stat.S_IXUSR
    assert "policy says 0" in machine.calls


@pytest.mark.parametrize("number, status", [(15, 143), (1, 129), (2, 130)])
def test_broken_off_it_stops_there_and_leaves_no_policy(tmp_path, number, status):
    """The shell takes a signal when the program that it waits for has ended; what would come next must not."""
    go = tmp_path / "go"
    machine = Machine(tmp_path, apt=f"while [ ! -e {go} ]; do sleep 0.02; done")
    process = machine.start(INSTALL, "nginx")
    wait_until("it is at work", lambda: len(machine.calls) == 2)
    process.send_signal(number)
    go.touch()
    process.communicate(timeout=30)
    assert process.returncode == status
    assert machine.calls == [UPDATE, "policy says 101"] and not machine.policy.exists()


def test_the_real_tool_agrees_with_dpkg():
    """What is installed here is not missing, and what cannot be is; asked as an ordinary user without sudo."""
    tools = ["sh", "grep", "dpkg-query", "id"]
    assert all(shutil.which(tool) for tool in tools)
    result = subprocess.run([INSTALL, "dpkg", "libc6"], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# Swift


@pytest.mark.parametrize("said", [
    "Swift version 6.3 (swift-6.3-RELEASE)", "Swift version 6.3.1 (swift-6.3.1-RELEASE)\nTarget: x86_64",
    "Apple Swift version 6.10 (swift)", "swift-driver version: 1.0 Swift version 7.0-dev (LLVM)",
])
def test_a_swift_that_is_new_enough_is_taken_in_silence(tmp_path, said):
    machine = Machine(tmp_path)
    machine.stand_in("swift", f"cat <<'END'\n{said}\nEND", quiet=True)
    result = machine.run(REQUIRE)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("said, told", [
    ("echo 'Swift version 6.2.4 (swift-6.2.4-RELEASE)'", "Swift 6.2.4 is too old: 6.3 or later is needed."),
    ("echo 'Swift version 5.10 (swift)'", "Swift 5.10 is too old"),
    (None, "Swift is missing."),
    ("echo 'swift 4.1.0'", "Swift is missing."),  # OpenStack's command of the same name
    ("exit 1", "Swift is missing."),
])
def test_a_swift_that_is_missing_or_too_old_is_told(tmp_path, said, told):
    machine = Machine(tmp_path)
    if said:
        machine.stand_in("swift", said, quiet=True)
    result = machine.run(REQUIRE)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith(told) and "https://www.swift.org/install/linux/" in result.stderr
