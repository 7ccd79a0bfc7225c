//! The audit file: that a record can be written, that there is room, and where the chain stands. Whether all of
//! the chain is whole is for `audit --verify`.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Access, access, statvfs};
use serde_json::Value;

use super::files::is_own_and_shut;
use super::{Ground, Link};
use crate::control::ask;
use crate::terminal::visible;
use crate::trail::digest::Digest;
use crate::trail::record::Record;
use crate::typed::quoted;

const NAME: &str = "audit";
/// Less than this, in bytes, is told: as the daemon does.
const ROOM_LOW: u64 = 1024 * 1024 * 1024;
/// Less than this, in bytes, is soon no room at all.
const ROOM_NONE: u64 = 1024 * 1024;
/// More than a record can be.
const TAIL_BYTES: u64 = 512 * 1024;
/// How often a record may come between the two looks.
const TRIES: usize = 5;

pub(super) fn audit(ground: &Ground) -> Link {
    let path = ground.folder.audit();
    let error = ground.status.as_ref().and_then(|status| status["audit"]["last_error"].as_str());
    if let Some(problem) = unwritable(&path) {
        let fix = if is_own_and_shut(&path) {
            format!("chmod 600 {}", quoted(&path))
        } else {
            format!("mv {0} {0}.aside", quoted(&path))
        };
        return Link::fail(NAME, problem, fix);
    }
    if let Some(error) = error {
        return Link::fail(
            NAME,
            format!("the daemon cannot write it: {}", visible(error)),
            ground.typed.ours("status"),
        );
    }
    let free = statvfs(ground.folder.path()).ok().and_then(|found| found.f_bavail.checked_mul(found.f_frsize));
    let free = free.unwrap_or(u64::MAX);
    let room = format!("{} MiB are free", free / 1024 / 1024);
    let look = format!("df -h {}", quoted(ground.folder.path()));
    if free < ROOM_NONE {
        return Link::fail(NAME, format!("no record can be written: {room}"), look);
    }
    if let Err(problem) = chain(ground, &path) {
        return Link::fail(NAME, problem, ground.typed.ours("audit --verify"));
    }
    if free < ROOM_LOW { Link::warn(NAME, room, look) } else { Link::ok(NAME, format!("it can be written; {room}")) }
}

/// Why it cannot be written, if so. Nothing is, and none is made.
fn unwritable(path: &Path) -> Option<String> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Some(format!("{} is not a regular file", path.display())),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            Some(format!("{} belongs to another user", path.display()))
        }
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
fn chain(ground: &Ground, path: &Path) -> Result<(), String> {
    let mut said = ground.status.clone();
    for _ in 0..TRIES {
        let last = last_line(path).map_err(|error| format!("{}: {}", path.display(), error.kind()))?;
        let Some(line) = last else { return Ok(()) };
        if Record::read(&line).and_then(|record| record.seq).is_none() {
            return Err(format!("the last line of {} is no record", path.display()));
        }
        match &said {
            // A record may have come, or the file may have been rotated, in between.
            Some(status) if !is_head(&line, status) => said = ask(&ground.folder, "status").ok(),
            _ => return Ok(()),
        }
    }
    Err(format!("the last line of {} is not the one that the daemon wrote last", path.display()))
}

fn is_head(line: &[u8], status: &Value) -> bool {
    status["audit"]["head"].as_str().is_some_and(|head| head.is_empty() || head == Digest::of(line).to_string())
}

/// Without its end; none in an empty file.
pub(super) fn last_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    let mut tail = vec![0; usize::try_from(length - from).unwrap_or_default()];
    file.read_exact_at(&mut tail, from)?;
    // What follows the last end is being written.
    let whole = tail.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    tail.truncate(whole);
    let line = tail.rsplit(|byte| *byte == b'\n').next().filter(|line| !line.is_empty());
    Ok(line.map(<[u8]>::to_vec))
}
