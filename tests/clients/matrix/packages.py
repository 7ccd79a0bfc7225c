"""One package, as PyPI, npm and cargo's sparse registries offer it."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import zipfile

NAME = "demo"


def wheel():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = f"{NAME}-1.0.dist-info"
        archive.writestr(f"{NAME}.py", "answer = 42\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return out.getvalue()


def tarball(files):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


WHEEL = wheel()
MODULE = tarball({
    "package/package.json": json.dumps({"name": NAME, "version": "1.0.0"}),
    "package/index.js": "module.exports = 42\n",
})
CRATE = tarball({
    f"{NAME}-1.0.0/Cargo.toml": f'[package]\nname = "{NAME}"\nversion = "1.0.0"\nedition = "2021"\n',
    f"{NAME}-1.0.0/src/lib.rs": "",
})


def answer(host, path):
    """(type, body) of a file of one of the three, or None."""
    wheel_name = f"{NAME}-1.0-py3-none-any.whl"
    files = {
        f"/simple/{NAME}/": ("text/html", lambda: f'<a href="/files/{wheel_name}">{wheel_name}</a>'.encode()),
        f"/files/{wheel_name}": ("application/octet-stream", lambda: WHEEL),
        f"/npm/{NAME}": ("application/json", lambda: json.dumps(manifest(host)).encode()),
        f"/npm/{NAME}/-/{NAME}-1.0.0.tgz": ("application/octet-stream", lambda: MODULE),
        "/index/config.json": ("application/json", lambda: json.dumps(cargo(host)).encode()),
        f"/index/de/mo/{NAME}": ("text/plain", lambda: json.dumps(entry()).encode() + b"\n"),
        f"/crates/{NAME}/1.0.0/download": ("application/octet-stream", lambda: CRATE),
    }
    kind, body = files.get(path, (None, None))
    return (kind, body()) if kind else None


def manifest(host):
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(MODULE).digest()).decode()
    dist = {"tarball": f"https://{host}/npm/{NAME}/-/{NAME}-1.0.0.tgz", "integrity": integrity}
    version = {"name": NAME, "version": "1.0.0", "dist": dist}
    return {"name": NAME, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}


def cargo(host):
    return {"dl": f"https://{host}/crates", "api": f"https://{host}", "auth-required": True}


def entry():
    checksum = hashlib.sha256(CRATE).hexdigest()
    return {"name": NAME, "vers": "1.0.0", "deps": [], "cksum": checksum, "features": {}, "yanked": False}
