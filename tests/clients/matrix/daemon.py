"""The real secret-proxy, in a folder of its own."""

import json
import os
import re
import subprocess
import time

WITHIN = 20


class Daemon:
    def __init__(self, program, folder, secrets, resolve, upstream_ca):
        self.program, self.dir = program, folder / "dir"
        self.dir.mkdir(mode=0o700)
        text = "".join(f"{name}={value}\n{name}_HOSTS={hosts}\n" for name, value, hosts in secrets)
        (self.dir / "secrets.env").touch(mode=0o600)
        (self.dir / "secrets.env").write_text(text)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "SECRET_PROXY_DIR": str(self.dir),
            "SECRET_PROXY_LISTEN": "127.0.0.1:0", "SECRET_PROXY_RESOLVE": ",".join(resolve),
            "SECRET_PROXY_UPSTREAM_CA": str(upstream_ca), "SECRET_PROXY_ALLOW_NET": "127.0.0.0/8",
        }
        self.out = folder / "daemon.out"
        self.process = subprocess.Popen([program, "run"], env=self.environment, stdin=subprocess.DEVNULL,
                                        stdout=self.out.open("wb"), stderr=subprocess.STDOUT)
        self.port = self._port()

    def _port(self):
        for _ in range(WITHIN * 50):
            if found := re.search(r"listens on 127\.0\.0\.1:(\d+)", self.out.read_text()):
                return int(found[1])
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise SystemExit(f"secret-proxy did not come up: {self.out.read_text()}")

    def command(self, *words):
        done = subprocess.run([self.program, *words], env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout

    def client_variables(self, ca):
        """What a shell has after it read `secret-proxy env`, and the commands that stand there as comments."""
        text = self.command("env", "--port", str(self.port), "--ca", str(ca))
        done = subprocess.run(["sh", "-c", 'eval "$TEXT" && exec env -0'], env={"PATH": "/usr/bin:/bin", "TEXT": text},
                              capture_output=True, text=True, check=True)
        pairs = dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)
        own = {"PATH", "TEXT", "PWD", "_", "SHLVL", "OLDPWD"}
        hints = "\n".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#   "))
        return {name: value for name, value in pairs.items() if name not in own}, hints

    def records(self):
        lines = (self.dir / "audit.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def texts(self):
        """Everything that it wrote, but the secrets."""
        files = [path for path in self.dir.rglob("*") if path.is_file() and path.name != "secrets.env"]
        return {path.name: path.read_text(errors="replace") for path in [*files, self.out]}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
