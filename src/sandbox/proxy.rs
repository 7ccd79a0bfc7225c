//! A real `secret-proxy run`, with made-up secrets and none of the user's settings.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actors::folder::Folder;
use serde_json::Value;
use tempfile::TempDir;

use super::client::{Answer, get};
use super::{Origin, SandboxError, ServerCa};
use crate::control;

/// How long it may take to start.
const START: Duration = Duration::from_secs(8);

/// A daemon in a folder of its own. Dropping it ends it and removes the folder.
pub(crate) struct Proxy {
    child: Child,
    address: String,
    folder: Folder,
    _home: TempDir,
}

impl Proxy {
    /// Starts it before these servers, each under its name.
    pub(crate) async fn start(ca: &ServerCa, secrets: &str, servers: &[(&str, &Origin)]) -> Result<Self, SandboxError> {
        let home = tempfile::Builder::new().prefix("secret-proxy-sandbox-").tempdir()?;
        fs::write(home.path().join("secrets.env"), secrets)?;
        fs::write(home.path().join("servers-ca.pem"), ca.pem())?;
        let resolve = servers.iter().map(|(name, server)| format!("{name}:443:127.0.0.1:{}", server.port));
        let resolve = resolve.collect::<Vec<_>>().join(",");
        let child = run_command(home.path(), &resolve)?.spawn()?;
        let folder = Folder::at(home.path());
        let mut proxy = Self { child, address: String::new(), folder, _home: home };
        proxy.address = proxy.wait().await?;
        Ok(proxy)
    }

    /// Sends `GET https://HOST/PATH` with a header, as a program in a VM would.
    pub(crate) async fn get(&self, host: &str, path: &str, key: &str) -> Result<Answer, SandboxError> {
        let ca_pem = fs::read(self.folder.authority().join("ca-cert.pem"))?;
        get(&self.address, &ca_pem, host, path, key).await
    }

    /// The lines of the audit file that are about requests.
    pub(crate) fn records(&self) -> Result<Vec<(String, Value)>, SandboxError> {
        let mut records = Vec::new();
        for line in fs::read_to_string(self.folder.audit())?.lines() {
            let record: Value = serde_json::from_str(line)?;
            if record.get("host").is_some() {
                records.push((line.to_owned(), record));
            }
        }
        Ok(records)
    }

    /// Waits until it listens.
    async fn wait(&mut self) -> Result<String, SandboxError> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Some(code) = self.child.try_wait()? {
                return Err(format!("the proxy ended at once ({code})").into());
            }
            let report = control::status(&self.folder).ok();
            if let Some(listener) = report.and_then(|report| report.listeners.into_iter().next()) {
                return Ok(listener.address);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("the proxy did not start in time".into())
    }
}

fn run_command(home: &Path, resolve: &str) -> Result<Command, SandboxError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg0("secret-proxy").arg("run").env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    command.arg("--dir").arg(home).args(["--listen", "127.0.0.1:0", "--allow-net", "127.0.0.1/32"]);
    command.arg("--upstream-ca").arg(home.join("servers-ca.pem")).args(["--resolve", resolve]);
    Ok(command)
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
