"""A tour of the pages in a browser: a site with people, files and jobs, every kind of field, and the way to each page."""

from conftest import make_browser
from senses import Senses
from site_under_test import wait_until

FORM = r"""#!/bin/sh
##~~ @syntax 2
##~~ @title Align reads
##~~ @about Maps reads to a reference genome.
##~~ @needs cpus=1..2 mem=64M..256M time=1h..3h
##~~ @example reference=small.fa reads=small.fa label=S_1 day=today sets=a where=here
##~~ reference [file .fa .fasta max=1K] - the reference
##~~ reads [files 1..3 .fq .fa] - read files
##~~ extra? [file] - what else there is
##~~ scan [file .nobody-has-one] - a file that has to be uploaded
##~~ k [int 1..99 = 31] - k-mer length
##~~ error [float 0..1 = 0.05] - error rate
##~~ mode [choice fast|exact="Slow, exact" = fast] - method
##~~ seed [int 0..] when mode=exact - random seed
##~~ keep [flag] - keep temporary files
##~~ where [text] when keep - where they are kept
##~~ sets [choices 1..2 a="First set"|b|c] - what to compare
##~~ label [text 1..32 /[A-Za-z0-9_]+/] - sample name
##~~ notes? [lines ..3 /[a-z ]*/] - notes
##~~ day [date 2020-01-01..today = today] - sampling day
##~~ contact? [email] - whom to ask
##~~ token? [secret 3..100] - the password of the database
##~~ result [output .csv = result.csv] - result file name
echo done
"""
# Name: role, whether it has to be filled in, a value that will not do, what is said of that.
FIELDS = {
    "k": ("spinbutton", True, "100", "This has to be a whole number"),
    "error": ("spinbutton", True, "1.5", "This has to be a number from 0 to 1"),
    "mode": ("combobox", True, "", "Choose one."),
    "label": ("textbox", True, "two words", "This does not have the form"),
    "notes": ("textbox", False, "B", "Line 1 does not have the form"),
    "day": ("Date", True, "2019-12-31", "The first day that is allowed"),
    "contact": ("textbox", False, "nobody", "This is no e-mail address"),
    "token": ("textbox", False, "ab", "This has 2 characters"),
    "result": ("textbox", True, "result.txt", "The name has to end in .csv."),
    "reference": ("combobox", False, "", "Choose a file"),
    "reads": ("listbox", False, "", "Choose at least one file"),
    "scan": ("button", True, "", "Choose a file, or upload one."),
    "sets": ("checkbox", False, "", "Choose at least one."),
}
SWEEP = """#!/bin/sh
##~~ @syntax 2
##~~ @title Count
##~~ k [int 1..9 = 3] - how often
##~~ mode [choice fast|exact = fast] - method
##~~ keep [flag] - keep temporary files
##~~ result [output .txt = result.txt]
echo "$SR_K" > "$SR_RESULT"
"""
FAILS = "#!/bin/sh\n##~~ Fails.\n##~~ word - any word\n##~~ input - a file\necho 'no such thing' >&2\nexit 3\n"


