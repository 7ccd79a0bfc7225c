//! The check of the audit file: a record can be written, there is space, the last line is the daemon's.
//!
//! `audit --verify` checks the whole chain.

use std::path::Path;

use actors::folder::is_own;
use actors::hint::Hint;
use actors::status::Report;
use actors::trail::{Head, Space, last_line};
use rustix::fs::{Access, access};

use super::files::is_own_and_shut;
use super::{Installation, Link};
use crate::control;
use crate::terminal::escape::visible;
use crate::terminal::hints::quoted;

const NAME: &str = "audit";
/// Less space than this, in bytes, is used up soon.
const SPACE_NONE: u64 = 1024 * 1024;
/// How often a record may arrive between reading the status and the file.
const TRIES: usize = 5;

pub(super) fn audit(installation: &Installation) -> Link {
    let path = installation.folder.audit();
    let error = installation.status.as_ref().and_then(|status| status.audit.last_error.as_deref());
    if let Some(problem) = unwritable(&path) {
        let fix = if is_own_and_shut(&path) {
            format!("chmod 600 {}", quoted(&path))
        } else {
            format!("mv {0} {0}.aside", quoted(&path))
        };
        return Link::fail(NAME, problem, fix);
    }
    if let Some(error) = error {
        return Link::fail(NAME, format!("the daemon cannot write it: {}", visible(error)), Hint::run("status"));
    }
    let space = Space::of(installation.folder.path()).unwrap_or(Space { free_bytes: u64::MAX });
    let room = format!("{} MiB are free", space.free_bytes / 1024 / 1024);
    let look = format!("df -h {}", quoted(installation.folder.path()));
    if space.free_bytes < SPACE_NONE {
        return Link::fail(NAME, format!("no record can be written: {room}"), look);
    }
    if let Err(problem) = chain(installation, &path) {
        return Link::fail(NAME, problem, Hint::run("audit --verify"));
    }
    if space.is_low() { Link::warn(NAME, room, look) } else { Link::ok(NAME, format!("it can be written; {room}")) }
}

/// Why it cannot be written, if so. Writes nothing and creates nothing.
fn unwritable(path: &Path) -> Option<String> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Some(format!("{} is not a regular file", path.display())),
        Ok(found) if !is_own(&found) => Some(format!("{} belongs to another user", path.display())),
        Ok(_) => {
            access(path, Access::READ_OK | Access::WRITE_OK).err().map(|error| format!("{}: {error}", path.display()))
        }
        Err(_) => {
            let folder = path.parent()?;
            let writable = access(folder, Access::WRITE_OK).is_ok() || !folder.exists();
            (!writable).then(|| format!("{} cannot be written", folder.display()))
        }
    }
}

/// Whether the last record is the one that the daemon wrote last.
fn chain(installation: &Installation, path: &Path) -> Result<(), String> {
    let mut said = installation.status.clone();
    for _ in 0..TRIES {
        let last = last_line(path).map_err(|error| format!("{}: {}", path.display(), error.kind()))?;
        let Some(line) = last else { return Ok(()) };
        let Some(head) = Head::of(&line) else {
            return Err(format!("the last line of {} is no record", path.display()));
        };
        match &said {
            // A record may have been written, or the file rotated, in between.
            Some(status) if !is_last(head, status) => said = control::status(&installation.folder).ok(),
            _ => return Ok(()),
        }
    }
    Err(format!("the last line of {} is not the one that the daemon wrote last", path.display()))
}

fn is_last(found: Head, status: &Report) -> bool {
    let hash = &status.audit.head;
    hash.is_empty() || *hash == found.hash.to_string()
}
