"""What a reader of a page would type: its indented blocks, command by command."""

import re
from dataclasses import dataclass


@dataclass
class Command:
    page: str
    line: int
    text: str
    in_vm: bool
    # A look of a table of links, in the page's own order, and not a step.
    look: bool = False

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def blocks(lines):
    """Indented blocks outside of fences, each with its first line's number and whether it is for the VM."""
    fenced, above, block = False, "", []
    for number, line in enumerate([*lines, ""], 1):
        if line.startswith("```"):
            fenced = not fenced
        indented = line.startswith("    ") and not fenced
        if indented and (block or not above.startswith(("-", "|"))):
            block.append((number, line[4:]))
            continue
        if block:
            yield block, above.endswith("In the VM:")
            block, above = [], ""
        if line.strip():
            above = line.strip()


def commands_of(block):
    """A command goes on after a backslash, and to the end of what it is fed with `<<'END'`."""
    taken, end = [], None
    for number, text in block:
        taken.append((number, text))
        found = re.search(r"<<'(\w+)'", text)
        end = end or (found and found[1])
        if end and text != end or text.endswith("\\"):
            continue
        yield taken[0][0], "\n".join(text for _, text in taken)
        taken, end = [], None
    assert not taken, f"a command without its end: {taken}"


def looks(lines):
    """The commands of a table that says how to look at each link."""
    column = None
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        if "how to look" in cells:
            column = cells.index("how to look")
        elif column and line.startswith("|") and len(cells) > column:
            for text in re.findall(r"`([^`]+)`", cells[column]):
                yield number, text.replace("\\|", "|"), cells[column].startswith("in the VM")
        else:
            column = None


def commands(page, text):
    lines = text.splitlines()
    for block, in_vm in blocks(lines):
        for number, command in commands_of(block):
            yield Command(page, number, command, in_vm)


def all_commands(page, text):
    found = list(commands(page, text))
    found += [Command(page, number, command, in_vm, look=True) for number, command, in_vm in looks(text.splitlines())]
    return sorted(found, key=lambda command: command.line)
