"""All that the clients meet: origins, the proxy, and a home of their own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import trustme

from . import grpc_origin, origin, repository
from .daemon import Daemon
from .origin import DIRECT
from .record import Record


@dataclass
class Direct:
    host: str
    url: str
    ca: Path


class World:
    def __init__(self, program, tools, rows):
        self.tools, self.rows = tools, rows
        self.folder = Path(tempfile.mkdtemp(prefix="sp"))
        self.record = Record()
        self.path = search_path(tools)
        self._ends = [lambda: shutil.rmtree(self.folder, ignore_errors=True)]
        try:
            self._start(program)
        except BaseException:
            self.stop()
            raise

    def _start(self, program):
        certificate, key, ca = self._certificate()
        ports = self._origins(certificate, key)
        secrets = [(row.secret, row.value, row.host) for row in self.rows]
        resolve = [
            entry for row in self.rows
            for entry in (f"{row.host}:443:127.0.0.1:{ports[row.server]}", f"{row.thief}:443:127.0.0.1:{ports['http']}")
        ]
        self.daemon = Daemon(program, self.folder, secrets, resolve, ca)
        self._ends.append(self.daemon.stop)
        self.ca = self.folder / "secret-proxy-ca.pem"
        self.ca.write_text(self.daemon.command("ca", "export"))
        self.variables, self.hints = self.daemon.client_variables(self.ca)
        self.other_ca, both = ca, self.folder / "both.pem"
        both.write_bytes(ca.read_bytes() + self.ca.read_bytes())
        self.direct = Direct(DIRECT, f"https://{DIRECT}:{ports.get('direct')}", both)

    def _certificate(self):
        authority = trustme.CA()
        names = [host for row in self.rows for host in (row.host, row.thief)] + [DIRECT]
        leaf = authority.issue_cert(*dict.fromkeys(names))
        certificate, key, ca = (self.folder / name for name in ("origin.pem", "origin.key", "origin-ca.pem"))
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        key.write_bytes(leaf.private_key_pem.bytes())
        ca.write_bytes(authority.cert_pem.bytes())
        return certificate, key, ca

    def _origins(self, certificate, key):
        repositories = self.folder / "repositories"
        for row in self.rows:
            row.seen = self.folder / f"{row.name}.seen"
            row.seen.touch()
            if row.server == "git":
                (repositories / row.name).mkdir(parents=True)
                repository.make(repositories / row.name)
        sockets = {"http": listener("127.0.0.1")}
        # Elsewhere there is one loopback address.
        if sys.platform == "linux":
            sockets["direct"] = listener(DIRECT)
        ports = {name: it.getsockname()[1] for name, it in sockets.items()}
        servers = origin.Origin(self.record, self.rows, repositories)
        self._ends.append(origin.start(servers, list(sockets.values()), certificate, key))
        server, port = grpc_origin.start(self.record, self.rows, certificate, key)
        self._ends.append(lambda: server.stop(None).wait(5))
        return ports | {"git": ports["http"], "grpc": port}

    def new_home(self, row):
        """Empty, so that nothing is served from a cache; and nothing is left of the run before."""
        row.seen.write_bytes(b"")
        return Path(tempfile.mkdtemp(prefix=f"{row.name}-", dir=self.folder))

    def environment(self, row, home):
        """What a client has besides the variables of `secret-proxy env`."""
        return {
            "PATH": self.path, "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8",
            # What the scripts of the rows need.
            "CA": str(self.ca), "PROXY": f"http://127.0.0.1:{self.daemon.port}", "HINTS": self.hints,
            "SEEN": str(row.seen), "NODE_PATH": str(self.tools / "npm/node_modules"),
            "GOCACHE": str(self.tools / "go"), "GO111MODULE": "off", "GOTOOLCHAIN": "local",
        }

    def texts(self):
        """Whatever a client printed or left in its home, and whatever the proxy wrote."""
        for path in self.folder.rglob("*"):
            # Sockets and the like of a browser have no text.
            if path.is_file() and not path.is_relative_to(self.daemon.dir) and "repositories" not in path.parts:
                yield f"{path.relative_to(self.folder)}", path.read_bytes()
        yield "the variables", str(self.variables).encode()
        for name, text in self.daemon.texts().items():
            yield name, text.encode()

    def stop(self):
        for end in reversed(self._ends):
            end()


def listener(address):
    server = socket.create_server((address, 0))
    server.setblocking(False)
    return server


def search_path(tools):
    """The pinned clients first, then the system's: not what somebody put in between."""
    folders = [tools / "bin", tools / "venv/bin"]
    if rustc := shutil.which("rustc"):
        done = subprocess.run([rustc, "--print", "sysroot"], capture_output=True, text=True)
        folders.append(Path(done.stdout.strip()) / "bin")
    return os.pathsep.join([*map(str, folders), "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
