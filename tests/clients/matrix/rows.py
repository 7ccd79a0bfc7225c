"""A row of the matrix: a file of rows/, whose head says in `word: text` lines what is claimed of the client."""

import json
import re
import secrets
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

INTERPRETERS = {
    ".sh": ["sh", "-eu"],
    # Some files are called as the module that they import.
    ".py": ["python3", "-P"],
    ".cjs": ["node"],
    ".mjs": ["bun", "run"],
    ".mts": ["deno", "run", "--quiet", "--allow-all"],
    ".rb": ["ruby"],
    ".go": ["go", "run"],
    # It runs once: compiling it well would take longer.
    ".java": ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
}
WORDS = {"client", "needs", "version", "with", "server", "host", "http", "proxy", "ca", "line", "hint", "note"}


class Row:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        head = re.findall(r"^(?:#|//) (\w+): (.+)$", path.read_text(), re.MULTILINE)
        self.head = {word: text.strip() for word, text in head if word in WORDS}
        self.client = self.head["client"]
        self.secret = re.sub(r"\W", "_", self.name).upper()
        self.placeholder = "{{" + self.secret + "}}"
        # Well-formed for all who look at it, and found by a search in any text.
        self.value = "sk-" + secrets.token_hex(20)
        self.host = self.head.get("host", f"{self.name.replace('_', '-')}.clients.test")
        self.thief = f"{self.name.replace('_', '-')}.thief.test"
        self.versions = self.head["http"].split()
        self.server = self.head.get("server", "http")
        self.line = self.head.get("line")
        # A client that bypasses the proxy is a row too: users must know such clients.
        self.goes_around = self.versions == ["none"]
        self.seen = None

    def problem(self):
        """What is wrong with the file itself."""
        body = re.sub(r"^(#|//) .*$", "", self.path.read_text(), flags=re.MULTILINE)
        if self.line and self.line not in body:
            return f"the line that a user must set does not stand in it: {self.line}"
        return None

    def command(self):
        return [*self.head.get("with", " ".join(INTERPRETERS[self.path.suffix])).split(), str(self.path)]

    def missing(self, path):
        """The first thing it needs that is not there."""
        if self.goes_around and sys.platform != "linux":
            return "a second loopback address"
        programs = [self.command()[0], *self.head.get("needs", "").split()]
        return next((program for program in programs if not shutil.which(program, path=path)), None)

    def declared(self):
        """The variables by which the client is said to find the proxy and the CA."""
        return {word.strip("`,") for key in ("proxy", "ca") for word in self.head[key].split()}

    def is_pinned(self):
        return not self.head["version"].startswith("run ")

    def version(self, tools, environment):
        kind, *words = self.head["version"].split()
        if kind == "pip":
            return metadata.version(words[0])
        if kind == "npm":
            return json.loads((tools / "npm/node_modules" / words[0] / "package.json").read_text())["version"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        return re.search(r"\d+\.\d+", done.stdout + done.stderr)[0]


def read_all(folder):
    return [Row(path) for path in sorted(Path(folder).iterdir()) if path.suffix in INTERPRETERS]
