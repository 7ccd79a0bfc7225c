//! Errors of a root, with hints for its folder.

use actors::RootError;
use actors::folder::Folder;

use crate::settings;
use crate::terminal::failure::Failure;

/// Why there is no usable root.
pub(super) fn unusable(folder: &Folder, error: RootError) -> Failure {
    Failure::from(error).within(&settings::hints(folder))
}
