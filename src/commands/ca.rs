//! `ca`: the root certificate that VMs trust, and the next one.

mod rotate;
mod show;

use std::process::ExitCode;

use actors::folder::Folder;
use actors::{RootError, Roots};

use crate::cli::{CaArgs, CaCommand};
use crate::settings::{self, folder_path};
use crate::terminal::failure::Failure;
use crate::terminal::output::told;

/// Writes both roots into a file for the VMs.
const EXPORT: &str = "ca export > secret-proxy-ca.pem";

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

/// Why there is no usable root, with hints for this folder.
fn unusable(folder: &Folder, error: RootError) -> Failure {
    Failure::from(error).within(&settings::hints(folder))
}

/// Prints the active root and the next one, so that VMs trust the next one before it is used.
fn export(folder: &Folder) -> Result<(), Failure> {
    let roots = Roots::read(folder).map_err(|error| unusable(folder, error))?;
    let next = roots.next.transpose().map_err(|error| unusable(folder, error))?;
    say!("{}", roots.in_use.pem.trim_end());
    if let Some(next) = next {
        say!("{}", next.pem.trim_end());
        // An export that nobody received does not count.
        if !told()? {
            return Ok(());
        }
        if let Err(error) = Roots::note_export(folder) {
            let finish = settings::hints(folder).command("ca rotate --finish");
            complain!("secret-proxy: {finish} will refuse, because this export cannot be noted: {}", error.kind());
        }
    }
    Ok(())
}
