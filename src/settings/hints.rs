//! Hints for a folder: commands name every folder but the default.

use std::path::PathBuf;

use actors::folder::Folder;

use super::folder::{FolderArgs, folder_path};
use crate::terminal::hints::Hints;

/// Hints for this folder.
pub(crate) fn hints(folder: &Folder) -> Hints {
    let dir = std::env::var_os("SECRET_PROXY_DIR").map(PathBuf::from);
    let usual = folder_path(&FolderArgs { dir });
    Hints::new(folder, usual.is_ok_and(|path| Folder::at(&path).path() == folder.path()))
}
