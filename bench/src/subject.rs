//! The measured processes.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Broken;
use crate::client::Way;
use crate::load::{HOST, new_host};
use crate::meter::{self, Used};
use crate::origin::{KEY, PLACEHOLDER};
use crate::relay;
use crate::tls::{Http, connector, provider};

/// The time limit for a subject's start.
const START: Duration = Duration::from_secs(10);

/// The origin, and the parameters of all subjects.
#[derive(Clone, Debug)]
pub struct Place {
    /// The origin's address.
    pub origin: SocketAddr,
    /// The certificate of the origin's CA.
    pub origin_ca: String,
    /// The number of hosts that mode `mint` needs in all.
    pub hosts: usize,
    /// The number of secrets in the proxy's file; one is used.
    pub secrets: usize,
    /// Whether the load has no post-quantum key exchange.
    pub classic: bool,
}

/// A measured process. Dropping it ends the process and removes its folder.
pub struct Subject {
    /// The name in the report.
    pub name: &'static str,
    /// The way to the origin through this process.
    pub way: Way,
    /// The process; `None` for the direct way to the origin.
    child: Option<Running>,
}

struct Running {
    child: Child,
    dir: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Subject {
    /// The direct way, without a proxy.
    ///
    /// # Errors
    /// The origin's certificate is malformed.
    pub fn direct(place: &Place) -> Result<Self, Broken> {
        let way = way(place, place.origin, &place.origin_ca, false)?;
        Ok(Self { name: "direct", way, child: None })
    }

    /// A relay.
    ///
    /// # Errors
    /// It did not start.
    pub fn relay(name: &'static str, place: &Place) -> Result<Self, Broken> {
        let dir = folder(place)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("relay").arg("--origin").arg(place.origin.to_string()).arg("--dir").arg(dir.path());
        command.arg("--origin-ca").arg(dir.path().join("origin.pem"));
        let running = Running { child: command.stdin(Stdio::null()).spawn()?, dir };
        let at = running.dir.path();
        let address = eventually(|| fs::read_to_string(at.join(relay::ADDRESS)).ok()?.parse().ok())?;
        let ca = fs::read_to_string(at.join(relay::CA))?;
        Ok(Self { name, way: way(place, address, &ca, true)?, child: Some(running) })
    }

    /// The proxy, with a secret that may go to every host of the run.
    ///
    /// # Errors
    /// It did not start.
    pub fn proxy(program: &Path, place: &Place) -> Result<Self, Broken> {
        let dir = folder(place)?;
        let secrets = dir.path().join("secrets.env");
        let others = (1..place.secrets).map(|n| format!("OTHER_{n}=sk-{n:032x}\nOTHER_{n}_HOSTS=api{n}.example\n"));
        let used = format!("BENCH_KEY={KEY}\nBENCH_KEY_HOSTS=*.bench.test\n");
        fs::write(&secrets, others.chain([used]).collect::<String>())?;
        fs::set_permissions(&secrets, Permissions::from_mode(0o600))?;
        let child = run(program, dir.path(), place).spawn()?;
        let running = Running { child, dir };
        let at = running.dir.path();
        let address = eventually(|| listening(program, at))?;
        let ca = fs::read_to_string(at.join("ca/ca-cert.pem"))?;
        Ok(Self { name: "proxy", way: way(place, address, &ca, true)?, child: Some(running) })
    }

    /// The resources used so far; nothing for the direct way.
    ///
    /// # Errors
    /// The process ended.
    pub fn used(&self) -> Result<Used, Broken> {
        self.child.as_ref().map_or(Ok(Used::default()), |running| meter::used(running.child.id()))
    }
}

fn folder(place: &Place) -> Result<TempDir, Broken> {
    let mut builder = tempfile::Builder::new();
    let dir = builder.prefix("secret-proxy-bench-").permissions(Permissions::from_mode(0o700)).tempdir()?;
    fs::write(dir.path().join("origin.pem"), &place.origin_ca)?;
    Ok(dir)
}

fn run(program: &Path, dir: &Path, place: &Place) -> Command {
    let hosts = (0..place.hosts).map(new_host).chain([HOST.to_owned()]);
    let resolve: Vec<_> = hosts.map(|host| format!("{host}:443:127.0.0.1:{}", place.origin.port())).collect();
    let mut command = Command::new(program);
    command.arg("run").env_clear().stdin(Stdio::null()).stdout(Stdio::null()).arg("--dir").arg(dir);
    command.args(["--listen", "127.0.0.1:0", "--allow-net", "127.0.0.1/32", "--resolve", &resolve.join(",")]);
    command.args(["--max-sessions", "10000"]).arg("--upstream-ca").arg(dir.join("origin.pem"));
    command
}

/// The address that the proxy prints.
fn listening(program: &Path, dir: &Path) -> Option<SocketAddr> {
    let output = Command::new(program).arg("status").arg("--json").arg("--dir").arg(dir).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, rest) = text.split_once("127.0.0.1:")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    format!("127.0.0.1:{port}").parse().ok()
}

fn way(place: &Place, address: SocketAddr, ca_pem: &str, is_proxy: bool) -> Result<Way, Broken> {
    let provider = provider(place.classic);
    let tls = [connector(ca_pem, Http::One, provider.clone())?, connector(ca_pem, Http::Two, provider)?];
    Ok(Way { address, is_proxy, tls, key: if is_proxy { PLACEHOLDER } else { KEY } })
}

fn eventually<T>(look: impl Fn() -> Option<T>) -> Result<T, Broken> {
    let begun = Instant::now();
    while begun.elapsed() < START {
        if let Some(found) = look() {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("a process did not start in time".into())
}
