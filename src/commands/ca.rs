//! `ca`: the certificate that the VM must trust, and the one that it must trust next.

mod rotate;
mod show;

use std::process::ExitCode;

use actors::folder::Folder;
use actors::{RootError, Roots};
use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::say::told;
use crate::settings::{FolderArgs, folder_path};
use crate::typed::Typed;

/// What both roots are brought to VMs with.
const EXPORT: &str = "ca export > secret-proxy-ca.pem";

#[derive(Args, Debug)]
pub(crate) struct CaArgs {
    #[command(flatten)]
    folder: FolderArgs,

    #[command(subcommand)]
    command: Option<CaCommand>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum CaCommand {
    /// Print the fingerprint, age, end of validity and file of the root, and of the next root
    Show,
    /// Print the certificate as PEM; with a next root print both, so that the VM can trust both
    Export,
    /// Create the next root beside the current one, or switch to it with --finish
    #[command(after_help = "Example: secret-proxy ca rotate\n\n\
        1. secret-proxy ca rotate                           creates the next root; the current root stays active\n\
        2. secret-proxy ca export > secret-proxy-ca.pem     both: copy the file to each VM again\n\
        3. secret-proxy doctor INSTANCE                     shows whether the VM trusts both\n\
        4. secret-proxy ca rotate --finish                  switches to the next root and deletes the old key")]
    Rotate {
        /// Switch to the next root, and delete the key of the old one
        #[arg(long)]
        finish: bool,

        /// Skip the check that the next root was exported and that every known VM trusts it
        #[arg(long, requires = "finish")]
        force: bool,
    },
}

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

/// Why there is no root to tell of. What is to be typed is for this folder, which the root does not know.
fn unusable(folder: &Folder, error: &RootError) -> Failure {
    let typed = Typed::new(folder);
    match error {
        RootError::Missing(path) => {
            Failure::not_well(format!("there is no CA in {} yet: {} makes it", path.display(), typed.ours("run")))
        }
        RootError::Next(path, what) => {
            let (path, another) = (path.display(), typed.ours("ca rotate"));
            Failure::not_well(format!(
                "the next root cannot be used ({what}): remove {path}, and {another} makes another"
            ))
        }
        other => Failure::not_well(other),
    }
}

/// The one in use and, so that a VM can trust it before it is used, the next one.
fn export(folder: &Folder) -> Result<(), Failure> {
    let roots = Roots::read(folder).map_err(|error| unusable(folder, &error))?;
    let next = roots.next.transpose().map_err(|error| unusable(folder, &error))?;
    say!("{}", roots.in_use.pem.trim_end());
    if let Some(next) = next {
        say!("{}", next.pem.trim_end());
        // What was lost on its way was not exported.
        if !told()? {
            return Ok(());
        }
        if let Err(error) = Roots::note_export(folder) {
            let finish = Typed::new(folder).ours("ca rotate --finish");
            complain!("secret-proxy: {finish} will not know of this export: {}", error.kind());
        }
    }
    Ok(())
}
