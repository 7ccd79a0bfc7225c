//! The folder of settings, CA and logs.

use std::path::PathBuf;

use actors::folder::Folder;
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use etcetera::BaseStrategy;

use crate::terminal::failure::Failure;

/// The folder's flag, which every command has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FolderArgs {
    /// Folder of settings, CA and logs [default: ~/.config/secret-proxy]
    #[arg(long, global = true, env = "SECRET_PROXY_DIR", hide_env_values = true, value_name = "FOLDER",
          value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) dir: Option<PathBuf>,
}

/// The folder's path; nothing is read there.
pub(crate) fn folder_path(arguments: &FolderArgs) -> Result<PathBuf, Failure> {
    if let Some(dir) = &arguments.dir {
        if dir.as_os_str().is_empty() {
            return Err(Failure::usage("--dir (or SECRET_PROXY_DIR) is empty: name a folder, or unset the variable"));
        }
        if dir.starts_with("~") {
            return Err(Failure::usage("--dir: the shell left ~ as it is: write $HOME"));
        }
        return std::path::absolute(dir).map_err(|error| Failure::usage(format!("--dir: {error}")));
    }
    let strategy = etcetera::choose_base_strategy();
    let strategy = strategy.map_err(|_| Failure::usage("there is no home folder: name one with --dir"))?;
    Ok(strategy.config_dir().join("secret-proxy"))
}

/// Creates the folder, or tightens its mode, which the warnings report.
pub(crate) fn open_folder(arguments: &FolderArgs) -> Result<(Folder, Vec<String>), Failure> {
    Ok(Folder::open(&folder_path(arguments)?)?)
}
