//! `ca`: the certificate that the VM must trust, and the one that it must trust next.

mod rotate;
mod show;

use std::process::ExitCode;

use actors::Roots;
use actors::folder::Folder;

use crate::cli::{CaArgs, CaCommand};
use crate::failure::Failure;
use crate::say::told;
use crate::settings::folder_path;

pub(crate) fn main(arguments: &CaArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(&arguments.folder)?);
    match arguments.command.unwrap_or(CaCommand::Show) {
        CaCommand::Show => show::main(&folder)?,
        CaCommand::Export => export(&folder)?,
        CaCommand::Rotate { finish: false, .. } => rotate::begin(&folder)?,
        CaCommand::Rotate { finish: true, force } => rotate::finish(&folder, force)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The one in use and, so that a VM can trust it before it is used, the next one.
fn export(folder: &Folder) -> Result<(), Failure> {
    let roots = Roots::read(folder).map_err(Failure::not_well)?;
    let next = roots.next.transpose().map_err(Failure::not_well)?;
    say!("{}", roots.in_use.pem.trim_end());
    if let Some(next) = next {
        say!("{}", next.pem.trim_end());
        // What was lost on its way was not exported.
        if !told()? {
            return Ok(());
        }
        if let Err(error) = Roots::note_export(folder) {
            complain!("secret-proxy: ca rotate --finish will not know of this export: {}", error.kind());
        }
    }
    Ok(())
}
