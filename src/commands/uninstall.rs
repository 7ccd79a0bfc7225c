//! `uninstall`: removes the services of `install`, and nothing else.

use std::process::ExitCode;

use clap::Args;

use super::install::not_by_sudo;
use crate::install::{self, Home, Platform};
use crate::settings::{FolderArgs, folder_path};
use crate::terminal::failure::Failure;
use crate::vm;

#[derive(Args, Debug)]
pub(crate) struct UninstallArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Remove only the reverse tunnels into these VMs [default: remove everything]
    #[arg(value_name = "VM")]
    instances: Vec<String>,

    /// Print the paths of the files to remove, and change nothing
    #[arg(long)]
    print: bool,

    /// Act as on another platform
    #[arg(long, hide = true)]
    platform: Option<Platform>,
}

pub(crate) fn main(arguments: &UninstallArgs) -> Result<ExitCode, Failure> {
    not_by_sudo()?;
    let (platform, home) = (arguments.platform.unwrap_or_else(Platform::here), Home::find()?);
    arguments.instances.iter().try_for_each(|name| vm::name(name))?;
    if arguments.print {
        for path in install::installed(platform, &home, &arguments.instances) {
            out!("{}", path.display());
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !install::uninstall(platform, &home, &arguments.instances)? {
        out!("nothing is installed");
    }
    let dir = folder_path(&arguments.folder)?;
    if dir.exists() && arguments.instances.is_empty() {
        out!("kept       {}: secrets, settings, CA, logs and the audit trail", dir.display());
    }
    Ok(ExitCode::SUCCESS)
}
