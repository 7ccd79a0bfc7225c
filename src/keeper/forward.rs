//! The reverse forward, and the ssh connection that holds it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::tunnels::report::TunnelMode;
use clap::ValueEnum;
use rustix::process::{Pid, test_kill_process};
use tokio::time::sleep;

use super::connection::Connection;
use super::ssh_error::SshError;
use crate::child::{End, Ran, run};
use crate::vm::ssh::{MasterCommand, Ssh, forward, master_pid, unix_path};

/// How long the master of a shared connection may take to answer.
const CHECK: Duration = Duration::from_secs(5);
/// How long the VM may take to open the port.
const FORWARD: Duration = Duration::from_secs(10);
/// How long cancelling may take.
const CANCEL: Duration = Duration::from_secs(3);
/// How often the process of the shared connection is checked.
const MASTER_CHECK_EVERY: Duration = Duration::from_secs(1);

/// The proxy's listener that a tunnel leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Target {
    /// The proxy's Unix socket, which other users of your computer cannot reach
    Socket,
    /// The proxy's TCP port
    Port,
}

/// Where a tunnel ends on this side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum LocalEnd {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl LocalEnd {
    /// As ssh's `-R` takes it.
    fn argument(&self) -> Result<String, SshError> {
        match self {
            Self::Unix(path) => unix_path(path).map_err(SshError::Other),
            Self::Tcp(address) => Ok(address.to_string()),
        }
    }
}

impl std::fmt::Display for LocalEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// An open forward, as far as ssh says.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) ssh: Ssh,
    pub(super) local_end: LocalEnd,
    port: u16,
    via: Via,
}

#[derive(Debug)]
enum Via {
    Dedicated(Connection),
    /// With the process that holds the shared connection, if ssh named it.
    Shared(Option<Pid>),
}

impl Forward {
    /// Opens the forward.
    pub(super) async fn open(
        mode: TunnelMode,
        ssh: Ssh,
        control: &Path,
        port: u16,
        local_end: LocalEnd,
    ) -> Result<Self, SshError> {
        let forward = forward(port, &local_end.argument()?);
        let via = match mode {
            TunnelMode::Dedicated => Via::Dedicated(Connection::open(&ssh, control, &forward).await?),
            TunnelMode::Shared => Via::Shared(share(&ssh, &forward).await?),
        };
        Ok(Self { ssh, local_end, port, via })
    }

    /// The socket of a dedicated connection.
    pub(super) fn control(&self) -> Option<&Path> {
        match &self.via {
            Via::Dedicated(connection) => Some(&connection.control),
            Via::Shared(_) => None,
        }
    }

    /// Waits until its connection has ended.
    pub(super) async fn ended(&self) -> SshError {
        match &self.via {
            Via::Dedicated(connection) => connection.ended().await,
            Via::Shared(pid) => {
                while pid.is_none_or(|pid| test_kill_process(pid).is_ok()) {
                    sleep(MASTER_CHECK_EVERY).await;
                }
                SshError::Other("the shared connection has ended".to_owned())
            }
        }
    }

    /// Closes it.
    pub(super) async fn close(self) {
        match self.via {
            Via::Dedicated(connection) => connection.end().await,
            Via::Shared(_) => cancel(&self.ssh, self.port, &self.local_end).await,
        }
    }
}

/// Has the master of a shared connection open the forward.
async fn share(ssh: &Ssh, forward: &str) -> Result<Option<Pid>, SshError> {
    let checked =
        run(ssh.command(ssh.control(MasterCommand::Check, None)), CHECK).await.map_err(|error| not_started(&error))?;
    let pid = match checked.end {
        End::Succeeded => master_pid(&checked.stderr()).or_else(|| master_pid(&checked.stdout())),
        End::TimedOut => return Err(failed(&checked, CHECK)),
        _ => return Err(no_master(&checked.stderr())),
    };
    // The master opens no forward twice that is in its list, although the VM may have lost it.
    cancel_argument(ssh, forward).await;
    let made = run(ssh.command(ssh.control(MasterCommand::Forward, Some(forward))), FORWARD)
        .await
        .map_err(|error| not_started(&error))?;
    match made.end {
        End::Succeeded => Ok(pid.and_then(Pid::from_raw)),
        _ => Err(failed(&made, FORWARD)),
    }
}

/// Has the master of a shared connection cancel the forward, if it has one.
pub(super) async fn cancel(ssh: &Ssh, port: u16, local_end: &LocalEnd) {
    if let Ok(local_end) = local_end.argument() {
        cancel_argument(ssh, &forward(port, &local_end)).await;
    }
}

async fn cancel_argument(ssh: &Ssh, forward: &str) {
    let _ = run(ssh.command(ssh.control(MasterCommand::Cancel, Some(forward))), CANCEL).await;
}

fn no_master(said: &str) -> SshError {
    let why = if said.contains("No ControlPath") {
        "the ssh config names no ControlPath to share: use --mode=dedicated"
    } else {
        "there is no connection to share: log in to the VM once (limactl shell), or use --mode=dedicated"
    };
    SshError::NoMaster(why.to_owned())
}

fn failed(ran: &Ran, limit: Duration) -> SshError {
    match ran.end {
        End::TimedOut => SshError::Silent(format!("the VM did not open the port within {} s", limit.as_secs())),
        _ => SshError::from_stderr(&ran.stderr()),
    }
}

fn not_started(error: &std::io::Error) -> SshError {
    SshError::Other(format!("cannot start ssh: {error}"))
}
