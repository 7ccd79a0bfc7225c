//! A stand-in for a VM: a network namespace with its own sshd and network link.
//!
//! The link is its only connection to this computer, and carries only sshd's answers: the VM stand-in cannot
//! reach the loopback of this computer, and so not the proxy. It needs root. Dropping it removes everything.

mod capture;

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

pub use self::capture::Capture;
use super::eventually::eventually;
use super::process::Process;

const WITHIN: Duration = Duration::from_secs(20);

/// The Host entry of the VM in the ssh config files.
pub const HOST: &str = "lima-work";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A running VM stand-in.
pub struct Vm {
    sshd: Mutex<Option<Process>>,
    namespace: Namespace,
    /// The stand-in for Lima's folder, and all other files.
    folder: TempDir,
    wire: Wire,
}

/// A namespace. Dropping it removes it, its processes and its end of the link.
struct Namespace(String);

impl Namespace {
    fn pids(&self) -> Vec<Pid> {
        let output = Command::new("ip").args(["netns", "pids", &self.0]).output().expect("ip runs");
        let pids = String::from_utf8_lossy(&output.stdout).into_owned();
        pids.lines().filter_map(|pid| Pid::from_raw(pid.trim().parse().ok()?)).collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        kill_all(&self.pids(), Signal::KILL);
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

impl Vm {
    /// Creates the stand-in and waits until its sshd listens.
    pub fn start() -> Self {
        assert!(geteuid().is_root(), "a network namespace needs root");
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("sp{}x{number}", std::process::id());
        let wire = Wire::of(std::process::id().wrapping_mul(64).wrapping_add(number));
        ip(&["netns", "add", &name]);
        let namespace = Namespace(name.clone());
        let (near, far) = (format!("{name}h"), format!("{name}g"));
        ip(&["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &name]);
        ip(&["addr", "add", &format!("{}/30", wire.host), "dev", &near]);
        ip(&["link", "set", &near, "up"]);
        ip(&["-n", &name, "addr", "add", &format!("{}/30", wire.guest), "dev", &far]);
        ip(&["-n", &name, "link", "set", &far, "up"]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        let folder = tempfile::Builder::new().prefix("spvm").tempdir().expect("a folder");
        let vm = Self { sshd: Mutex::default(), namespace, folder, wire };
        vm.lay_out();
        vm.boot();
        vm
    }

    /// Creates keys, the files of sshd, and a folder like Lima's.
    fn lay_out(&self) {
        for key in ["host_key", "key"] {
            let path = self.path(key);
            let mut command = Command::new("ssh-keygen");
            command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path);
            assert!(command.status().expect("ssh-keygen runs").success());
        }
        fs::create_dir_all("/run/sshd").expect("sshd wants it");
        fs::write(self.path("sshd_config"), self.sshd_config()).expect("written");
        fs::create_dir_all(self.path("lima/work")).expect("made");
        fs::write(self.path("lima/work/lima.yaml"), "").expect("written");
        fs::write(self.ssh_config(), self.client_config()).expect("written");
        self.say_status("Running");
        let limactl = format!("#!/bin/sh\ncat {}\n", self.text("status.json"));
        fs::create_dir_all(self.path("bin")).expect("made");
        fs::write(self.path("bin/limactl"), limactl).expect("written");
        fs::set_permissions(self.path("bin/limactl"), fs::Permissions::from_mode(0o755)).expect("ours");
    }

    /// The settings of docs/setup-macos.md.
    fn sshd_config(&self) -> String {
        format!(
            "ListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin prohibit-password\nAllowTcpForwarding yes\nMaxStartups 100\n\
             ClientAliveInterval 15\nClientAliveCountMax 3\n",
            self.address(),
            self.text("host_key"),
            self.text("key.pub"),
        )
    }

    /// The ssh config in Lima's form.
    fn client_config(&self) -> String {
        format!(
            "Host {HOST}\n  IdentityFile \"{}\"\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  \
             NoHostAuthenticationForLocalhost yes\n  PreferredAuthentications publickey\n  Compression no\n  \
             BatchMode yes\n  IdentitiesOnly yes\n  User root\n  ControlMaster auto\n  ControlPath \"{}\"\n  \
             ControlPersist yes\n  Hostname {}\n  Port 22\n",
            self.text("key"),
            self.text("lima/work/ssh.sock"),
            self.address(),
        )
    }

    /// Sets the answer of the stand-in for limactl.
    pub fn say_status(&self, status: &str) {
        let file = self.ssh_config().display().to_string();
        let line = serde_json::json!({"name": "work", "status": status, "sshConfigFile": file});
        fs::write(self.path("status.json"), format!("{line}\n")).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The ssh config of this VM.
    pub fn ssh_config(&self) -> PathBuf {
        self.path("lima/work/ssh.config")
    }

    /// `LIMA_HOME`.
    pub fn lima_home(&self) -> String {
        self.path("lima").display().to_string()
    }

    /// A `PATH` with the stand-in for limactl first.
    pub fn search_path(&self) -> String {
        format!("{}:{}", self.path("bin").display(), std::env::var("PATH").expect("a PATH"))
    }

    /// The VM's address on the link.
    pub fn address(&self) -> Ipv4Addr {
        self.wire.guest
    }

    /// The address of the other end.
    pub fn host_address(&self) -> Ipv4Addr {
        self.wire.host
    }

    /// Adds a line before the other settings of sshd, for its next start.
    pub fn set_sshd(&self, line: &str) {
        let path = self.path("sshd_config");
        let text = fs::read_to_string(&path).expect("written before");
        fs::write(path, format!("{line}\n{text}")).expect("written");
    }

    /// Disconnects or reconnects the link: packets in flight are lost, without a notice to either end.
    pub fn plug(&self, plugged: bool) {
        let (name, wire) = (&self.namespace.0, format!("{}g", self.namespace.0));
        ip(&["-n", name, "link", "set", &wire, if plugged { "up" } else { "down" }]);
    }

    /// Starts sshd, and waits until it listens.
    pub fn boot(&self) {
        let mut command = self.inside("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(self.path("sshd_config"));
        let sshd = Process::spawn(&mut command, self.folder.path(), "sshd").expect("sshd starts");
        *self.sshd.lock().expect("no panic") = Some(sshd);
        let listens = || std::net::TcpStream::connect_timeout(&(self.address(), 22).into(), WITHIN).is_ok();
        eventually(WITHIN, "sshd listens", listens);
    }

    /// Kills sshd and all its sessions, as at a power-off of the VM.
    pub fn cut(&self) {
        self.signal_sshd(Signal::KILL);
        if let Some(mut sshd) = self.sshd.lock().expect("no panic").take() {
            sshd.kill();
        }
        eventually(WITHIN, "no sshd is left", || self.sshd_pids().is_empty());
    }

    /// Ends the sessions, but not the listening sshd.
    pub fn cut_sessions(&self) {
        let listener = self.sshd.lock().expect("no panic").as_ref().map(Process::pid);
        let sessions = || {
            let pids = self.sshd_pids().into_iter();
            pids.filter(|pid| Some(pid.as_raw_nonzero().get().cast_unsigned()) != listener).collect::<Vec<_>>()
        };
        eventually(WITHIN, "no session is left", || {
            kill_all(&sessions(), Signal::KILL);
            sessions().is_empty()
        });
    }

    /// Stops or continues sshd and all its sessions, as a VM that is suspended and resumed.
    pub fn signal_sshd(&self, signal: Signal) {
        kill_all(&self.sshd_pids(), signal);
    }

    fn sshd_pids(&self) -> Vec<Pid> {
        let is_sshd = |pid: &Pid| {
            let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
            name.is_ok_and(|name| name.starts_with("sshd"))
        };
        self.namespace.pids().into_iter().filter(is_sshd).collect()
    }

    /// A program that runs inside.
    pub fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace.0, program]).current_dir(self.folder.path());
        command
    }

    /// Starts a program inside, which keeps running.
    pub fn spawn_inside(&self, program: &str, words: &[&str], label: &str) -> Process {
        Process::spawn(self.inside(program).args(words), self.folder.path(), label).expect("it starts")
    }

    /// Starts a program on this computer, such as ssh with the VM's config, which keeps running.
    pub fn spawn_outside(&self, command: &mut Command, label: &str) -> Process {
        Process::spawn(command, self.folder.path(), label).expect("it starts")
    }

    /// ssh on this computer, with this VM's config.
    pub fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(self.ssh_config());
        command
    }

    /// Starts a master that shares its connection, as Lima does at boot.
    pub fn share_connection(&self) -> Process {
        let socket = self.path("lima/work/ssh.sock");
        let _ = fs::remove_file(&socket);
        let mut command = self.ssh();
        command.args(["-M", "-N", "-o", "ControlPersist=no", HOST]);
        let master = self.spawn_outside(&mut command, "master");
        eventually(WITHIN, "the master shares its connection", || socket.exists());
        master
    }

    /// Whether a program listens on the port inside.
    pub fn listens(&self, port: u16) -> bool {
        let output = self.inside("ss").args(["-Hltn", &format!("sport = :{port}")]).output().expect("ss runs");
        !output.stdout.is_empty()
    }

    /// Captures all packets on the interfaces inside.
    pub fn capture(&self) -> Capture {
        let file = self.path("capture");
        let words = ["-i", "any", "-s", "0", "-U", "--immediate-mode", "-Z", "root", "-w", &file.display().to_string()];
        let tcpdump = self.spawn_inside("tcpdump", &words, "tcpdump");
        eventually(WITHIN, "tcpdump listens", || fs::metadata(&file).is_ok_and(|file| file.len() > 0));
        Capture { tcpdump, file }
    }
}

/// The two addresses of a link, which no other test of this machine has.
struct Wire {
    host: Ipv4Addr,
    guest: Ipv4Addr,
}

impl Wire {
    /// Four addresses for each link, from the range for benchmarks.
    fn of(number: u32) -> Self {
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + (number % (1 << 15)) * 4;
        Self { host: Ipv4Addr::from(base + 1), guest: Ipv4Addr::from(base + 2) }
    }
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().expect("ip runs");
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn kill_all(pids: &[Pid], signal: Signal) {
    for pid in pids {
        // The process may have ended by itself.
        let _ = kill_process(*pid, signal);
    }
}
