//! The forward, and what it goes through.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::tunnels::report::TunnelMode;
use rustix::process::{Pid, test_kill_process};
use tokio::time::sleep;

use super::connection::Connection;
use super::ssh_error::Trouble;
use crate::vm::child::{Ran, run};
use crate::vm::ssh::{Order, Ssh, forward, master_pid, unix_path};

/// How long the master of a shared connection may take to say that it is there.
const CHECK: Duration = Duration::from_secs(5);
/// How long the VM may take to give the port.
const FORWARD: Duration = Duration::from_secs(10);
/// How long cancelling may take.
const CANCEL: Duration = Duration::from_secs(3);
/// How often it is looked whether the master is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Which of the proxy's listeners a tunnel ends in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// The Unix socket.
    Socket,
    /// The TCP port.
    Port,
}

/// Where a tunnel ends on this side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Here {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Here {
    /// As a forward names it.
    fn words(&self) -> Result<String, Trouble> {
        match self {
            Self::Unix(path) => unix_path(path).map_err(Trouble::Other),
            Self::Tcp(address) => Ok(address.to_string()),
        }
    }
}

impl std::fmt::Display for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// A forward that stands, as far as ssh says.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) ssh: Ssh,
    pub(super) here: Here,
    port: u16,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Own(Connection),
    /// The process that holds the shared connection, if it said which.
    Shared(Option<Pid>),
}

impl Link {
    /// Makes the forward.
    pub(super) async fn make(
        mode: TunnelMode,
        ssh: Ssh,
        control: &Path,
        port: u16,
        here: Here,
    ) -> Result<Self, Trouble> {
        let forward = forward(port, &here.words()?);
        let way = match mode {
            TunnelMode::Dedicated => Way::Own(Connection::open(&ssh, control, &forward).await?),
            TunnelMode::Shared => Way::Shared(share(&ssh, &forward).await?),
        };
        Ok(Self { ssh, here, port, way })
    }

    /// The socket of our own connection.
    pub(super) fn control(&self) -> Option<&Path> {
        match &self.way {
            Way::Own(connection) => Some(&connection.control),
            Way::Shared(_) => None,
        }
    }

    /// Waits until what it goes through has ended.
    pub(super) async fn ended(&self) -> Trouble {
        match &self.way {
            Way::Own(connection) => connection.ended().await,
            Way::Shared(pid) => {
                while pid.is_none_or(|pid| test_kill_process(pid).is_ok()) {
                    sleep(LOOK).await;
                }
                Trouble::Other("the shared connection has ended".to_owned())
            }
        }
    }

    /// Takes it down.
    pub(super) async fn end(self) {
        match self.way {
            Way::Own(connection) => connection.end().await,
            Way::Shared(_) => cancel(&self.ssh, self.port, &self.here).await,
        }
    }
}

/// Has the master of a shared connection make the forward.
async fn share(ssh: &Ssh, forward: &str) -> Result<Option<Pid>, Trouble> {
    let pid = match run(ssh.command(ssh.tell(Order::Check, None)), CHECK).await {
        Ran::Ended { good: true, stdout, stderr } => master_pid(&stderr).or_else(|| master_pid(&stdout)),
        Ran::Ended { stderr, .. } => return Err(no_master(&stderr)),
        other => return Err(failed(other, CHECK)),
    };
    // What the master has in its list it makes no second time, though the VM may have lost it.
    take_back(ssh, forward).await;
    match run(ssh.command(ssh.tell(Order::Forward, Some(forward))), FORWARD).await {
        Ran::Ended { good: true, .. } => Ok(pid.and_then(Pid::from_raw)),
        other => Err(failed(other, FORWARD)),
    }
}

/// Has the master of a shared connection take a forward back, if it has one.
pub(super) async fn cancel(ssh: &Ssh, port: u16, here: &Here) {
    if let Ok(here) = here.words() {
        take_back(ssh, &forward(port, &here)).await;
    }
}

async fn take_back(ssh: &Ssh, forward: &str) {
    run(ssh.command(ssh.tell(Order::Cancel, Some(forward))), CANCEL).await;
}

fn no_master(said: &str) -> Trouble {
    let why = if said.contains("No ControlPath") {
        "the ssh config names no ControlPath to share: use --mode=dedicated"
    } else {
        "there is no connection to share: log in to the VM once (limactl shell), or use --mode=dedicated"
    };
    Trouble::NoMaster(why.to_owned())
}

fn failed(ran: Ran, limit: Duration) -> Trouble {
    match ran {
        Ran::Ended { stderr, .. } => Trouble::from_words(&stderr),
        Ran::TimedOut => Trouble::Silent(format!("the VM has not given the port within {} s", limit.as_secs())),
        Ran::NotStarted(error) => Trouble::Other(format!("ssh cannot be started: {error}")),
    }
}
