"""The main job, as a person does it in a real browser, with and without JavaScript."""

import re

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from site_under_test import wait_until


def fill(browser, selector, text):
    browser.find_element(By.CSS_SELECTOR, selector).send_keys(text)


def shown(browser, selector):
    """The text of an element, empty while the page is changing."""
    try:
        return browser.find_element(By.CSS_SELECTOR, selector).text
    except WebDriverException:
        # Gone, stale, or of a document that is not there any more.
        return ""


def press(browser, label):
    """Presses a button; again if the page was renewed between the look and the click, which then reached nothing."""

    def pressed():
        try:
            browser.find_element(By.XPATH, f"//main//button[normalize-space()='{label}']").click()
            return True
        except WebDriverException:
            return False

    wait_until(f"{label} is pressed", pressed)


def test_from_stranger_to_result(site, browser, tmp_path, request):
    login = f"ada{abs(hash(request.node.name)) % 10**9}@example.org"
    browser.get(site.url)
    assert "Run a script on your data" in browser.find_element(By.TAG_NAME, "h1").text
    browser.find_element(By.PARTIAL_LINK_TEXT, "Sign in or sign up").click()

    fill(browser, "#new-login", login)
    fill(browser, "#new-password", "correct horse battery")
    press(browser, "Sign up")
    wait_until("signed in", lambda: login in shown(browser, "header"))

    browser.find_element(By.CSS_SELECTOR, "header nav").find_element(By.PARTIAL_LINK_TEXT, "Submit").click()
    assert browser.find_element(By.CSS_SELECTOR, "[aria-current=page]").text.startswith("Submit")
    browser.find_element(By.LINK_TEXT, "count.sh").click()
    for name, text in [("one", "a\nb\n"), ("two", "c\n")]:
        path = tmp_path / f"{name} and, more=.txt"
        path.write_text(text)
        fill(browser, f"input[name=upload_input_{name}]", str(path))
    fill(browser, "input[name=param_output_counts]", "counts.txt")
    press(browser, "Submit job")

    wait_until("the job's page", lambda: re.search(r"/jobs/\d+", browser.current_url))
    number = int(re.search(r"/jobs/(\d+)", browser.current_url).group(1))
    # The page renews itself, and may be about to.
    wait_until("it is confirmed", lambda: re.search("Your job .*submitted", shown(browser, ".done[role=status]")))
    site.wait_for(number, "succeeded")
    # The page tells by itself.
    wait_until("the page tells", lambda: "succeeded" in shown(browser, "h1"))
    main = browser.find_element(By.TAG_NAME, "main").text
    assert "one and, more=.txt" in main and "counts.txt" in main and "counting" in main
    assert f"Job #{number} [count.sh] Complete" in main

    link = browser.find_element(By.LINK_TEXT, "counts.txt").get_attribute("href")
    cookies = {cookie["name"]: cookie["value"] for cookie in browser.get_cookies()}
    assert site.visitor().http.get(link, cookies=cookies).text == "3\n"

    # The second time the files are here already.
    browser.get(site.url + "/submit/count.sh")
    for name in ["one", "two"]:
        Select(browser.find_element(By.NAME, f"param_input_{name}")).select_by_index(1)
    fill(browser, "input[name=param_output_counts]", "again.txt")
    press(browser, "Submit job")
    wait_until("the next job's page", lambda: re.search(r"/jobs/\d+", browser.current_url))
    assert int(re.search(r"/jobs/(\d+)", browser.current_url).group(1)) > number

    browser.get(site.url + "/jobs")
    assert "count.sh" in browser.find_element(By.TAG_NAME, "table").text
    browser.find_element(By.LINK_TEXT, "My jobs").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "tbody tr")) == 2
    browser.find_element(By.XPATH, "//footer//button[normalize-space()='Log out']").click()
    wait_until("logged out", lambda: login not in shown(browser, "body"))
    browser.get(site.url + "/jobs")
    assert "/login?fromPage=" in browser.current_url


def test_a_running_job_is_watched_and_cancelled(site, browser, request):
    person = site.visitor(f"cancel{abs(hash(request.node.name)) % 10**9}@example.org")
    number = person.queue("polite.sh")
    person.lend(browser)
    browser.get(f"{site.url}/jobs/{number}")
    wait_until("it runs", lambda: "running" in shown(browser, "h1"))
    site.wait_for(number, "running")
    wait_until("its trap is set", (site.outbox(number) / "up").exists)
    press(browser, "Cancel this job")
    site.wait_for(number, "cancelled")
    wait_until("the page tells", lambda: "cancelled" in shown(browser, "h1"))
    assert "asked to end" in browser.find_element(By.CSS_SELECTOR, "pre").text
