"""The pages by keyboard, by screen reader, in bad light, on a phone, and enlarged: in a real browser, measured."""

import pytest

from senses import BARE_LINKS, FAINT_EDGES, FAINT_TEXTS, FOCUSED, SMALL_TARGETS, START_AT_THE_TOP, STOPS, TOO_WIDE
from site_scripts import SCRIPTS
from site_under_test import wait_until
from tour import FAILS, FIELDS, FORM, PAGES, SWEEP, World


@pytest.fixture(scope="module")
def world(make_site):
    site = make_site(
        scripts={**SCRIPTS, "form.sh": FORM, "fails.sh": FAILS, "sweep.sh": SWEEP, "small.fa": ">a\nA\n"},
        settings={"machine_cpus": 8, "machine_memory": "4G", "default_cpus": 1, "kill_grace": 0})
    world = World(site)
    yield world
    world.browser.quit()


@pytest.fixture(scope="module", params=list(PAGES))
def page(request, world):
    """Each page in turn, for all tests that look at it."""
    PAGES[request.param](world)
    world.senses.name = request.param
    return world.senses


ROLES = {
    "a": "link", "button": "button", "summary": "DisclosureTriangle", "textarea": "textbox", "select": "combobox",
    "fieldset": "group", "optgroup": "group", "img": "image",
}
ROLES_OF_INPUTS = {"checkbox": "checkbox", "file": "button", "number": "spinbutton", "date": "Date", "search": "searchbox"}


def role_of(element):
    """What an element has to be told as; `None` for what only holds others."""
    if element.tag == "input":
        return ROLES_OF_INPUTS.get(element.attributes.get("type"), "textbox")
    return "listbox" if element.tag == "select" and "multiple" in element.attributes else ROLES.get(element.tag)


def test_everything_that_can_be_used_has_a_name_and_its_role(page):
    for element in page.elements():
        role = role_of(element)
        if role and element.node:
            assert element.node.role == role and element.node.name, (element, element.node)
    for node in page.nodes():
        if node.properties.get("focusable") and node.role not in ["RootWebArea", "alert"]:
            assert node.name and node.role not in ["generic", "none"], node
        if node.role in ["region", "columnheader", "rowheader"]:
            assert node.name, node
    # What is hidden from some is hidden from all, and nothing jumps the queue.
    odd = "[aria-hidden], [role=presentation], [role=none], [tabindex]:not([tabindex='0'], [tabindex='-1'])"
    assert page.measure(f'return document.querySelectorAll("{odd}").length') == 0


def test_headings_are_in_order(page):
    levels = [node.properties["level"] for node in page.nodes() if node.role == "heading"]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels


def test_the_page_has_its_parts_its_language_and_its_title(page):
    nodes = page.nodes()
    roles = [node.role for node in nodes]
    assert roles.count("main") == 1
    assert page.measure("return document.documentElement.lang") == "en"
    assert page.measure("return document.title").endswith(" – ScriptRunner")
    if page.name != "not found by the web server":
        assert roles.count("banner") == roles.count("contentinfo") == 1
        names = [node.name for node in nodes if node.role == "navigation"]
        expected = {"Footer"} if page.name == "not found" else {"Main", "Footer"}
        assert expected <= set(names) and len(set(names)) == len(names)


def test_pictures_and_badges_speak_in_words(page):
    pictures = page.measure("return [...document.querySelectorAll('img')].map((one) => one.getAttribute('alt'))")
    badges = page.measure("return [...document.querySelectorAll('.state')].map((one) => one.textContent.trim())")
    assert None not in pictures and "" not in badges
    assert page.measure(BARE_LINKS) == []


def test_what_is_said_of_a_field_is_tied_to_it(page):
    told = " ".join(" ".join(node.description for node in page.nodes()).split())
    sentences = page.measure(
        "return [...document.querySelectorAll('.field .help, .field .problem')].filter(isSeen).map((one) => one.textContent)")
    assert [sentence for sentence in sentences if " ".join(sentence.split()) not in told] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out(page, scheme):
    page.prefer(color_scheme=scheme, reduced_motion="reduce")
    try:
        count, faint = page.measure(FAINT_TEXTS)
        assert count >= 2 and faint == [] and page.measure(FAINT_EDGES) == []
        with page.pointing_at("a, button, .button, tr, li"):
            assert page.measure(FAINT_TEXTS)[1] == []
    finally:
        page.prefer()


