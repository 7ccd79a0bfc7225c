//! The VM to check, reached by ssh on connections of its own.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::child::{Dialogue, Ran, run_blocking};
use crate::control::identify;
use crate::terminal::failure::Failure;
use crate::terminal::hints::{quoted, shell};
use crate::vm;
use crate::vm::locate::Place;
use crate::vm::ssh::Ssh;

/// How long one check may take, with the connection.
const LIMIT: Duration = Duration::from_secs(12);
/// More bytes than the certificates of a whole system take.
const OUTPUT_MAX: usize = 8 * 1024 * 1024;

/// Which VM to check.
#[derive(Args, Debug)]
pub(crate) struct GuestArgs {
    /// Check this VM too, by ssh: the name of a Lima VM, or with --host the name of its tunnel
    /// [default: check your computer alone]
    #[arg(value_name = "VM")]
    instance: Option<String>,

    /// Reach a VM that is not Lima's by this ssh configuration
    #[arg(long, value_name = "FILE", requires = "host")]
    ssh_config: Option<PathBuf>,

    /// Host entry of the VM in that file [default file: ~/.ssh/config]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

/// A VM, and how to get there.
pub(super) struct Guest {
    place: Place,
    ssh: Ssh,
    /// The name of its tunnel.
    name: String,
}

/// The VM that was asked for, if one was.
pub(super) fn guest(arguments: &GuestArgs) -> Result<Option<Guest>, Failure> {
    let instance = arguments.instance.as_deref();
    instance.map_or(Ok(()), vm::name)?;
    let (place, name) = match (&arguments.host, instance) {
        (None, None) => return Ok(None),
        (None, Some(instance)) => (Place::lima(instance)?, instance.to_owned()),
        (Some(host), instance) => {
            let config = match &arguments.ssh_config {
                Some(config) => config.clone(),
                None => vm::home()?.join(".ssh/config"),
            };
            let name = instance.map_or_else(|| vm::name_of_host(host), str::to_owned);
            (Place::host(&config, host)?, name)
        }
    };
    let ssh = place.ssh("ssh".into());
    Ok(Some(Guest { place, ssh, name }))
}

impl Guest {
    /// Its name in `ca show` and here.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Lima's name for it, if it is Lima's.
    pub(super) fn instance(&self) -> Option<&str> {
        match &self.place {
            Place::Lima { name, .. } => Some(name),
            Place::Config { .. } => None,
        }
    }

    /// Whether there is a configuration: Lima writes one when an instance first starts.
    pub(super) fn is_known(&self) -> bool {
        self.ssh.config.exists()
    }

    /// A shell line that runs something there.
    pub(super) fn shell_line(&self, words: &str) -> String {
        format!("ssh -a -k -x -F {} {} {words}", quoted(&self.ssh.config), shell(&self.ssh.host))
    }

    /// A command of ours that keeps a tunnel to it.
    pub(super) fn tunnel(&self) -> String {
        match self.instance() {
            Some(instance) => format!("tunnel {instance}"),
            None => {
                let (config, host) = (quoted(&self.ssh.config), shell(&self.ssh.host));
                format!("tunnel {} --ssh-config {config} --host {host}", shell(&self.name))
            }
        }
    }

    /// Runs a script by a login shell there.
    pub(super) fn run(&self, script: &str) -> io::Result<Ran> {
        let dialogue = Dialogue { bytes_max: OUTPUT_MAX, ..Dialogue::default() };
        run_blocking(self.ssh.command(self.ssh.script(script)), dialogue, LIMIT)
    }

    /// Asks a port of its loopback who answers there. No program is needed in the VM.
    pub(super) fn ask_port(&self, port: u16) -> io::Result<Ran> {
        let dialogue = Dialogue { input: identify::QUESTION, is_enough: identify::is_ours, ..Dialogue::default() };
        run_blocking(self.ssh.command(self.ssh.port_once(port)), dialogue, LIMIT)
    }
}