class World:
    """A site with people, files and jobs, and a browser that goes from page to page."""

    def __init__(self, site):
        self.site = site
        self.ada = site.visitor("ada@example.org")
        self.ada.post("/files", self.ada.hidden(self.ada.get("/files").text, "/files"), files={"file": ("a.fa", b">a\n")})
        file = {"input": ("table with a long name, for narrow pages.csv", b"x")}
        self.done = self.ada.queue(
            "count.sh", {"output_counts": "counts.txt"}, {"input_one": ("1", b"1"), "input_two": ("2", b"2")})
        self.failed = self.ada.queue("fails.sh", {"word": "W" * 60}, file)
        self.running = self.ada.queue("polite.sh")
        site.wait_for(self.done, "succeeded")
        site.wait_for(self.failed, "failed")
        site.wait_for(self.running, "running")
        # Another session of hers, for the account's page.
        site.visitor().sign_in("ada@example.org")
        self.browser = make_browser()
        self.senses = Senses(self.browser)

    def show(self, path, visitor=None):
        self.browser.get(self.site.url + "/static/icon.svg")
        self.browser.delete_all_cookies()
        for name, value in (visitor.http.cookies.items() if visitor else []):
            self.browser.add_cookie({"name": name, "value": value})
        self.browser.get(self.site.url + path)

    def type(self, **values):
        """Fills in fields as they are named, whatever they are made for."""
        self.browser.execute_script(
            """for (const [name, value] of Object.entries(arguments[0])) {
                const control = document.getElementsByName(name)[0];
                if (control.type === "checkbox") control.checked = value;
                else { if (control.localName === "input") control.type = "text"; control.value = value; }
                control.dispatchEvent(new Event("input", { bubbles: true }));
            }""", values)

    def send(self, label, sign="[role=alert]"):
        """Presses the button, until the sign is there; the browser itself insists on nothing."""
        self.browser.execute_script(
            """const button = [...document.querySelectorAll("main button")].find((one) => one.textContent === arguments[0]);
            button.form.noValidate = true;
            button.focus();
            button.click();""", label)
        wait_until(f"there is {sign}", lambda: self.browser.execute_script(
            "return document.readyState === 'complete' && document.querySelector(arguments[0]) !== null", sign))

    def refuse_sign_in(self):
        self.show("/login")
        self.type(login="ada@example.org", password="wrong")
        self.send("Sign in")

    def refuse_sign_up(self):
        self.show("/login")
        self.browser.execute_script("""document.getElementById("new-login").value = "eve@example.org";
            document.getElementById("new-password").value = "short";""")
        self.send("Sign up")

    def refuse_password(self):
        self.show("/account", self.ada)
        self.type(password="wrong", new="correct horse battery")
        self.send("Change the password")

    def show_whole_form(self):
        self.show("/submit/form.sh", self.ada)
        self.browser.execute_script("""
            for (const [name, value] of [["param_mode", "exact"], ["param_keep", true]]) {
                const control = document.getElementsByName(name)[0];
                control[value === true ? "checked" : "value"] = value;
                control.dispatchEvent(new Event("input", { bubbles: true }));
            }""")

    def show_older_jobs(self):
        """A list that does not renew itself, with the longest words that its columns have."""
        self.show("/jobs?before=999", self.ada)
        self.browser.execute_script("""
            for (const badge of document.querySelectorAll(".state")) badge.textContent = "too much output";
            for (const span of document.querySelectorAll(".ticks")) span.textContent = "23 h 59 min";""")

    def show_preview(self):
        self.show("/submit/sweep.sh", self.ada)
        self.send("Preview", "#preview")

    def show_several(self):
        self.show("/submit/sweep.sh", self.ada)
        self.send("Several values …", "#table")

    def preview_several(self):
        self.show_several()
        self.type(param_k="1..3")
        self.send("Preview", "#preview")

    def refuse_several(self):
        self.show_several()
        self.type(param_k="1..x", table="none\n1\n")
        self.send("Preview")

    def show_sweep(self):
        self.preview_several()
        self.send("Submit 3 jobs", ".sweep .succeeded")

    def refuse_form(self):
        self.show("/submit/form.sh", self.ada)
        roles = ["spinbutton", "textbox", "combobox", "Date"]
        self.type(**{f"param_{name}": bad for name, (role, _, bad, _) in FIELDS.items() if role in roles})
        self.send("Submit job")


# Each page, and the way there.
PAGES = {
    "home of a stranger": lambda world: world.show("/"),
    "sign in": lambda world: world.show("/login"),
    "sign in, refused": World.refuse_sign_in,
    "sign up, refused": World.refuse_sign_up,
    "home": lambda world: world.show("/", world.ada),
    "scripts": lambda world: world.show("/submit", world.ada),
    "form": lambda world: world.show("/submit/form.sh", world.ada),
    "form, all shown": World.show_whole_form,
    "form, refused": World.refuse_form,
    "form with an example": lambda world: world.show("/submit/form.sh?example=1", world.ada),
    "preview": World.show_preview,
    "several values": World.show_several,
    "several values, refused": World.refuse_several,
    "preview of several": World.preview_several,
    "sweep": World.show_sweep,
    "original form": lambda world: world.show("/submit/count.sh", world.ada),
    "jobs": lambda world: world.show("/jobs", world.ada),
    "older jobs": World.show_older_jobs,
    "job that runs": lambda world: world.show(f"/jobs/{world.running}", world.ada),
    "job that failed": lambda world: world.show(f"/jobs/{world.failed}", world.ada),
    "job that is done": lambda world: world.show(f"/jobs/{world.done}", world.ada),
    "files": lambda world: world.show("/files", world.ada),
    "account": lambda world: world.show("/account", world.ada),
    "account, refused": World.refuse_password,
    "not found": lambda world: world.show("/jobs/999999", world.ada),
    "not found by the web server": lambda world: world.show("/static/none"),
}
