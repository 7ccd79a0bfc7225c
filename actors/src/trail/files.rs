//! The files of the trail, oldest first.
//!
//! Names do not give the order, because other programs rotate files too; the number of the first record does.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use policy::record::Record;

use super::names::{is_compressed, is_kept, is_of_trail};
use crate::folder::Folder;
use crate::limits;

/// Attempts to list and open the files without a rotation in between.
const TRIES: usize = 10;

/// What was found.
pub(super) struct Files {
    pub(super) files: Vec<TrailFile>,
    /// Files that cannot be read, each with what to do about it.
    pub(super) passed_over: Vec<String>,
}

/// One open file.
#[derive(Debug)]
pub(super) struct TrailFile {
    pub(super) path: Rc<Path>,
    pub(super) file: File,
    pub(super) identity: Identity,
    /// Whether records are written to it.
    pub(super) live: bool,
    pub(super) first: Option<First>,
}

/// The number and the time of a file's first record. Numbers may repeat where a new chain starts.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct First {
    pub(crate) seq: u64,
    timestamp: String,
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

/// Opens all files, without a rename in between.
pub(super) fn open(folder: &Folder) -> io::Result<Files> {
    for _ in 0..TRIES {
        let listed = list(folder)?;
        let (compressed, plain): (Vec<_>, Vec<_>) = listed.iter().partition(|it| is_compressed(&it.path));
        let Some(mut files) = open_listed(&plain, &folder.audit())? else { continue };
        if list(folder)? == listed {
            files.sort_by(|one, other| order(one).cmp(&order(other)));
            let say = |it: &&Listed| format!("{} is not read: unpack it to have its records", it.path.display());
            return Ok(Files { files, passed_over: compressed.iter().map(say).collect() });
        }
    }
    Err(io::Error::other(format!("{}: its files are being renamed, try again", folder.path().display())))
}

/// The kept records come from files that were older than all others.
fn order(file: &TrailFile) -> (bool, bool, Option<&First>, &Path) {
    (file.live, !is_kept(&file.path), file.first.as_ref(), &file.path)
}

/// A name in the folder.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Listed {
    path: PathBuf,
    identity: Identity,
}

fn list(folder: &Folder) -> io::Result<Vec<Listed>> {
    let entries = match fs::read_dir(folder.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| named(folder.path(), &error))?,
    };
    let live = folder.audit();
    let mut listed = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| named(folder.path(), &error))?.path();
        if !is_of_trail(&path, &live) {
            continue;
        }
        // Links are not followed, as the daemon does not.
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if found.is_file() {
            listed.push(Listed { path, identity: Identity::of(&found) });
        } else if path == live {
            return Err(io::Error::other(format!("{} is not a regular file", path.display())));
        }
    }
    listed.sort();
    Ok(listed)
}

/// `None` if a name stands for another file than when it was listed.
fn open_listed(listed: &[&Listed], live: &Path) -> io::Result<Option<Vec<TrailFile>>> {
    let mut files = Vec::new();
    for Listed { path, identity } in listed.iter().copied() {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| named(path, &error))?,
        };
        let fail = |error| named(path, &error);
        if Identity::of(&file.metadata().map_err(fail)?) != *identity {
            return Ok(None);
        }
        let first = first(&file).map_err(fail)?;
        let live = path == live;
        files.push(TrailFile { path: path.as_path().into(), file, identity: *identity, live, first });
    }
    Ok(Some(files))
}

/// The first record that has a number.
pub(crate) fn first(file: &File) -> io::Result<Option<First>> {
    let mut head = vec![0; limits::RECORD_BYTES_MAX];
    let length = file.read_at(&mut head, 0)?;
    head.truncate(length);
    let mut records = head.split(|byte| *byte == b'\n').filter_map(Record::read);
    Ok(records.find_map(|record| Some(First { seq: record.seq?, timestamp: record.timestamp.to_string() })))
}

/// An error that says where it happened.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    let what = match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied: check its owner and mode".to_owned(),
        kind => kind.to_string(),
    };
    io::Error::new(error.kind(), format!("{}: {what}", path.display()))
}
