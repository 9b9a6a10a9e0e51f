"""What the admin does about accounts, by the command on the machine."""

import os
import subprocess

import pytest

from site_under_test import ROOT

PASSWORD = "correct horse battery"


@pytest.fixture
def command(site):
    def run(*words, given="", as_root=False):
        user = {"user": site.run_as} if os.getuid() == 0 and not as_root else {}
        return subprocess.run(
            [ROOT / "bin/scriptrunner", *words], input=given, capture_output=True, text=True, timeout=60, check=False,
            env={"SCRIPTRUNNER_CONF": str(site.state / "etc/ScriptRunner.conf")}, **user,
        )

    return run


def test_a_forgotten_password_is_set_anew_and_old_sessions_end(site, command):
    ada = site.visitor("forgetful@example.org")
    answer = command("password", "Forgetful@Example.org", given="another good password\n")
    assert answer.returncode == 0, answer.stderr
    assert "another good password" not in answer.stdout + answer.stderr
    assert "/login" in ada.get("/jobs").url
    assert site.visitor().sign_in("forgetful@example.org", PASSWORD).status_code == 422
    assert site.visitor().sign_in("forgetful@example.org", "another good password").status_code == 200


def test_a_password_that_will_not_do_changes_nothing(site, command):
    ada = site.visitor("careful@example.org")
    for given in ("short\n", "", "x" * 200 + "\n"):
        answer = command("password", "careful@example.org", given=given)
        assert answer.returncode == 65 and "characters" in answer.stderr
    assert "/login" not in ada.get("/jobs").url
    answer = command("password", "nobody@example.org", given=PASSWORD)
    assert answer.returncode == 67 and "nobody has this address" in answer.stderr


def test_a_closed_account_lets_nobody_in_until_it_is_opened_again(site, command):
    ada = site.visitor("closed@example.org")
    assert "closed@example.org" in command("accounts").stdout
    assert command("close", "closed@example.org").returncode == 0
    assert "closed since" in next(line for line in command("accounts").stdout.splitlines() if line.startswith("closed@"))
    assert "/login" in ada.get("/jobs").url
    assert site.visitor().sign_in("closed@example.org", PASSWORD).status_code == 422
    assert command("reopen", "closed@example.org").returncode == 0
    assert site.visitor().sign_in("closed@example.org", PASSWORD).status_code == 200


@pytest.mark.skipif(os.getuid() != 0, reason="only root can try to do it as root")
def test_root_makes_no_files_of_its_own_beside_the_database(site, command):
    answer = command("accounts", as_root=True)
    assert answer.returncode == 78 and "run this as that user" in answer.stderr
