//! `uninstall`: takes away what `install` made, and nothing else.

use std::process::ExitCode;

use super::install::not_by_sudo;
use crate::cli::service::{Platform, UninstallArgs};
use crate::install::{self, Home};
use crate::settings::folder_path;
use crate::terminal::failure::Failure;
use crate::vm;

pub(crate) fn main(arguments: &UninstallArgs) -> Result<ExitCode, Failure> {
    not_by_sudo()?;
    let (platform, home) = (arguments.platform.unwrap_or_else(Platform::here), Home::find()?);
    arguments.instances.iter().try_for_each(|name| vm::name(name))?;
    if arguments.print {
        for path in install::installed(platform, &home, &arguments.instances) {
            say!("{}", path.display());
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !install::uninstall(platform, &home, &arguments.instances)? {
        say!("nothing is installed");
    }
    let dir = folder_path(&arguments.folder)?;
    if dir.exists() && arguments.instances.is_empty() {
        say!("kept       {}: secrets, settings, CA, logs and the audit trail", dir.display());
    }
    Ok(ExitCode::SUCCESS)
}
