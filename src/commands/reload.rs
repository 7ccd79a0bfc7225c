//! `reload`: the daemon reads the mount now.

use std::process::ExitCode;

use actors::folder::Folder;

use crate::control::ask;
use crate::failure::Failure;
use crate::settings::{FolderArgs, folder_path};
use crate::typed::Typed;

pub(crate) fn main(arguments: &FolderArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(arguments)?);
    let typed = Typed::new(&folder);
    // Without an answer in time the mount waits for its owner, which the state then says.
    let _ = ask(&folder, "reload");
    let secrets = &ask(&folder, "status")?["secrets"];
    let (state, detail) = (secrets["state"].as_str().unwrap_or_default(), secrets["detail"].as_str());
    say!(
        "secrets     {state} {}",
        detail.filter(|it| !it.is_empty()).map(|it| format!("({})", typed.told(it))).unwrap_or_default()
    );
    Ok(if state == "ready" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
