"""Pages and answers as a browser reads them: by a parser of HTML, and header by header."""

import re
import socket

import html5lib


class Page:
    """An answer's page. Asking for what is not there, or is there twice, is a failure of the test."""

    def __init__(self, answer):
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        self.tree = parser.parse(answer.content, transport_encoding="utf-8")
        # What a strict parser objects to: names of the HTML standard.
        self.errors = [name for _, name, _ in parser.errors]

    def all(self, tag, within=None, **attributes):
        """The elements of this name that have these attributes; `class_` stands for `class`."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        start = self.tree if within is None else within
        return [
            element
            for element in start.iter(tag)
            if all(element.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag, within=None, **attributes):
        found = self.all(tag, within, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}: {text(self.tree)}"
        return found[0]

    @property
    def main(self):
        return text(self.one("main"))

    def form(self, action):
        return self.one("form", action=action)

    def fields(self, action):
        """Name and value of what the form with this action would send, buttons and empty file fields apart."""
        values = {}
        for element in self.form(action).iter():
            name = element.get("name")
            if element.tag == "input" and element.get("type") != "file":
                values[name] = element.get("value", "")
            elif element.tag == "textarea":
                values[name] = text(element)
            elif element.tag == "select":
                options = list(element.iter("option"))
                chosen = [option for option in options if option.get("selected") is not None] or options[:1]
                values[name] = chosen[0].get("value")
        return values

    def alerts(self, within=None):
        return [text(element) for element in self.all("p", within, role="alert")]

    def rows(self):
        """The table's rows as lists of texts."""
        return [[text(cell) for cell in row] for row in self.one("tbody")]


def text(element):
    return "".join(element.itertext())


def values_of(answer, name):
    """All values of a header, as many as there are."""
    return answer.raw.headers.getlist(name)


class RawAnswer:
    """What came back over a bare socket."""

    def __init__(self, received):
        head, _, self.body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/") else None
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if ":" in line]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


def exchange(port, sent, half_close=False, limit=20):
    """Sends these very bytes to the web server and returns what it answers: all that its Content-Length says (it may
    linger for more of a body that it does not want), or all until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=limit) as connection:
        received = b""
        try:
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while not is_whole(received) and (piece := connection.recv(65_536)):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    return received


def is_whole(received):
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
    return bool(end and length and len(body) >= int(length.group(1)))
