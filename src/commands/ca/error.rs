//! Errors of a root, with the command that fixes them.

use actors::RootError;
use actors::folder::Folder;

use crate::failure::Failure;
use crate::typed::Typed;

/// Why a root cannot be used. Commands to type name this folder, which the error does not know.
pub(super) fn unusable(folder: &Folder, error: &RootError) -> Failure {
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
