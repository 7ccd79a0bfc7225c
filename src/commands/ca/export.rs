//! `ca export`: the current root and the next root.

use actors::Roots;
use actors::folder::Folder;

use super::error::unusable;
use crate::settings;
use crate::terminal::failure::Failure;
use crate::terminal::output::stdout_intact;

/// The command that exports the roots into a file for VMs.
pub(super) const EXPORT: &str = "ca export > secret-proxy-ca.pem";

/// Prints the current root and the next root, so that a VM trusts the next root before its use.
pub(super) fn main(folder: &Folder) -> Result<(), Failure> {
    let roots = Roots::read(folder).map_err(|error| unusable(folder, error))?;
    let next = roots.next.transpose().map_err(|error| unusable(folder, error))?;
    out!("{}", roots.in_use.pem.trim_end());
    if let Some(next) = next {
        out!("{}", next.pem.trim_end());
        // An export that nobody received does not count.
        if !stdout_intact()? {
            return Ok(());
        }
        if let Err(error) = Roots::note_export(folder) {
            let finish = settings::hints(folder).command("ca rotate --finish");
            err!("secret-proxy: {finish} will refuse, because this export cannot be noted: {}", error.kind());
        }
    }
    Ok(())
}
