"""A VM that ssh reaches, by the names VM, build-vm and, as one of Lima's, lima-work: a network namespace with an
sshd. Nothing else leads from there to the proxy."""

import subprocess
import time
from pathlib import Path

from world import BASE, HOME, run

ADDRESS = "10.77.0.2"

SSHD = f"""
ListenAddress {ADDRESS}
HostKey {BASE}/ssh/host
AuthorizedKeysFile {BASE}/ssh/reader.pub
PidFile none
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
"""

# What a reader has who can type `ssh build-vm`.
CONFIG = f"""
Host VM build-vm lima-work
    HostName {ADDRESS}
    User vm
    IdentityFile {BASE}/ssh/reader
    UserKnownHostsFile /dev/null
    StrictHostKeyChecking no
    LogLevel ERROR
    BatchMode yes
"""


def start():
    for words in ["netns add vm", "link add to-vm type veth peer name eth0 netns vm", "addr add 10.77.0.1/24 dev to-vm",
                  "link set to-vm up", f"-n vm addr add {ADDRESS}/24 dev eth0", "-n vm link set eth0 up",
                  "-n vm link set lo up"]:
        run("ip", *words.split())
    (BASE / "ssh").mkdir(mode=0o700)
    for name in ["host", "reader"]:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(BASE / "ssh" / name))
    with open("/etc/passwd", "a") as accounts:
        accounts.write("vm:*:0:0::/home/vm:/bin/sh\n")
    Path("/run/sshd").mkdir(mode=0o755)
    (BASE / "ssh/sshd_config").write_text(SSHD)
    subprocess.Popen(["ip", "netns", "exec", "vm", "/usr/sbin/sshd", "-D", "-f", str(BASE / "ssh/sshd_config")],
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (HOME / ".ssh").mkdir(mode=0o700)
    (HOME / ".ssh/config").write_text(CONFIG)
    # ssh looks for its file in the home folder of the account, and not in HOME.
    Path("/etc/ssh/ssh_config").write_text(CONFIG)
    await_it()


def await_it():
    end = time.monotonic() + 20
    while subprocess.run(["ssh", "VM", "true"], capture_output=True).returncode != 0:
        assert time.monotonic() < end, "the VM's sshd does not answer"
        time.sleep(0.05)
