import pathlib
import sys

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from site_scripts import SCRIPTS  # noqa: E402
from site_under_test import Site  # noqa: E402


@pytest.fixture(scope="module")
def make_site():
    """Makes sites that are gone when the module's tests are over."""
    sites = []

    def make(**options):
        options.setdefault("scripts", SCRIPTS)
        sites.append(Site(**options))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture(scope="module")
def site(make_site):
    """A site behind nginx that all tests of a module share; each signs up people of its own. Several jobs may run."""
    return make_site(settings={"machine_cpus": 8, "default_cpus": 1, "kill_grace": 1})


@pytest.fixture
def folder(tmp_path):
    """A folder of the test's own that the ordinary user reaches, too."""
    for place in [tmp_path, *tmp_path.parents[:2]]:
        place.chmod(0o755)
    return tmp_path


def make_browser(javascript=True, width=1400, dark=False):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={width},1000"]:
        options.add_argument(argument)
    options.add_experimental_option(
        "prefs", {"profile.managed_default_content_settings.javascript": 1 if javascript else 2}
    )
    browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    if dark:
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    return browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def browser(request):
    browser = make_browser(javascript=request.param)
    yield browser
    browser.quit()
