//! `ca`: the current root, which VMs trust, and the next root.

mod error;
mod export;
mod rotate;
mod show;

use std::process::ExitCode;

use actors::folder::Folder;
use clap::{Args, Subcommand};

use crate::settings::{FolderArgs, folder_path};
use crate::terminal::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct CaArgs {
    #[command(flatten)]
    folder: FolderArgs,

    #[command(subcommand)]
    command: Option<CaCommand>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum CaCommand {
    /// Print fingerprint, age, end of validity and file of the current root and of the next root
    Show,
    /// Print the current root as PEM, and the next root if there is one, so that the VM can trust both
    Export,
    /// Create the next root, or with --finish make it the current root
    #[command(after_help = "Example: secret-proxy ca rotate\n\n\
        1. secret-proxy ca rotate                        creates the next root, which is not used yet\n\
        2. secret-proxy ca export > secret-proxy-ca.pem  prints both roots: copy the file to each VM again\n\
        3. secret-proxy doctor VM                        shows whether the VM trusts both roots\n\
        4. secret-proxy ca rotate --finish               switches to the next root, deletes the previous key")]
    Rotate {
        /// Make the next root the current root, and delete the key of the previous root
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
        CaCommand::Export => export::main(&folder)?,
        CaCommand::Rotate { finish: false, .. } => rotate::begin(&folder)?,
        CaCommand::Rotate { finish: true, force } => rotate::finish(&folder, force)?,
    }
    Ok(ExitCode::SUCCESS)
}
