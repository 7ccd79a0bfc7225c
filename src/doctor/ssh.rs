//! The way into a VM: ssh, by Lima's configuration or another one, always on a connection of its own. Lima's
//! shared one is left alone: it would hold our files open and outlive us.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::Args;

use super::child::{self, Ran};
use super::port;
use crate::failure::Failure;
use crate::typed::{quoted, shell};
use crate::vm;

/// How long one look may take, with the connection.
const LIMIT: Duration = Duration::from_secs(12);
/// How long connecting may take, in seconds.
const CONNECT: u8 = 8;

/// The configuration may be the owner's own: no agent, no Kerberos ticket, no screen and no command is lent to a hostile VM because of
/// a line in there.
const LENT_NOTHING: [&str; 7] = ["-a", "-k", "-x", "-o", "PermitLocalCommand=no", "-o", "RemoteCommand=none"];

/// Which VM to check.
#[derive(Args, Debug)]
pub(crate) struct GuestArgs {
    /// Check this VM too, by ssh: a Lima instance, or the name of the tunnel to --host
    /// [default: check this computer alone]
    #[arg(value_name = "INSTANCE")]
    instance: Option<String>,

    /// Reach a VM that is not Lima's by this ssh configuration
    #[arg(long, value_name = "FILE", requires = "host")]
    ssh_config: Option<PathBuf>,

    /// Host of the VM in that file; in ~/.ssh/config without --ssh-config
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

/// A VM, and how to get there.
pub(super) struct Guest {
    config: PathBuf,
    host: String,
    /// Its name, if it is Lima's.
    instance: Option<String>,
    /// What its tunnel is called.
    name: String,
}

/// The VM that was asked for, if one was.
pub(super) fn guest(arguments: &GuestArgs) -> Result<Option<Guest>, Failure> {
    let instance = arguments.instance.clone();
    instance.as_deref().map_or(Ok(()), vm::name)?;
    let Some(host) = &arguments.host else {
        let Some(name) = instance else { return Ok(None) };
        let config = vm::lima_home()?.join(&name).join("ssh.config");
        return Ok(Some(Guest { config, host: format!("lima-{name}"), instance: Some(name.clone()), name }));
    };
    vm::host(host)?;
    let config = match &arguments.ssh_config {
        // What is to be typed may be typed elsewhere.
        Some(config) => std::path::absolute(config).map_err(Failure::usage)?,
        None => vm::home()?.join(".ssh/config"),
    };
    let name = instance.unwrap_or_else(|| vm::name_of_host(host));
    Ok(Some(Guest { config, host: host.clone(), instance: None, name }))
}

impl Guest {
    /// What it is called in `ca show` and here.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// Whether there is a configuration: Lima makes one when an instance is first started.
    pub(super) fn is_known(&self) -> bool {
        self.config.exists()
    }

    /// A shell line that runs something there.
    pub(super) fn typed(&self, words: &str) -> String {
        format!("ssh -a -k -x -F {} {} {words}", quoted(&self.config), shell(&self.host))
    }

    /// A shell line that keeps a tunnel to it.
    pub(super) fn tunnel(&self) -> String {
        match &self.instance {
            Some(instance) => format!("tunnel {instance}"),
            None => {
                let (config, host) = (quoted(&self.config), shell(&self.host));
                format!("tunnel {} --ssh-config {config} --host {host}", shell(&self.name))
            }
        }
    }

    /// Runs a script by a login shell there.
    pub(super) fn run(&self, script: &str) -> io::Result<Ran> {
        debug_assert!(!script.contains('\''), "it stands in quotes of whatever shell the user has");
        let mut command = self.command();
        command.args(["-T", &self.host, &format!("exec sh -lc '{script}'")]);
        child::run(&mut command, b"", LIMIT, |_| false)
    }

    /// What a port of its loopback answers to a request that is none for a proxy. No program is needed there.
    pub(super) fn ask_port(&self, port: u16) -> io::Result<Ran> {
        let mut command = self.command();
        command.args(["-W", &format!("127.0.0.1:{port}"), &self.host]);
        child::run(&mut command, port::QUESTION, LIMIT, port::is_ours)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(LENT_NOTHING).arg("-F").arg(&self.config);
        command.args(["-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ControlPath=none"]);
        command.args(["-o", "ClearAllForwardings=yes", "-o", &format!("ConnectTimeout={CONNECT}")]);
        command
    }
}
