"""Mail on a whole site: from a job's start and end to the recipient's mailbox, through a real SMTP conversation."""

import email
import email.policy
import json
import os
import subprocess

import pytest

from site_under_test import ROOT, free_port, wait_until


class MailServer:
    """The tests' mail server, on a port that stays the same when it is started again."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(ROOT / "Tests/ProgramTests/mailserver.py"), str(self.folder), "--port", str(self.port)]
        )
        wait_until("the mail server listens", (self.folder / "port").exists)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        (self.folder / "port").unlink()

    def mails(self):
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]


@pytest.fixture
def server(tmp_path):
    server = MailServer(tmp_path)
    yield server
    if server.process.poll() is None:
        server.stop()


def test_a_job_tells_of_its_start_and_end_once_each_by_smtp(make_site, server):
    server.start()
    site = make_site(
        settings={"mail_transport": "smtp", "smtp_host": "127.0.0.1", "smtp_port": server.port}
    )
    ada = site.visitor("ada@example.org")
    number = ada.queue("plain.sh")
    site.wait_for(number, "succeeded")
    wait_until("both mails", lambda: len(server.mails()) == 2)
    for mail, word in zip(server.mails(), ("Started", "Complete")):
        assert mail["to"] == ["ada@example.org"]
        assert mail["headers"]["Subject"] == f"Job #{number} [plain.sh] {word}"
        assert f"{site.url}/jobs/{number}" in mail["text"]
    wait_until("both are marked", lambda: not site.query("SELECT 1 FROM mails WHERE state <> 'sent'"))
    page = ada.get(f"/jobs/{number}").text
    assert page.count("sent <time") == 2


def test_a_mail_server_that_is_down_delays_no_job_and_loses_no_mail(make_site, server):
    site = make_site(settings={"mail_transport": "smtp", "smtp_host": "127.0.0.1", "smtp_port": server.port})
    ada = site.visitor("ada@example.org")
    numbers = [ada.queue("plain.sh") for _ in range(3)]
    for number in numbers:
        site.wait_for(number, "succeeded")
    wait_until("a try that failed", lambda: site.query("SELECT 1 FROM mails WHERE last_error IS NOT NULL"))
    assert "will be tried again" in ada.get(f"/jobs/{numbers[0]}").text
    server.start()
    # The pause before the next try is minutes long; the clock is not ours here, so the pause is taken away.
    site.stop()
    subprocess.run(
        ["/usr/bin/python3", "-c",
         "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('UPDATE mails SET due_at = 0'); c.commit()",
         str(site.state / "db/scriptrunner.sqlite")], check=True,
        **({"user": site.run_as} if os.getuid() == 0 else {}),
    )
    site.start()
    wait_until("all mails", lambda: len(server.mails()) == 6)
    wait_until("all are marked", lambda: not site.query("SELECT 1 FROM mails WHERE state <> 'sent'"))
    assert len(server.mails()) == 6


def test_what_a_failed_job_said_last_stands_in_its_mail(site):
    ada = site.visitor("mail-ada@example.org")
    number = ada.queue("wait.sh", {"status": "3"})
    site.wait_for(number, "running")
    (site.outbox(number) / "go").touch()
    site.wait_for(number, "failed")

    def mail():
        files = list((site.state / "mail").glob(f"job-{number}-*-ended-*.eml"))
        return files and email.message_from_bytes(files[0].read_bytes(), policy=email.policy.default)

    message = wait_until("the mail", mail)
    assert message["Subject"] == f"Job #{number} [wait.sh] Failed"
    assert message["To"] == "mail-ada@example.org"
    text = message.get_content()
    assert "exit status 3" in text and "  waiting" in text


@pytest.mark.parametrize("when", ["waiting", "running"])
def test_a_cancelled_job_tells_so(site, when):
    ada = site.visitor(f"cancel-{when}@example.org")
    if when == "running":
        number = ada.queue("wait.sh", {"status": "0"})
        site.wait_for(number, "running")
    else:
        fillers = [ada.queue("wait.sh", {"status": "0"}) for _ in range(8)]
        wait_until("all places are taken", lambda: all(site.job(filler)["state"] == "running" for filler in fillers))
        number = ada.queue("plain.sh")
    ada.cancel(number)
    site.wait_for(number, "cancelled")
    mails = wait_until(
        "the mail is sent",
        lambda: site.query("SELECT subject FROM mails WHERE job_id = ? AND kind = 'ended' AND state = 'sent'", number),
    )
    assert mails[0]["subject"].endswith("Cancelled")
    if when == "waiting":
        for filler in fillers:
            (site.outbox(filler) / "go").touch()
        for filler in fillers:
            site.wait_for(filler, "succeeded")
