//! `tunnel VM`: keeps the reverse tunnel into a VM open, in the foreground.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::folder::Folder;
use actors::tunnels::report::TunnelMode;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::daemon::signals::Signals;
use crate::keeper::{Config, Keeper, Target};
use crate::programs::find_program;
use crate::settings::{DEFAULT_PORT, FolderArgs, folder_path};
use crate::terminal::failure::Failure;
use crate::vm;
use crate::vm::locate::{Located, Place, config_path};
use crate::vm::ssh::unix_path;

/// ssh appends as much to the name of its socket while it creates it.
const TEMPORARY_SUFFIX: &str = ".0123456789abcdef";

#[derive(Args, Debug)]
pub(crate) struct TunnelArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Name of the Lima VM, or with --ssh-config a name of your choice
    #[arg(value_name = "VM")]
    instance: String,

    /// ssh connection that carries the reverse tunnel
    #[arg(long, default_value = "dedicated", value_parser = modes())]
    mode: TunnelMode,

    /// End of the reverse tunnel on your computer
    #[arg(long, value_enum, default_value_t = Target::Socket)]
    target: Target,

    /// Port of the reverse tunnel in the VM, on 127.0.0.1
    #[arg(long, default_value_t = DEFAULT_PORT, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    guest_port: u16,

    /// Reach a VM that is not Lima's by this ssh configuration, which needs no password
    #[arg(long, value_name = "FILE", requires = "host")]
    ssh_config: Option<PathBuf>,

    /// Host entry of the VM in that file
    #[arg(long, value_name = "NAME", requires = "ssh_config")]
    host: Option<String>,
}

/// The names of the modes.
fn modes() -> impl TypedValueParser<Value = TunnelMode> {
    let names = [
        PossibleValue::new(TunnelMode::Dedicated.as_str()).help("A connection of the keeper's own, which ends with the tunnel"),
        PossibleValue::new(TunnelMode::Shared.as_str()).help(
            "The control connection that `ControlPath` of the ssh configuration names, such as Lima's; the connection stays open",
        ),
    ];
    let shared = TunnelMode::Shared.as_str();
    PossibleValuesParser::new(names)
        .map(move |name| if name == shared { TunnelMode::Shared } else { TunnelMode::Dedicated })
}

pub(crate) fn main(arguments: &TunnelArgs) -> Result<ExitCode, Failure> {
    let path = folder_path(&arguments.folder)?;
    vm::name(&arguments.instance)?;
    let place = place(arguments)?;
    let ssh = find_program("ssh").ok_or_else(|| {
        Failure::not_well("ssh is in no folder of PATH").hint("install OpenSSH, or put its folder into PATH")
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::not_well)?;
    if let Located::Unknown(why) = runtime.block_on(place.locate()) {
        return Err(Failure::not_well(why));
    }
    // Before the folder is created.
    control(&Folder::at(&path), &arguments.instance)?;
    let (folder, warnings) = Folder::open(&path)?;
    warnings.iter().for_each(|warning| err!("secret-proxy: {warning}"));
    let control = control(&folder, &arguments.instance)?;
    let _lock = folder.lock_tunnel(&arguments.instance)?;
    let config = Config {
        instance: arguments.instance.clone(),
        mode: arguments.mode,
        target: arguments.target,
        port: arguments.guest_port,
        place,
        ssh,
        folder,
        control,
    };
    runtime.block_on(async {
        let mut signals = Signals::listen().map_err(Failure::not_well)?;
        Keeper::new(config).run(signals.next()).await;
        Ok(ExitCode::SUCCESS)
    })
}

fn place(arguments: &TunnelArgs) -> Result<Place, Failure> {
    let (Some(file), Some(host)) = (&arguments.ssh_config, &arguments.host) else {
        return Place::lima(&arguments.instance);
    };
    let file = config_path(file)?;
    if let Err(error) = std::fs::File::open(&file) {
        let failure = Failure::usage(format!("--ssh-config: cannot read {} ({})", file.display(), error.kind()));
        return Err(failure.hint("name the file that ssh -F takes"));
    }
    Place::host(&file, host)
}

/// The socket by which only the keeper shares ssh's connection.
fn control(folder: &Folder, instance: &str) -> Result<PathBuf, Failure> {
    let path = folder.path().join(format!("tunnel-{instance}.ssh"));
    for path in [&folder.path().join("proxy.sock"), &longest(&path)] {
        unix_path(path).map_err(Failure::usage)?;
    }
    Ok(path)
}

fn longest(path: &Path) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(TEMPORARY_SUFFIX);
    text.into()
}
