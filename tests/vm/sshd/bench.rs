//! A proxy, an origin, a VM and a keeper between them.

use std::fs;
use std::process::Output;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::eventually::poll;
use crate::support::process::Process;
use crate::support::vm::HOST as VM_HOST;
use crate::support::{Canary, Origin, Proxy, Vm};

/// The origin that the secret is listed for.
pub(crate) const HOST: &str = "api.example.test";
/// The port in the VM, which is nobody else's there.
pub(crate) const PORT: u16 = 17329;
/// Any tunnel must be up again within this.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// How the keeper is told to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Dedicated,
    Shared,
}

impl Mode {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
        }
    }
}

/// All of it, running.
pub(crate) struct Bench {
    pub(crate) keeper: Mutex<Process>,
    /// In shared mode: what Lima holds open.
    pub(crate) master: Mutex<Option<Process>>,
    pub(crate) proxy: Proxy,
    pub(crate) origin: Origin,
    pub(crate) canary: Canary,
    pub(crate) vm: Vm,
    pub(crate) mode: Mode,
}

impl Bench {
    /// Starts all, and waits until the tunnel is up.
    pub(crate) fn start(mode: Mode) -> Self {
        Self::start_with(mode, |_| match mode {
            Mode::Dedicated => Vec::new(),
            Mode::Shared => vec!["--mode=shared".to_owned()],
        })
    }

    /// The same with more words for the keeper.
    pub(crate) fn start_with(mode: Mode, words: impl FnOnce(&Vm) -> Vec<String>) -> Self {
        let (vm, origin, canary) = (Vm::start(), Origin::start(&[HOST]), Canary::new());
        let master = (mode == Mode::Shared).then(|| vm.share_connection());
        let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).unix_listener();
        let proxy = builder.env("LIMA_HOME", &vm.lima_home()).env("PATH", &vm.search_path()).start();
        let words = words(&vm);
        let words: Vec<&str> = ["tunnel", "work"].into_iter().chain(words.iter().map(String::as_str)).collect();
        let keeper = proxy.cli_running(&words);
        let bench = Self { keeper: Mutex::new(keeper), master: Mutex::new(master), proxy, origin, canary, vm, mode };
        bench.becomes("up");
        bench
    }

    /// Starts a keeper in place of one that has ended.
    pub(crate) fn start_keeper(&self, words: &[&str]) {
        *self.keeper.lock().expect("no panic") = self.proxy.cli_running(&[&["tunnel", "work"][..], words].concat());
    }

    /// Kills the connection that is shared, if one is.
    pub(crate) fn drop_master(&self) {
        if let Some(mut master) = self.master.lock().expect("no panic").take() {
            master.kill();
        }
    }

    /// Has Lima open it anew.
    pub(crate) fn renew_master(&self) {
        self.drop_master();
        if self.mode == Mode::Shared {
            *self.master.lock().expect("no panic") = Some(self.vm.share_connection());
        }
    }

    /// The words that lead to the VM without Lima.
    pub(crate) fn generic(vm: &Vm) -> [String; 2] {
        [format!("--ssh-config={}", vm.ssh_config().display()), format!("--host={VM_HOST}")]
    }

    /// The tunnel, as the daemon tells it.
    pub(crate) fn tunnel(&self) -> Value {
        self.proxy.status()["tunnels"][0].clone()
    }

    /// Waits for a state; how long it took.
    pub(crate) fn becomes(&self, state: &str) -> Duration {
        self.waits(state, |tunnel| tunnel["state"] == state)
    }

    /// Waits until it is not up any more; how long it took.
    pub(crate) fn falls(&self) -> Duration {
        self.waits("anything but up", |tunnel| tunnel["state"] != "up")
    }

    pub(crate) fn waits(&self, what: &str, mut is_so: impl FnMut(&Value) -> bool) -> Duration {
        let begun = Instant::now();
        let mut last = Value::Null;
        let found = poll(WITHIN, || {
            last = self.tunnel();
            // One that has ended is a process until it is waited for, which a keeper could not tell.
            self.master.lock().expect("no panic").as_mut().map(Process::ended);
            is_so(&last)
        });
        assert!(found.is_some(), "not {what} within {WITHIN:?}: {last}\n{}", self.said());
        begun.elapsed()
    }

    /// The process ids of the ssh that shares its connection with our keeper alone.
    pub(crate) fn own_ssh(&self) -> Vec<i32> {
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let wanted = format!("{}/tunnel-", self.proxy.dir().display());
        let is_ours = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.split('\0').next().is_some_and(|program| program.ends_with("ssh")) && line.contains(&wanted)
        };
        pids.filter(is_ours).collect()
    }

    /// What the keeper has said.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.keeper.lock().expect("no panic").stderr()).into_owned()
    }

    /// curl in the VM sends the placeholder through the tunnel.
    pub(crate) fn request(&self, url: &str) -> Output {
        let mut curl = self.vm.inside("curl");
        curl.args(["-sS", "-m", "10", "-H", "x-api-key: {{API_KEY}}", "-w", "%{http_code}", "-o", "/dev/null"]);
        curl.arg("-x").arg(format!("http://127.0.0.1:{PORT}")).arg("--cacert").arg(self.proxy.ca_path()).arg(url);
        self.proxy.run(&mut curl)
    }

    /// A request from the VM reaches the origin with the value in it.
    #[track_caller]
    pub(crate) fn carries(&self) {
        let before = self.origin.requests().len();
        let output = self.request(&format!("https://{HOST}/echo"));
        let (code, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(code, "200", "{complaint}\n{}", self.said());
        assert_eq!(self.origin.requests().len(), before + 1);
        assert_eq!(self.origin.last_request().header("x-api-key"), Some(self.canary.bytes()));
    }

    pub(crate) fn signal_keeper(&self, signal: Signal) {
        self.keeper.lock().expect("no panic").signal(signal);
    }
}
