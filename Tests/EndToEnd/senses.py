"""A page as people meet it who do not see it, see little, or have no mouse: through the browser's accessibility tree, and
by measuring what it paints."""

import contextlib

# What the measurements share. Colours come as the browser computed them.
TOOLS = r"""
const isSeen = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 1 && height > 1 && element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
};
const told = (element) => `${element.localName} ${element.id} ${element.className} "${element.textContent.trim().slice(0, 30)}"`;
const parse = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+(e-?\d+)?/g).map(Number);
    const scale = text.startsWith("color(") ? 255 : 1;
    return [red * scale, green * scale, blue * scale, alpha];
};
const over = ([r, g, b, a], below) => [r, g, b].map((part, place) => part * a + below[place] * (1 - a));
const backdrop = (element) => {
    const layers = [];
    for (let place = element; place; place = place.parentElement) {
        layers.push(parse(getComputedStyle(place).backgroundColor));
    }
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return layers.reduceRight((below, layer) => over(layer, below), canvas);
};
const luminance = (colour) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
};
const opacity = (element) => {
    let all = 1;
    for (let place = element; place; place = place.parentElement) all *= getComputedStyle(place).opacity;
    return all;
};
const against = (colour, element) => {
    const [r, g, b, a] = parse(colour);
    const below = backdrop(element);
    return contrast(over([r, g, b, a * opacity(element)], below), below);
};
"""

# Every text that can be read, and what its letters stand out by; values, placeholders and what the style sheet adds count.
FAINT_TEXTS = r"""
const found = [];
let count = 0;
for (const element of document.querySelectorAll("body, body *")) {
    if (!isSeen(element) || element.matches(":disabled")) continue;
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const looks = [];
    if (hasText || element.matches("input:not([type=checkbox]), select, textarea, button")) looks.push(null);
    for (const pseudo of ["::before", "::after"]) {
        const { content } = getComputedStyle(element, pseudo);
        if (!["none", "normal", '""'].includes(content) && !content.startsWith('"" /')) looks.push(pseudo);
    }
    if (element.matches("[placeholder]")) looks.push("::placeholder");
    if (element.matches("[type=file]")) looks.push("::file-selector-button");
    for (const look of looks) {
        const style = getComputedStyle(element, look);
        const below = look ? over(parse(style.backgroundColor), backdrop(element)) : backdrop(element);
        const [r, g, b, a] = parse(style.color);
        const ratio = contrast(over([r, g, b, a * opacity(element)], below), below);
        count += 1;
        if (ratio < 4.5) found.push(`${told(element)}${look ?? ""}: ${ratio.toFixed(2)}`);
    }
}
return [count, found];
"""

# The edges of what is filled in, without which nobody sees where.
FAINT_EDGES = r"""
return [...document.querySelectorAll("input:not([type=checkbox]), select, textarea")].filter(isSeen)
    .filter((control) => against(getComputedStyle(control).borderTopColor, control.parentElement) < 3).map(told);
"""

# Links within a sentence do not differ from it by their colour alone.
BARE_LINKS = r"""
return [...document.querySelectorAll("main a")].filter(isSeen).filter((link) => {
    const isInText = [...link.parentElement.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    return isInText && !getComputedStyle(link).textDecorationLine.includes("underline");
}).map(told);
"""

# What is smaller than a finger hits. A link within a sentence may be as high as its line.
SMALL_TARGETS = r"""
const found = [];
for (const element of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
    if (!isSeen(element)) continue;
    const isInText = getComputedStyle(element).display === "inline"
        && [...element.parentElement.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (isInText) continue;
    // A label is a part of its box, and some links cover all of what they stand in.
    const covers = getComputedStyle(element, "::after").position === "absolute";
    const target = element.matches("[type=checkbox]") ? element.closest("label") : covers ? element.closest("li") : element;
    const { width, height } = target.getBoundingClientRect();
    if (Math.min(width, height) < 24) found.push(`${told(element)} ${width} x ${height}`);
}
return found;
"""