def test_nothing_moves_for_whoever_wants_it_still(page):
    page.prefer(reduced_motion="reduce")
    try:
        assert page.measure("return document.getAnimations().length") == 0
    finally:
        page.prefer()


@pytest.mark.parametrize("width", [320, 1400])
def test_the_keyboard_goes_through_the_page_and_is_seen(page, width):
    page.resize(width)
    try:
        page.measure(START_AT_THE_TOP)
        stops = page.measure(STOPS)
        visited = []
        while len(visited) < len(stops):
            page.press_tab()
            focused = page.measure(FOCUSED)
            # A field of several parts, such as a day, is passed through.
            if visited and focused and focused["place"] == visited[-1]["place"]:
                continue
            assert focused, [stop["told"] for stop in visited]
            visited.append(focused)
        assert [stop["told"] for stop in visited] == stops
        for stop in visited:
            assert stop["outline"] >= 2 and stop["contrast"] >= 3 and stop["isInView"], stop
        if width == 320:
            rows = visited[1:]  # the link to the content is shown only while it has the focus
            assert [after["told"] for before, after in zip(rows, rows[1:]) if after["bottom"] <= before["top"]] == []
    finally:
        page.resize(1400)


def test_everything_can_be_hit_with_a_finger(page):
    for width in [320, 1400]:
        page.resize(width)
        assert page.measure(SMALL_TARGETS) == []


# As they are set for whoever wants all letters larger.
LARGE, NORMAL = {"standard": 32, "fixed": 26}, {"standard": 16, "fixed": 13}
SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"


@pytest.mark.parametrize("width, letters, style", [
    (320, NORMAL, ""), (640, NORMAL, ""), (1297, NORMAL, ""), (1280, LARGE, ""), (320, NORMAL, SPACED),
], ids=["a phone", "enlarged", "a small screen", "large letters", "letters apart"])
def test_nobody_scrolls_sideways(page, width, letters, style):
    page.resize(width)
    page.command("Page.setFontSizes", fontSizes=letters)
    page.browser.execute_script(
        "const sheet = new CSSStyleSheet(); sheet.replaceSync(arguments[0]); document.adoptedStyleSheets = [sheet]", style)
    try:
        size = page.measure("return parseFloat(getComputedStyle(document.body).fontSize)")
        spacing = page.measure("return getComputedStyle(document.body).letterSpacing")
        assert (size, spacing != "normal") == (letters["standard"], style != "")
        assert page.measure(TOO_WIDE) == []
    finally:
        page.measure("document.adoptedStyleSheets = []")
        page.command("Page.setFontSizes", fontSizes=NORMAL)
        page.resize(1400)


def test_a_table_stays_one_on_a_narrow_page(page):
    tables = page.measure("return document.querySelectorAll('table').length")
    for width in [320, 1400]:
        page.resize(width)
        roles = [node.role for node in page.nodes()]
        assert roles.count("table") == tables and (not tables or {"row", "rowheader", "cell"} <= set(roles))


# States


