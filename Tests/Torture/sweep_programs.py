"""SIGKILL at every system call of the worker, the pages that change jobs, the mailer and the cleaner."""

from rig import LIMIT, Rig


def calls_of(log):
    """How many calls a program made that was not killed."""
    return max(int(line.split()[3]) for line in log.read_text().splitlines() if line.startswith("end 0 "))


def acted(log):
    return "acted" in log.read_text()


# The worker

CHUNK = 50


def worker(report, count=None):
    """Each worker finds a job that runs, perhaps has ended meanwhile, and three that wait; one of those is cancelled."""
    with Rig() as rig:
        plan, log = rig.write_plan()
        story = WorkerStory(rig)
        story.play(plan)
        story.play(plan)
        total = calls_of(log)
        story.finish(report)
    report.say(f"a worker's life has {total} calls")
    points = report.sample(range(1, total + 1), count)
    for start in range(0, len(points), CHUNK):
        with Rig() as rig:
            story = WorkerStory(rig)
            for at in points[start : start + CHUNK]:
                plan, log = rig.write_plan(f"rule 0 kill 0 {at} 1 all")
                story.play(plan)
                report.faults += acted(log)
                report.progress(f"call {at} of {total}")
            story.finish(report)
    return report


class WorkerStory:
    def __init__(self, rig):
        self.rig = rig
        self.running = None
        self.turn = 0

    def play(self, plan):
        rig, self.turn = self.rig, self.turn + 1
        former = self.running
        if former and self.turn % 2:
            rig.let_go(former)
        quick = rig.submit(f"exit {self.turn % 250}")
        doomed = rig.submit("polite 5 wait exit 6")
        self.running = rig.submit(f"wait exit {self.turn % 250}")
        rig.start("worker", plan)
        # A worker without room on its disk pauses for half a minute, and may find none several times.
        rig.wait_for(doomed, "running", limit=4 * LIMIT)
        rig.cancel(doomed)
        if former:
            rig.let_go(former)
        for job in [quick, doomed, *([former] if former else [])]:
            rig.wait_for(job, "succeeded", "failed", "cancelled", "lost", limit=4 * LIMIT)
        rig.wait_for(self.running, "running", limit=4 * LIMIT)
        rig.stop()

    def finish(self, report):
        """Ends what still runs, and has all that happened checked."""
        rig = self.rig
        rig.let_go()
        rig.start("worker")
        rig.finish(report, were_mailers_hurt=True)


# The pages

def pages(report, count=None):
    """The submit page over a form, the jobs page over a cancellation."""
    with Rig() as rig:
        _submit(report, rig, count)
        _cancel(report, rig, count)
        rig.start("worker")
        rig.finish(report)
    return report


def _submit(report, rig, count):
    rig.tidy()
    plan, log = rig.write_plan()
    assert rig.send(rig.draft("exit 3"), plan=plan) == 303
    total = calls_of(log)
    report.say(f"a submission has {total} calls")
    for at in report.sample(range(1, total + 1), count):
        rig.tidy()
        plan, log = rig.write_plan(f"rule 0 kill 0 {at} 1 all")
        form = rig.draft(f"exit {at % 250}")
        rig.send(form, plan=plan)
        report.faults += acted(log)
        # Every second visitor presses the button again; the others go away, and may have a job or not.
        if at % 2 and rig.send(form) != 303:
            report.add([f"the form {form.tag} is not taken after a kill at call {at}"])
        report.progress(f"submit: call {at} of {total}")


def _cancel(report, rig, count):
    victim = rig.submit("exit 0")
    rig.tidy()
    plan, log = rig.write_plan()
    assert cancel(rig, victim, plan) == b"303"
    total = calls_of(log)
    report.say(f"a cancellation has {total} calls")
    for at in report.sample(range(1, total + 1), count):
        plan, log = rig.write_plan(f"rule 0 kill 0 {at} 1 all")
        victim = rig.submit("exit 0")
        rig.tidy()
        answered = cancel(rig, victim, plan)
        report.faults += acted(log)
        state = rig.job(victim)["state"]
        if state not in ("queued", "cancelled") or answered and state != "cancelled":
            report.add([f"job {victim.job} is {state} after a kill at call {at} of a cancellation"])
        report.progress(f"cancel: call {at} of {total}")


