//! `reload`: the daemon reads the mount now.

use std::process::ExitCode;

use actors::folder::Folder;

use super::status::detail;
use crate::cli::FolderArgs;
use crate::control::ask;
use crate::settings::{self, folder_path};
use crate::terminal::failure::Failure;

pub(crate) fn main(arguments: &FolderArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(arguments)?);
    // Without an answer in time the mount waits for its owner, and the state says so.
    let _ = ask(&folder, "reload");
    let secrets = &ask(&folder, "status")?["secrets"];
    let state = secrets["state"].as_str().unwrap_or_default();
    let detail = detail(secrets, &settings::hints(&folder));
    say!("secrets     {state}{}", detail.map(|detail| format!(" ({detail})")).unwrap_or_default());
    Ok(if state == "ready" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
