//! The kind, safety and version of a mount, by stat alone.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::secret_store::sources::error::{ReadError, UnsafeMount};
use crate::secret_store::sources::glance::{Glance, Version};

/// The two kinds of mount.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MountKind {
    /// A regular file, which is plain text on the disk.
    File,
    /// A pipe, which a program serves when it is opened.
    Pipe,
}

impl MountKind {
    /// The kind of the file at `path`; `None` for any other, and for none.
    pub fn at(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().and_then(|found| Self::of(&found))
    }

    /// The name of the kind in `status` and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Pipe => "pipe",
        }
    }

    fn of(found: &Metadata) -> Option<Self> {
        match found.file_type() {
            it if it.is_file() => Some(Self::File),
            it if it.is_fifo() => Some(Self::Pipe),
            _ => None,
        }
    }
}

/// Looks at the mount without opening it.
pub(crate) fn at(path: &Path) -> Result<(MountKind, Glance), ReadError> {
    let found = fs::symlink_metadata(path)?;
    let (kind, glance) = at_metadata(&found)?;
    if kind == MountKind::Pipe && is_open_to_others(&found) && !is_kept_by_folder(path) {
        return Err(ReadError::Unsafe(UnsafeMount::OpenPipe));
    }
    Ok((kind, glance))
}

/// The same for an open file: its folder does not count.
pub(super) fn at_metadata(found: &Metadata) -> Result<(MountKind, Glance), ReadError> {
    let kind = safe_kind(found).map_err(ReadError::Unsafe)?;
    let is_file = kind == MountKind::File;
    let version = if is_file { Version::of_file(found) } else { Version::of_pipe(found) };
    let glance =
        Glance { kind: kind.as_str(), is_eager: is_file, is_shared: !is_file, note: note(kind, found), version };
    Ok((kind, glance))
}

fn safe_kind(found: &Metadata) -> Result<MountKind, UnsafeMount> {
    let kind = match MountKind::of(found) {
        Some(kind) => kind,
        None if found.is_symlink() => return Err(UnsafeMount::Link),
        None => return Err(UnsafeMount::OtherKind),
    };
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(UnsafeMount::OtherOwner);
    }
    if kind == MountKind::File && is_open_to_others(found) {
        return Err(UnsafeMount::OpenFile);
    }
    Ok(kind)
}

fn note(kind: MountKind, found: &Metadata) -> Option<&'static str> {
    match kind {
        MountKind::File => Some("plain text on disk"),
        MountKind::Pipe if is_open_to_others(found) => {
            Some("the pipe is open to others, but its folder is not: chmod 600 it")
        }
        MountKind::Pipe => None,
    }
}

fn is_open_to_others(found: &Metadata) -> bool {
    found.mode() & 0o077 != 0
}

/// Whether the folder prevents access of other users to the file.
fn is_kept_by_folder(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok());
    folder.is_some_and(|it| !is_open_to_others(&it) && it.uid() == rustix::process::geteuid().as_raw())
}