def cancel(rig, victim, plan):
    """The status of the answer; None when there was none."""
    text = rig.cancel_by(victim, plan)
    return text[8:11] if text.startswith(b"Status: ") and b"\r\n\r\n" in text else None


# The mailer

def mailer(report, count=None):
    """Over three mails that are due. Whatever it is killed over, the next ones send each mail, and as one file."""
    with Rig() as rig:
        jobs = [rig.submit(f"exit {code}") for code in (0, 3)]
        rig.start("worker")
        rig.wait_until_over()
        rig.wait_for_mails()
        rig.stop()
        wanted = {f"job-{job.job}-1-{kind}" for job in jobs for kind in ("started", "ended")}
        total = None
        points = [0]
        while points:
            at = points.pop(0)
            rig.edit("UPDATE mails SET state = 'queued', sent_at = NULL, due_at = 0, tries = 0")
            for file in (rig.folder / "mail").iterdir():
                file.unlink()
            plan, log = rig.write_plan(*([f"rule 0 kill 0 {at} 1 all"] if at else []))
            rig.run("mailer", plan=plan)
            report.faults += acted(log)
            rig.hurry_mails()
            rig.run("mailer", check=True)
            found = sorted(file.name for file in (rig.folder / "mail").iterdir() if not file.name.startswith("."))
            if {name.rpartition("-")[0] for name in found} != wanted or len(found) != len(wanted):
                report.add([f"after a kill at call {at} of the mailer there are {found}"])
            if rig.unsent():
                report.add([f"after a kill at call {at} of the mailer {rig.unsent()} mails are not sent"])
            if total is None:
                total = calls_of(log)
                report.say(f"a mailer's life has {total} calls")
                points = report.sample(range(1, total + 1), count)
            report.progress(f"call {at} of {total}")
        report.jobs += len(rig.submissions)
        report.add(rig.check())
    return report


# The cleaner

def cleaner(report, count=None):
    """Over one job that has expired, with its folders and mails, among others that have not."""
    with Rig() as rig:
        rig.start("worker")
        kept = [rig.submit("exit 5"), rig.submit("wait exit 6")]
        total = None
        points = [0]
        while points:
            at = points.pop(0)
            victim = rig.submit("say 100 exit 4")
            rig.wait_for(victim, "failed")
            rig.wait("its mails are sent", lambda: not rig.unsent())
            uid = rig.job(victim)["uid"]
            rig.edit("UPDATE jobs SET expires_at = 1 WHERE id = ?", victim.job)
            rig.faults.forgotten.add(victim.tag)
            plan, log = rig.write_plan(*([f"rule 0 kill 0 {at} 1 all"] if at else []))
            rig.run("cleaner", plan=plan, timeout=LIMIT)
            report.faults += acted(log)
            status = rig.run("cleaner").returncode
            left = [str(path) for folder in ["outbox", "state/attempts"] for path in (rig.folder / folder).rglob(f"*{uid}*")]
            if status or rig.job(victim) or left:
                report.add([f"after a kill at call {at} of the cleaner: status {status}, {rig.job(victim)}, {left}"])
            if total is None:
                total = calls_of(log)
                report.say(f"a cleaner's life has {total} calls")
                points = report.sample(range(1, total + 1), count)
            report.progress(f"call {at} of {total}")
        rig.let_go()
        rig.wait_until_over()
        rig.wait_for_mails()
        report.jobs += len(rig.submissions)
        if any(rig.job(job) is None for job in kept):
            report.add(["the cleaner took a job along that had not expired"])
        report.add(rig.check())
    return report
