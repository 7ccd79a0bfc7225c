"""A git repository behind git's own http-backend."""

import os
import subprocess
from pathlib import Path


def make(folder):
    """An empty repository that may be pushed to, with one commit in it."""
    bare, work = Path(folder) / "repo.git", Path(folder) / "work"
    # Nothing of the settings of whoever runs this has a say.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    run = lambda *words: subprocess.run(["git", *words], check=True, capture_output=True, env=environment)
    run("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    run("-C", str(bare), "config", "http.receivepack", "true")
    run("init", "--quiet", "--initial-branch=main", str(work))
    author = ["-c", "user.name=me", "-c", "user.email=me@example.test"]
    run("-C", str(work), *author, "commit", "--quiet", "--allow-empty", "--message=first")
    run("-C", str(work), "push", "--quiet", str(bare), "main")
    return folder


def backend(folder, request, query, body):
    """(status, fields, body) of one request, by the rules of CGI."""
    field = dict(request.fields)
    environment = {
        "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(folder), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "me",
        "REQUEST_METHOD": "POST" if field.get("content-type", "").startswith("application/x-git") else "GET",
        "PATH_INFO": request.path, "QUERY_STRING": query, "CONTENT_TYPE": field.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": field.get("content-encoding", ""),
        "GIT_PROTOCOL": field.get("git-protocol", ""),
    }
    done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True)
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    fields = [line.split(b": ", 1) for line in head.split(b"\r\n")]
    status = next((int(value.split()[0]) for name, value in fields if name == b"Status"), 200)
    return status, [(name.lower(), value) for name, value in fields if name != b"Status"], rest
