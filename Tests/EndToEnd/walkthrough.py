"""Does what a document tells its reader to do: saves its scripts, types its commands, and compares what comes of them."""

import os
import re
import subprocess

from site_under_test import LIMIT, ROOT

# Where a run keeps its outputs: another folder each time.
FOLDER = re.compile(r"/tmp/scriptrunner-run-\w{6}")


def parts(document):
    """The prose and the blocks of a document, in order: pairs of a kind and a text; of prose the kind is empty."""
    for place, text in enumerate(re.split(r"^```(.*\n(?:(?!```).*\n)*)```$", document.read_text(), flags=re.M)):
        kind, _, block = text.partition("\n")
        yield (kind, block) if place % 2 else ("", text)


class Reader:
    """Somebody with an empty folder who follows a document."""

    def __init__(self, folder):
        self.folder = folder
        # The script that the document speaks of.
        self.script = None
        # The folders of runs, as the document has them and as they are.
        self.folders = {}

    def read(self, prose):
        named = re.findall(r"`(\w+\.sh)`", prose)
        self.script = named[-1] if named else self.script

    def save(self, text):
        (self.folder / self.script).write_text(text)

    def amend(self, text):
        """A line about something that the script has already replaces that line; another comes behind its kind."""
        lines = (self.folder / self.script).read_text().splitlines()
        for line in text.splitlines():
            name = subject(line)
            known = [place for place, old in enumerate(lines) if subject(old) == name]
            kin = [place for place, old in enumerate(lines) if subject(old) and (subject(old)[0] == "@") == (name[0] == "@")]
            if known:
                lines[known[0]] = line
            else:
                lines.insert(kin[-1] + 1, line)
        self.save("\n".join(lines) + "\n")

    def type(self, block):
        """Types the commands of a block; what follows each is what it has to print."""
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            for shown, real in self.folders.items():
                command = command.replace(shown, real)
            done = subprocess.run(
                ["bash", "-c", command], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                stdin=subprocess.DEVNULL, timeout=LIMIT, check=False,
                env={"PATH": f"{ROOT}/bin:/usr/local/bin:/usr/bin:/bin", "SCRIPTRUNNER_CONF": f"{self.folder}/none"})
            printed = done.stdout
            for shown, real in zip(FOLDER.findall(expected), FOLDER.findall(printed)):
                self.folders[shown] = real
                printed = printed.replace(real, shown)
            assert printed == expected, f"{command}\nprints\n{printed}instead of\n{expected}"


def subject(line):
    """What an annotation is about: a parameter, or a word with an @."""
    found = re.match(r"##~~ (@?\w+)", line)
    return found and found[1]
