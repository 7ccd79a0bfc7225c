"""Runs the client of a row, and checks what it did against what everybody else saw."""

import os
import signal
import subprocess

WITHIN = 120


class Failed(Exception):
    pass


def check(good, what):
    if not good:
        raise Failed(what)


class Driver:
    def __init__(self, world):
        self.world = world

    def drive(self, row):
        """Everything that is claimed of a client; the sentence for its row."""
        check(row.problem() is None, row.problem())
        hints = self.world.hints.replace(str(self.world.ca), "$CA")
        check("hint" not in row.head or row.line in hints, f"secret-proxy env has no comment with: {row.line}")
        if row.goes_around:
            return self.goes_around(row)
        everything = self.world.variables
        alone = {name: value for name, value in everything.items() if name in row.declared()}
        for http in row.versions:
            self.is_served(row, http, everything, "all variables")
            self.is_served(row, http, alone, "only " + " ".join(sorted(alone)))
            self.is_refused(row, http, everything)
        self.trusts_by_that_alone(row, row.versions[0])
        return "works"

    def is_served(self, row, http, variables, with_what):
        """The value arrives at the origin, over this protocol, and the placeholder does not."""
        before, records = len(self.arrived(row)), self.records(row, row.host, blocked=False)
        status, tale = self.run(row, f"https://{row.host}", http, variables)
        tale = f"HTTP/{http}, {with_what}: {tale}"
        check(status == "200", tale)
        arrived = self.arrived(row)[before:]
        check(arrived, f"the value did not arrive, {tale}")
        spoken = {request.http for request in arrived}
        check(spoken == {http}, f"the origin was spoken to in HTTP/{spoken}, {tale}")
        check(self.records(row, row.host, blocked=False) > records, f"no record, {tale}")

    def is_refused(self, row, http, variables):
        """A host that is not listed gets neither the value nor the placeholder, and the client sees a 403."""
        records = self.records(row, row.thief, blocked=True)
        status, tale = self.run(row, f"https://{row.thief}", http, variables)
        check(status == "403", f"theft: {tale}")
        check(self.records(row, row.thief, blocked=True) > records, f"no record of the theft, {tale}")
        for request in self.world.record.sent_to(row.thief):
            check(not request.holds(row.value) and not request.holds("{{"), f"the thief got {request}")

    def trusts_by_that_alone(self, row, http):
        """With another authority's certificate in the place of the proxy's, nothing is sent."""
        before = len(self.arrived(row))
        status, tale = self.run(row, f"https://{row.host}", http, self.world.variables, self.world.other_ca)
        check(status != "200" and len(self.arrived(row)) == before, f"it trusts whatever it meets: {tale}")

    def goes_around(self, row):
        """The placeholder itself arrives at an origin that can be reached without the proxy."""
        direct = self.world.direct
        status, tale = self.run(row, direct.url, "1.1", self.world.variables | {"NODE_EXTRA_CA_CERTS": str(direct.ca)})
        check(status == "200", tale)
        arrived = self.world.record.sent_to(direct.host)
        check(any(request.holds(row.placeholder) for request in arrived), f"it did not arrive: {tale}")
        check(not self.records(row, direct.host, blocked=True), f"it went through the proxy: {tale}")
        return "**bypasses the proxy**"

    def arrived(self, row):
        """What holds the row's value, which only it may be sent."""
        found = [request for request in self.world.record.all() if request.holds(row.value)]
        stray = [request for request in found if request.host != row.host]
        check(not stray, f"the value is at {stray}")
        placeholders = [request for request in self.world.record.sent_to(row.host) if request.holds("{{")]
        check(not placeholders, f"a placeholder arrived: {placeholders}")
        return found

    def records(self, row, host, blocked):
        """How many there are."""
        wanted = (host, [row.secret], blocked)
        records = self.world.daemon.records()
        return sum((it.get("host"), it.get("secrets"), it.get("blocked")) == wanted for it in records)

    def run(self, row, url, http, variables, ca=None):
        """The last line that the client printed, and all for the tale."""
        home = self.world.new_home(row)
        environment = self.world.environment(row, home) | variables
        if ca:
            environment = {name: text.replace(str(self.world.ca), str(ca)) for name, text in environment.items()}
        words = [*row.command(), url, row.placeholder, http]
        with (home / "output").open("w+b") as output:
            child = subprocess.Popen(words, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = child.wait(WITHIN)
            except subprocess.TimeoutExpired:
                code = "none in time"
            end_group(child)
            output.seek(0)
            text = output.read().decode(errors="replace")
        lines = text.split("\n")
        status = next((line.strip() for line in reversed(lines) if line.strip()), "")
        tale = f"{row.path.name} {url}: exit code {code}, printed:\n{text[-4000:]}"
        return (status if code == 0 else None), tale


def end_group(child):
    """A browser leaves helpers behind."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
