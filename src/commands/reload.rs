//! `reload`: the daemon reads the mount now.

use std::process::ExitCode;

use actors::folder::Folder;

use super::ask::ask;
use crate::cli::FolderArgs;
use crate::failure::Failure;
use crate::settings::folder_path;

pub(crate) fn main(arguments: &FolderArgs) -> Result<ExitCode, Failure> {
    ask(&Folder::at(&folder_path(arguments)?), "reload")?;
    say!("reading the secrets again; secret-proxy status tells how it went");
    Ok(ExitCode::SUCCESS)
}