# What reaches beyond the page's right edge.
TOO_WIDE = r"""
const page = document.scrollingElement;
if (page.scrollWidth <= page.clientWidth) return [];
const isBeyond = (element) => isSeen(element) && element.getBoundingClientRect().right > page.clientWidth + 0.5;
const found = [...document.querySelectorAll("body *")].filter(isBeyond);
return [`${page.scrollWidth} instead of ${page.clientWidth}`, ...found.map(told)];
"""

# Has the tab key begin with the page's first stop.
START_AT_THE_TOP = r"""
const { body, activeElement } = document;
activeElement.blur();
body.tabIndex = -1;
body.focus();
body.removeAttribute("tabindex");
"""

# What has the focus: which it is in the page's order, where it is, and how the focus is seen.
FOCUSED = r"""
const element = document.activeElement;
if (!element || element === document.body) return null;
const style = getComputedStyle(element);
const { top, bottom } = element.getBoundingClientRect();
return {
    told: told(element), place: [...document.querySelectorAll("*")].indexOf(element),
    top: top + scrollY, bottom: bottom + scrollY,
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    contrast: against(style.outlineColor, element.parentElement),
    isInView: bottom > 0 && top < innerHeight,
};
"""

# What the tab key leads to, in the page's order.
STOPS = r"""
return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((element) => element.tabIndex >= 0 && !element.disabled && element.checkVisibility()).map(told);
"""


class Node:
    """What assistive technology is told of one thing on the page."""

    def __init__(self, told):
        self.element = told.get("backendDOMNodeId")
        self.role = told.get("role", {}).get("value", "")
        self.name = told.get("name", {}).get("value", "").strip()
        self.description = told.get("description", {}).get("value", "")
        self.properties = {each["name"]: each["value"].get("value") for each in told.get("properties", [])}

    def __repr__(self):
        return f"{self.role} {self.name!r} ({self.description}) {self.properties}"


class Element:
    """An element of the page's source, and the node that stands for it; `None` if it is told to nobody."""

    def __init__(self, told, node):
        self.tag = told["localName"]
        pairs = told.get("attributes", [])
        self.attributes = dict(zip(pairs[::2], pairs[1::2]))
        self.node = node

    def __repr__(self):
        return f"<{self.tag} {self.attributes}>"


class Senses:
    """The page that a browser shows."""

    def __init__(self, browser):
        self.browser = browser

    def command(self, name, **parameters):
        return self.browser.execute_cdp_cmd(name, parameters)

    def measure(self, script):
        return self.browser.execute_script(TOOLS + script)

    def nodes(self):
        """The accessibility tree, without what it passes over."""
        return [Node(told) for told in self.command("Accessibility.getFullAXTree")["nodes"] if not told["ignored"]]

    def elements(self):
        nodes = {node.element: node for node in self.nodes()}
        found = []

        def walk(told):
            if told["nodeType"] == 1:
                found.append(Element(told, nodes.get(told["backendNodeId"])))
            for child in told.get("children", []):
                walk(child)

        walk(self.command("DOM.getDocument", depth=-1)["root"])
        return found

    def prefer(self, **features):
        """Such as `color_scheme="dark"`; without any, as ever."""
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()])

    def resize(self, width, height=600):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    @contextlib.contextmanager
    def pointing_at(self, selector):
        """Has all these look as they do below a mouse."""
        self.command("DOM.enable")
        self.command("CSS.enable")
        try:
            root = self.command("DOM.getDocument")["root"]["nodeId"]
            for node in self.command("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]:
                self.command("CSS.forcePseudoState", nodeId=node, forcedPseudoClasses=["hover"])
            yield
        finally:
            self.command("CSS.disable")
            self.command("DOM.disable")

    def press_tab(self):
        for kind in ["rawKeyDown", "keyUp"]:
            self.command("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
