"""The commands of docs/quickstart.md, as an administrator reads them.

An indented block is what stands on the screen: a line that begins with "# " is typed, the others are what it says. A block
without such a line is the text of a file, which the paragraph above it names in backquotes.
"""
import pathlib
import re


class Block:
    def __init__(self, before, lines):
        self.before, self.lines = before, lines

    def command(self):
        return self.lines[0][2:] if self.lines[0].startswith("# ") else None

    def commands(self):
        """Each command with the lines that it says."""
        found = []
        for line in self.lines:
            if line.startswith("# "):
                found.append((line[2:], []))
            elif found:
                found[-1][1].append(line)
        return found

    def file(self):
        return None if self.commands() else re.findall(r"`(/[^`]+)`", self.before)[0]


def blocks(page):
    """The page's blocks in order, each with the paragraph before it."""
    found, paragraph, lines, apart = [], "", [], True
    for line in [*pathlib.Path(page).read_text().splitlines(), "end"]:
        if line.startswith("    ") or (lines and not line):
            lines.append(line[4:])
        elif lines:
            while not lines[-1]:
                lines.pop()
            found.append(Block(paragraph, lines))
            paragraph, lines, apart = line + "\n", [], False
        else:
            if line:
                paragraph = line + "\n" if apart else paragraph + line + "\n"
            apart = not line
    return found


def shape(line):
    """The words of a line of output that are the same on every machine."""
    words = line.split()
    return " ".join(words[:2] if words[:1] == ["ok"] else words[:1])
