//! `tunnel INSTANCE`: keeps the reverse tunnel into a VM, in the foreground.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::folder::Folder;
use actors::tunnels::report::TunnelMode;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::settings::{DEFAULT_PORT, FolderArgs, folder_path};
use crate::tunnel::{Keeper, Located, Place, Site, Target, find_program, unix_path};
use crate::vm;

/// What ssh adds to the name of its socket while it makes it.
const WHILE_MADE: &str = ".0123456789abcdef";

#[derive(Args, Debug)]
pub(crate) struct TunnelArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// VM: the name of its Lima instance, or with --ssh-config a name of your choice
    #[arg(value_name = "INSTANCE")]
    instance: String,

    /// ssh connection that carries the tunnel
    #[arg(long, value_enum, default_value_t = Mode::Dedicated)]
    mode: Mode,

    /// End of the tunnel on this computer
    #[arg(long, value_enum, default_value_t = End::Socket)]
    target: End,

    /// Port in the VM, on its 127.0.0.1
    #[arg(long, default_value_t = DEFAULT_PORT, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    guest_port: u16,

    /// Reach a VM that is not Lima's by this ssh configuration, without a password
    #[arg(long, value_name = "FILE", requires = "host")]
    ssh_config: Option<PathBuf>,

    /// Host of the VM in that file
    #[arg(long, value_name = "NAME", requires = "ssh_config")]
    host: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// A connection of its own, which ends with the tunnel
    Dedicated,
    /// The control connection that `ControlPath` of the ssh configuration names, such as Lima's; it stays open
    Shared,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    /// The proxy's Unix socket, which other users of this computer cannot reach
    Socket,
    /// The proxy's TCP port
    Port,
}

pub(crate) fn main(arguments: &TunnelArgs) -> Result<ExitCode, Failure> {
    let path = folder_path(&arguments.folder)?;
    vm::name(&arguments.instance)?;
    let place = place(arguments)?;
    let ssh = find_program("ssh", env::var_os("PATH").as_deref());
    let ssh = ssh.ok_or_else(|| {
        Failure::not_well("ssh is in no folder of PATH: install OpenSSH, or put its folder into PATH")
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::not_well)?;
    if let Located::Unknown(why) = runtime.block_on(place.locate()) {
        return Err(Failure::not_well(why));
    }
    // Before a folder is made.
    control(&Folder::at(&path), &arguments.instance)?;
    let (folder, warnings) = Folder::open(&path).map_err(Failure::not_well)?;
    warnings.iter().for_each(|warning| complain!("secret-proxy: {warning}"));
    let control = control(&folder, &arguments.instance)?;
    let _lock = folder.lock_tunnel(&arguments.instance).map_err(Failure::not_well)?;
    let site = Site {
        instance: arguments.instance.clone(),
        mode: mode(arguments.mode),
        target: target(arguments.target),
        port: arguments.guest_port,
        place,
        ssh,
        folder,
        control,
    };
    runtime.block_on(async {
        let signals = Signals::listen().map_err(Failure::not_well)?;
        Keeper::new(site).run(signals.stop()).await;
        Ok(ExitCode::SUCCESS)
    })
}

fn mode(given: Mode) -> TunnelMode {
    match given {
        Mode::Dedicated => TunnelMode::Dedicated,
        Mode::Shared => TunnelMode::Shared,
    }
}

fn target(given: End) -> Target {
    match given {
        End::Socket => Target::Socket,
        End::Port => Target::Port,
    }
}

fn place(arguments: &TunnelArgs) -> Result<Place, Failure> {
    let (Some(file), Some(host)) = (&arguments.ssh_config, &arguments.host) else {
        let limactl = find_program("limactl", env::var_os("PATH").as_deref());
        return Ok(Place::Lima { name: arguments.instance.clone(), home: vm::lima_home()?, limactl });
    };
    let file = std::path::absolute(file).map_err(|error| Failure::usage(format!("--ssh-config: {error}")))?;
    if let Err(error) = std::fs::File::open(&file) {
        return Err(Failure::usage(format!(
            "--ssh-config: {} cannot be read ({}): name the file that ssh -F takes",
            file.display(),
            error.kind()
        )));
    }
    vm::host(host)?;
    Ok(Place::Config { file, host: host.clone() })
}

/// The socket by which ssh lets the keeper alone share its connection.
fn control(folder: &Folder, instance: &str) -> Result<PathBuf, Failure> {
    let path = folder.path().join(format!("tunnel-{instance}.ssh"));
    for path in [&folder.path().join("proxy.sock"), &longest(&path)] {
        unix_path(path).map_err(Failure::usage)?;
    }
    Ok(path)
}

fn longest(path: &Path) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(WHILE_MADE);
    text.into()
}

struct Signals {
    all: [Signal; 3],
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [terminate, interrupt, hangup] = kinds.map(signal);
        Ok(Self { all: [terminate?, interrupt?, hangup?] })
    }

    async fn stop(self) {
        let [mut terminate, mut interrupt, mut hangup] = self.all;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
