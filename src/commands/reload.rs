//! `reload`: the daemon reads the mount now.

use std::process::ExitCode;

use actors::folder::Folder;
use actors::status::{Done, Question, SecretsState};

use super::status::detail;
use crate::control::{ask, status};
use crate::settings::{self, FolderArgs, folder_path};
use crate::terminal::failure::Failure;

pub(crate) fn main(arguments: &FolderArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(arguments)?);
    // Without an answer in time the mount waits for its owner, and the state says so.
    let _ = ask::<Done>(&folder, &Question::Reload);
    let secrets = status(&folder)?.secrets;
    let detail = detail(&secrets, &settings::hints(&folder));
    out!("secrets     {}{}", secrets.state.as_str(), detail.map(|detail| format!(" ({detail})")).unwrap_or_default());
    Ok(if secrets.state == SecretsState::Ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
