//! The names of the live audit file and of the files that it was rotated to.
//!
//! Records are written to `audit.log`. The daemon renames a full file to `audit.log.SEQ`, with the number of its
//! first record; other programs use names such as `audit.log.0` or `audit.log-20260204`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Digits of the number in the daemon's own names, so that they sort.
const DIGITS: usize = 12;
/// The extensions of programs that compress rotated files.
const COMPRESSED: [&str; 5] = [".gz", ".bz2", ".xz", ".zst", ".Z"];

/// The name of the file with the records that are kept of deleted files.
pub(super) const KEPT: &str = "audit.kept.log";

/// That file, beside a live one.
pub(crate) fn kept(live: &Path) -> PathBuf {
    live.with_file_name(KEPT)
}

/// Whether it is that file.
pub(super) fn is_kept(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == KEPT)
}

/// The name that the daemon gives the live file when it rotates it: with the number of its first record.
pub(crate) fn rotated(live: &Path, first: u64) -> PathBuf {
    let mut name = live.as_os_str().to_owned();
    name.push(format!(".{first:0DIGITS$}"));
    name.into()
}

/// The files that the daemon rotated, oldest first.
pub(crate) fn rotated_by_daemon(live: &Path) -> Vec<PathBuf> {
    let number = |path: &PathBuf| path.extension()?.to_str().filter(|it| it.len() >= DIGITS)?.parse::<u64>().ok();
    let mut files: Vec<_> = beside(live).into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}

/// All regular files whose names begin with the live one's and a dot: whoever renamed them, the chain may end there.
pub(crate) fn beside(live: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (live.parent(), live.file_name().and_then(OsStr::to_str)) else {
        return Vec::new();
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let rest = entry.file_name().to_str().and_then(|it| it.strip_prefix(name).map(|rest| rest.starts_with('.')));
        rest == Some(true) && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    ours.map(|entry| entry.path()).collect()
}

/// Whether the name is that of the live file, the same with a number or a date after it, or that of the kept records.
pub(super) fn is_of_trail(path: &Path, live: &Path) -> bool {
    let name = |path: &Path| path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    if is_kept(path) {
        return true;
    }
    let (name, live) = (name(path), name(live));
    let Some(rest) = name.strip_prefix(&live) else { return false };
    let number = rest.strip_prefix(['.', '-']).unwrap_or_default();
    rest.is_empty() || number.starts_with(|first: char| first.is_ascii_digit())
}

pub(super) fn is_compressed(path: &Path) -> bool {
    COMPRESSED.iter().any(|end| path.as_os_str().as_encoded_bytes().ends_with(end.as_bytes()))
}
