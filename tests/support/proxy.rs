//! A `secret-proxy` process in a folder of its own.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::builder::{Home, ProxyBuilder};
use super::canary::Canary;
use super::client::Client;
use super::daemon::Daemon;
use super::drop_check;
use super::eventually::poll;
use super::fifo;

/// The binary under test: that of this build, unless a variable names another.
pub fn program() -> OsString {
    std::env::var_os("SECRET_PROXY_UNDER_TEST").unwrap_or_else(|| env!("CARGO_BIN_EXE_secret-proxy").into())
}

/// The time limit of the daemon's answer, and of its end.
const WITHIN: Duration = Duration::from_secs(10);

/// A running daemon. [`super::drop_check`] has the checks at its end.
pub struct Proxy {
    // The first field, so that a failed test ends the process before the removal of its folder.
    pub(super) daemon: Mutex<Daemon>,
    pub(super) home: Home,
    pub(super) faulted: AtomicBool,
    /// The number of programs run so far.
    pub(super) programs: AtomicUsize,
}

impl Proxy {
    /// A builder for a proxy.
    pub fn builder() -> ProxyBuilder {
        ProxyBuilder::new()
    }

    pub(super) fn new(home: Home) -> Self {
        let proxy =
            Self { home, daemon: Mutex::default(), faulted: AtomicBool::new(false), programs: AtomicUsize::new(0) };
        match &proxy.home.secrets {
            Some(text) => proxy.write_secrets(text),
            None => fifo::make(&proxy.secrets_path()),
        }
        proxy
    }

    /// Starts the daemon in the same folder, also after its end; waits until it answers.
    pub fn launch(&self) {
        let mut command = self.command();
        command.args(&self.home.args);
        self.with_daemon(|daemon| daemon.spawn(&mut command, self.home.root.path()));
        let listening = || self.ask(&json!({"ask": "status"})).and_then(|status| listeners(&status));
        // The wait also ends if the daemon has ended.
        let up = poll(WITHIN, || match listening() {
            None if self.with_daemon(Daemon::has_ended) => Some(None),
            listeners => listeners.map(Some),
        });
        let Some(addresses) = up.flatten() else {
            self.with_daemon(Daemon::forget_end);
            panic!("secret-proxy did not come up\n{}", self.diagnosis());
        };
        let tcp = addresses.iter().find_map(|address| address.parse().ok());
        self.with_daemon(|daemon| daemon.address = tcp);
    }

    /// The proxy's TCP address at launch, which must not change.
    pub fn addr(&self) -> SocketAddr {
        self.with_daemon(|daemon| daemon.address).expect("the proxy listens on a TCP port")
    }

    /// DIR.
    pub fn dir(&self) -> &Path {
        &self.home.dir
    }

    /// The daemon's process id.
    pub fn pid(&self) -> u32 {
        self.with_daemon(|daemon| daemon.process().pid())
    }

    /// The secrets file or FIFO.
    pub fn secrets_path(&self) -> PathBuf {
        let is_path = |source: &&String| !source.starts_with("run:") && !source.starts_with("op:");
        let set = self.home.environment.get("SECRET_PROXY_SECRETS").filter(is_path).map(PathBuf::from);
        set.unwrap_or_else(|| self.home.dir.join("secrets.env"))
    }

    /// Replaces the secrets file in one step. Give new values to [`Self::watch`].
    pub fn write_secrets(&self, text: &str) {
        let new = self.home.root.path().join("secrets.new");
        let mut options = File::options();
        let options = options.create(true).truncate(true).write(true).mode(0o600);
        let written = options.open(&new).and_then(|mut file| file.write_all(text.as_bytes()));
        written.expect("the new secrets file is written");
        std::fs::rename(&new, self.secrets_path()).expect("the secrets file is replaced");
    }

    /// Searches for one more value; call this before any use of the value.
    pub fn watch(&self, canary: &Canary) {
        self.home.transcript.watch(canary);
    }

    /// The proxy's CA certificate.
    pub fn ca_pem(&self) -> String {
        let path = self.ca_path();
        std::fs::read_to_string(path).expect("the proxy has written ca/ca-cert.pem")
    }

    /// The path of the CA certificate, for programs such as curl.
    pub fn ca_path(&self) -> PathBuf {
        self.home.dir.join("ca/ca-cert.pem")
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: Signal) {
        self.with_daemon(|daemon| daemon.process().signal(signal));
    }

    /// Sends SIGTERM, and returns the exit status; the daemon must not need SIGKILL.
    pub fn stop(&self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(WITHIN)
    }

    /// Sends SIGKILL, as in a power cut.
    pub fn kill(&self) -> ExitStatus {
        self.with_daemon(|daemon| {
            daemon.forget_end();
            daemon.process().kill()
        })
    }

    /// Waits for the end of the daemon, which the drop check then expects.
    pub fn wait(&self, within: Duration) -> ExitStatus {
        let ended = self.with_daemon(|daemon| {
            daemon.forget_end();
            daemon.process().wait(within)
        });
        ended.unwrap_or_else(|| panic!("no end within {within:?}\n{}", self.diagnosis()))
    }

    /// A client that uses the TCP port and trusts the proxy's CA.
    pub fn client(&self) -> Client {
        Client::through(self.addr(), &self.ca_pem(), &self.home.transcript)
    }

    /// The same through `DIR/proxy.sock`.
    pub fn socket_client(&self) -> Client {
        let path = self.home.dir.join("proxy.sock");
        Client::through_socket(path, &self.ca_pem(), &self.home.transcript)
    }

    pub(super) fn with_daemon<T>(&self, look: impl FnOnce(&mut Daemon) -> T) -> T {
        look(&mut self.daemon.lock().expect("no test thread panicked with the daemon in hand"))
    }

    /// The binary, with only the settings in its environment.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.env_clear().envs(&self.home.environment);
        command
    }
}

/// The daemon's addresses, after all ports are bound.
fn listeners(status: &Value) -> Option<Vec<String>> {
    let named = status["listeners"].as_array().into_iter().flatten();
    let addresses = named.filter_map(|listener| listener["address"].as_str().map(str::to_owned));
    let addresses: Vec<String> = addresses.collect();
    let bound = !addresses.is_empty() && !addresses.iter().any(|address| address.ends_with(":0"));
    bound.then_some(addresses)
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop_check::end(self);
    }
}
