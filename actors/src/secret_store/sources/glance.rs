//! The state of a source, seen without a read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

/// The state at one moment. Two glances are equal if nothing has changed in between.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Glance {
    /// The kind of source, in the words of `status`.
    pub(crate) kind: &'static str,
    /// Whether a read raises no prompt: then each change is read at once.
    pub(crate) is_eager: bool,
    /// Whether other readers may take parts of the text: then new content needs two reads.
    pub(crate) is_shared: bool,
    /// A note for the person.
    pub(crate) note: Option<&'static str>,
    pub(crate) version: Version,
}

/// The identity and version of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Version {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Size and times; `None` for a pipe, whose times change at every read.
    pub(super) state: Option<(u64, i64, i64, i64, i64)>,
    /// A new file may get the number of a removed one. Not every file system knows when a file was made.
    pub(super) made: Option<SystemTime>,
}

impl Version {
    /// The version of a regular file.
    pub(super) fn of_file(found: &Metadata) -> Self {
        let times = (found.size(), found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
        Self { state: Some(times), ..Self::of_pipe(found) }
    }

    /// The version of a pipe.
    pub(super) fn of_pipe(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino(), state: None, made: found.created().ok() }
    }
}

#[cfg(test)]
impl Version {
    /// The version of no real file.
    pub(crate) const fn numbered(inode: u64) -> Self {
        Self { device: 0, inode, state: None, made: None }
    }
}
