//! Reading `settings.env`, which may be anything that a person has put there.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Its text, or what is wrong with it. A link is followed: home-manager and others make one. A pipe is not waited
/// for: nobody may ever write into it.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        // What is wrong with the folder itself is told when it is opened.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(String::new());
        }
        Err(error) => return Err(unreadable(error.kind())),
    };
    if !file.metadata().map_err(|error| unreadable(error.kind()))?.is_file() {
        return Err("it is not a regular file: move it away".to_owned());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| unreadable(error.kind()))?;
    Ok(text)
}

fn unreadable(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::PermissionDenied => {
            "this user may not read it: see to its owner and mode, and to those of its folder".to_owned()
        }
        ErrorKind::InvalidData => "it is not text: write NAME=value lines".to_owned(),
        kind => format!("it cannot be read ({kind}): move it away"),
    }
}
