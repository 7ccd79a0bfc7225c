"""A computer of its own for each page: namespaces with loopback alone, a home folder, the checkout, and an
internet of three hosts. What is written lands in memory, and processes end with it."""

import array
import base64
import fcntl
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOSTS = ["api.anthropic.com", "example.com", "github.com"]
ANSWERING = 8443
SECRETS = {"ANTHROPIC_API_KEY": ("sk-ant-of-the-docs", "api.anthropic.com"),
           "GITHUB_TOKEN": ("ghp-of-the-docs", "github.com")}
BASE = Path("/run/docs")
HOME = Path("/home/YOU")


def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60, **more)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, array.array("b", name + bytes(32)))  # SIOCSIFFLAGS


def overlay(path):
    """From now on changes below `path` are kept in memory."""
    name = path.strip("/").replace("/", "-")
    upper, work = BASE / "upper" / name, BASE / "work" / name
    upper.mkdir(parents=True)
    work.mkdir(parents=True)
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={path},upperdir={upper},workdir={work}", path)


def lay_out(root):
    loopback_up()
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for path in ["/etc", "/home", "/usr/local/share", str(root)]:
        overlay(path)
    temporary = BASE / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    if root.is_relative_to("/tmp"):
        kept = temporary / root.relative_to("/tmp")
        kept.mkdir(parents=True)
        run("mount", "--rbind", str(root), str(kept))
        # What was mounted below stays visible under the new /tmp.
        run("mount", "--rbind", str(temporary), "/tmp")
    else:
        run("mount", "--bind", str(temporary), "/tmp")
    for folder in [HOME, Path("/home/vm"), BASE / "loaded", BASE / "bin"]:
        folder.mkdir(parents=True)
    (HOME / ".cargo/bin").mkdir(parents=True)


def secrets_text():
    return "".join(f"{name}={value}\n{name}_HOSTS={hosts}\n" for name, (value, hosts) in SECRETS.items())


def variables(root):
    """What the reader's shell has. The last four make the internet of three hosts."""
    cargo = Path(shutil.which("cargo") or "/usr/bin/cargo").parent
    home = os.environ.get("HOME", "/root")
    return {
        "HOME": str(HOME), "USER": "YOU", "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": "/run/user/0", "EDITOR": "nano",
        "PATH": f"{BASE}/bin:{root}/tests/docs/fakes:{HOME}/.cargo/bin:{cargo}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "CARGO_HOME": os.environ.get("CARGO_HOME", f"{home}/.cargo"),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", f"{home}/.rustup"),
        "CARGO_INSTALL_ROOT": f"{HOME}/.cargo", "CARGO_NET_OFFLINE": "true",
        "SECRETS_OF_THE_DOCS": secrets_text(),
        "SECRET_PROXY_UPSTREAM_CA": f"{BASE}/ca.pem", "SECRET_PROXY_ALLOW_NET": "127.0.0.0/8",
        "SECRET_PROXY_RESOLVE": ",".join(f"{host}:443:127.0.0.1:{ANSWERING}" for host in HOSTS),
    }


class Internet:
    """Answers for all hosts, and remembers what it was sent."""

    def __init__(self):
        self.seen = []
        certify()
        self.repository = make_repository()
        internet = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                internet.seen.append((self.headers["host"], dict(self.headers)))
                body, known = internet.answer(self), self.headers["authorization"] or self.headers["host"] != "github.com"
                self.send_response((200 if body is not None else 404) if known else 401)
                if not known:
                    self.send_header("www-authenticate", 'Basic realm="github.com"')
                self.send_header("content-length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.do_GET()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", ANSWERING), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(BASE / "internet.pem", BASE / "internet.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def answer(self, request):
        if request.headers["host"] != "github.com":
            return json.dumps({"content": [{"type": "text", "text": "Hi"}]}).encode()
        path = self.repository / request.path.split("?")[0].removeprefix("/YOU/REPOSITORY/")
        return path.read_bytes() if path.is_file() else None

    def was_sent(self, name):
        value = SECRETS[name][0]
        basic = base64.b64encode(f"x-access-token:{value}".encode()).decode()
        return any(value in field or basic in field for _, fields in self.seen for field in fields.values())


def certify():
    """An authority, which the proxy is told to trust, and a certificate of it for all hosts."""
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run("openssl", "req", "-x509", *made, "-subj", "/CN=the internet of the docs",
        "-keyout", str(BASE / "ca.key"), "-out", str(BASE / "ca.pem"))
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    run("openssl", "req", "-x509", *made, "-subj", "/CN=all hosts", "-addext", f"subjectAltName={names}",
        "-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(BASE / "ca.pem"), "-CAkey", str(BASE / "ca.key"),
        "-keyout", str(BASE / "internet.key"), "-out", str(BASE / "internet.pem"))


def make_repository():
    """A repository that is served as plain files."""
    source, bare = BASE / "source", BASE / "bare"
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    run("git", "init", "-q", str(source))
    (source / "README").write_text("hello\n")
    run("git", "-C", str(source), "add", "README")
    run("git", "-C", str(source), *author, "commit", "-qm", "hello")
    run("git", "clone", "-q", "--bare", str(source), str(bare))
    run("git", "-C", str(bare), "update-server-info")
    return bare
