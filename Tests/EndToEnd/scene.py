"""A site with a user who has a file and a finished job with an output: where much can be tried. Test modules import these
fixtures by name."""

import pytest

from site_scripts import SCRIPTS

OUTPUT = "#!/bin/sh\n##~~ Leaves a page.\necho said\nprintf '<script>alert(1)</script>' > page.html\n"


@pytest.fixture(scope="module")
def site(make_site):
    return make_site(scripts={**SCRIPTS, "output.sh": OUTPUT}, settings={"machine_cpus": 4, "default_cpus": 1, "kill_grace": 0})


@pytest.fixture(scope="module")
def ada(site):
    visitor = site.visitor("ada@example.org")
    visitor.post("/files", visitor.hidden(visitor.get("/files").text, "/files"), files={"file": ("mine.txt", b"x")})
    return visitor


@pytest.fixture(scope="module")
def job(site, ada):
    number = ada.queue("output.sh")
    site.wait_for(number, "succeeded")
    return number