STATES = [
    "queued", "starting", "running", "stopping", "succeeded", "failed", "cancelled", "timed_out", "out_of_memory",
    "output_limit", "lost",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_stands_out_wherever_it_is_shown(world, scheme):
    world.show("/")
    world.senses.prefer(color_scheme=scheme, reduced_motion="reduce")
    parts = [
        f"<p><span class='state {state}'>{state}</span></p><section class='standing {state}'><dl><div><dt>Since</dt>"
        f"<dd>now</dd></div></dl><p class=reason>why</p></section>"
        for state in STATES
    ]
    world.browser.execute_script("document.querySelector('main').innerHTML = arguments[0]", "".join(parts))
    try:
        count, faint = world.senses.measure(FAINT_TEXTS)
        assert count > 4 * len(STATES) and faint == []
        # A shape besides the colour.
        shapes = world.senses.measure("""return [...document.querySelectorAll(".state")].map((badge) => {
            const { width, height, borderRadius, borderTopWidth } = getComputedStyle(badge, "::before");
            return [parseFloat(width) > 3 && parseFloat(height) > 3, borderRadius + borderTopWidth];
        })""")
        assert all(is_there for is_there, _ in shapes) and len({shape for _, shape in shapes}) >= 3
    finally:
        world.senses.prefer()


def test_what_moves_is_still_for_whoever_wants_it_so(world):
    world.show(f"/jobs/{world.running}", world.ada)
    assert world.senses.measure("return document.getAnimations().length") > 0


# Forms


def fields(senses):
    """The controls of each parameter."""
    found = {}
    for element in senses.elements():
        kind, _, name = element.attributes.get("name", "").partition("_")
        if kind in ["param", "upload"] and element.node:
            found.setdefault(name, []).append(element)
    return found


def groups(senses):
    """The groups of fields, by the first word of their names, which is the parameter's."""
    return {node.name.split()[0]: node for node in senses.nodes() if node.role == "group" and node.name}


# With and without the page's script. A field that is not always asked for is required only once it is known to be.
@pytest.mark.parametrize("has_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_form_tells_what_each_field_is_and_whether_it_is_needed(world, has_script):
    world.senses.command("Emulation.setScriptExecutionDisabled", value=not has_script)
    try:
        world.show("/submit/form.sh", world.ada)
        if has_script:
            assert not {"seed", "where"} & set(fields(world.senses))
            world.show_whole_form()
        found = fields(world.senses)
    finally:
        world.senses.command("Emulation.setScriptExecutionDisabled", value=False)
    expected = {name: (role, needed) for name, (role, needed, _, _) in FIELDS.items()}
    expected |= {"seed": ("spinbutton", has_script), "where": ("textbox", has_script)}
    for name, (role, is_required) in expected.items():
        node = found[name][0].node
        assert node.role == role and "aria-invalid" not in found[name][0].attributes, (name, node)
        assert ("required" in found[name][0].attributes) == is_required, name
        # Of others, Chromium's tree does not say it.
        if role in ["textbox", "spinbutton"]:
            assert bool(node.properties.get("required")) == is_required, (name, node)
    named = groups(world.senses)
    for name in ["reference", "reads", "sets", "scan"]:
        assert named[name].name == f"{name} required"
    assert named["extra"].name == "extra optional"
    assert named["sets"].description.startswith("what to compare") and "at most 1 KiB" in named["reference"].description
    assert "Only if mode is Slow, exact." in found["seed"][0].node.description


def wait_for_the_alert(world):
    """It gets the focus once the page is drawn."""

    def has_focus():
        return [node.role for node in world.senses.nodes() if node.properties.get("focused")][-1:] == ["alert"]

    wait_until("the alert has the focus", has_focus)


def test_a_refused_form_leads_to_each_problem(world):
    world.refuse_form()
    wait_for_the_alert(world)
    found, named = fields(world.senses), groups(world.senses)
    for name, (_, _, _, sentence) in FIELDS.items():
        for node in [element.node for element in found[name]]:
            assert node.properties.get("invalid") == "true" and sentence in node.description, (name, node)
        if name in named:
            assert sentence in named[name].description
    for name in ["keep", "extra"]:
        assert found[name][0].node.properties.get("invalid", "false") == "false"
    # Each link of the alert leads into the field that it names.
    links = world.browser.find_elements("css selector", "[role=alert] a")
    assert sorted(link.text for link in links) == sorted(FIELDS)
    for link in links:
        link.click()
        wait_until(f"{link.text} has the focus", lambda name=link.text: focused(world).endswith(f"_{name}"))


def focused(world):
    """The name of the field that has the focus."""
    return world.senses.measure("return document.activeElement.name ?? ''")


@pytest.mark.parametrize("refuse, invalid, sentence", [
    (World.refuse_sign_in, ["login", "password"], "do not belong together"),
    (World.refuse_sign_up, ["new-password"], "at least 8 characters"),
    (World.refuse_password, ["password"], "The present password is not right."),
])
def test_a_short_form_that_is_refused_says_what_is_wrong_with_which_field(world, refuse, invalid, sentence):
    refuse(world)
    wait_for_the_alert(world)
    wrong = [element for element in world.senses.elements() if element.node and element.node.properties.get("invalid") == "true"]
    assert [element.attributes["id"] for element in wrong] == invalid
    assert all(sentence in element.node.description for element in wrong)


def test_what_came_of_a_long_upload_takes_the_focus(world, folder):
    world.show("/submit/form.sh", world.ada)
    (folder / "long.fa").write_bytes(b"x" * 1_100_000)
    # The second time the page is one that a script has put together.
    for _ in range(2):
        world.browser.find_element("name", "upload_reference").send_keys(str(folder / "long.fa"))
        world.send("Submit job")
        wait_for_the_alert(world)
        assert "long.fa" in fields(world.senses)["reference"][0].node.description
