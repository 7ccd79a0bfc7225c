//! The audit file: whole lines, appended, each with the hash of the one before.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use policy::record::{ChainEvent, ChainNote, Through};
use rustix::process::geteuid;
use serde::Serialize;
use tracing::warn;

use super::chain::{self, Link};
use crate::folder::{FolderError, open_ours};
use crate::hex::RecordId;
use crate::settings::AuditRotation;

/// The open file, and where the chain stands.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    /// Which file that is, by device and inode.
    place: (u64, u64),
    link: Link,
    /// The number of the first record in it.
    first: u64,
    rotation: AuditRotation,
    /// The file that stands where this one would be moved to, once it was told of: it is looked for at each append.
    in_the_way: Option<PathBuf>,
}

impl AuditFile {
    /// Opens the file and finds the end of the chain, in files that were moved aside if it must. `last`
    /// is the last record that this process has written. A torn last line is cut; a chain that cannot be
    /// continued is started anew, with a record that says why.
    pub(super) fn open(
        path: &Path,
        rotation: AuditRotation,
        last: Option<Link>,
        timestamp: &str,
    ) -> Result<Self, FolderError> {
        let fail = |error| FolderError::Io(path.into(), error);
        let mut file = open_live(path)?;
        let end = chain::end_of(&mut file).map_err(fail)?;
        if let Some(whole) = end.torn_at {
            file.set_len(whole).map_err(fail)?;
        }
        let found = file.metadata().map_err(fail)?;
        let (place, is_empty) = (place(&found), found.len() == 0);
        let (link, is_broken) = if is_empty {
            (chain::latest(chain::end_before(path), last).unwrap_or_default(), false)
        } else {
            end.goes_on(path, last)
        };
        let first = chain::first_of(&file).map_err(fail)?.unwrap_or(link.seq + 1);
        let mut audit = Self { path: path.into(), file, place, link, first, rotation, in_the_way: None };
        if is_broken {
            let reason = "the last line has no place in the chain";
            audit.note(timestamp, ChainEvent::ChainStart, reason, None).map_err(fail)?;
        } else if end.torn_at.is_some() {
            let reason = "the last line was torn and has been cut";
            audit.note(timestamp, ChainEvent::TornLine, reason, None).map_err(fail)?;
        }
        Ok(audit)
    }

    /// Writes records as one line each, with one write, and gives the lines.
    pub(super) fn append(
        &mut self,
        timestamp: &str,
        records: impl IntoIterator<Item = impl Serialize>,
    ) -> io::Result<Vec<u8>> {
        if self.follow()? >= self.rotation.bytes_max {
            self.rotate(timestamp)?;
        }
        self.write(records)
    }

    /// The hash of the last line.
    pub(super) fn head(&self) -> &str {
        &self.link.head
    }

    /// The number of the last record.
    pub(super) fn seq(&self) -> u64 {
        self.link.seq
    }

    /// The open file, to be synced.
    pub(super) fn to_sync(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    fn write(&mut self, records: impl IntoIterator<Item = impl Serialize>) -> io::Result<Vec<u8>> {
        let (mut lines, mut link) = (Vec::with_capacity(512), self.link.clone());
        records.into_iter().for_each(|record| link.add(&record, &mut lines));
        // A short write leaves a torn line: the file is then opened anew, which cuts it.
        if self.file.write(&lines)? < lines.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.link = link;
        Ok(lines)
    }

    /// Goes over to the file that stands at our path, if ours was renamed or removed. Tells how long it is.
    fn follow(&mut self) -> io::Result<u64> {
        if let Ok(ours) = fs::symlink_metadata(&self.path)
            && place(&ours) == self.place
        {
            if ours.uid() != geteuid().as_raw() {
                return Err(io::Error::other(FolderError::NotOurs(self.path.clone())));
            }
            if ours.len() == 0 {
                // It was emptied in place.
                self.first = self.link.seq + 1;
            }
            return Ok(ours.len());
        }
        let file = open_live(&self.path).map_err(io::Error::other)?;
        let found = file.metadata()?;
        if found.len() > 0 {
            // It has a chain of its own, whose end must be found first.
            return Err(io::Error::other("another file took its place"));
        }
        (self.file, self.place, self.first) = (file, place(&found), self.link.seq + 1);
        Ok(0)
    }

    /// Moves the file aside and begins another. If it cannot, the file grows on.
    fn rotate(&mut self, timestamp: &str) -> io::Result<()> {
        let aside = chain::aside(&self.path, self.first);
        if aside.exists() {
            if self.in_the_way.as_ref() != Some(&aside) {
                warn!(file = %aside.display(), "the audit file is not rotated: there is a file of that name");
                self.in_the_way = Some(aside);
            }
            return Ok(());
        }
        match fs::rename(&self.path, &aside).and_then(|()| self.follow()) {
            Ok(_) => self.prune(timestamp),
            Err(error) => {
                warn!(%error, "rotating the audit file");
                Ok(())
            }
        }
    }

    /// Deletes the oldest files beyond the number that is kept, after a record says so. It fails if the
    /// record cannot be written: half of one may stand in the file.
    fn prune(&mut self, timestamp: &str) -> io::Result<()> {
        let Some(keep) = self.rotation.keep else { return Ok(()) };
        let mut files = chain::moved_aside(&self.path);
        files.truncate(files.len().saturating_sub(keep));
        let Some(newest) = files.last() else { return Ok(()) };
        let through = match chain::through(newest) {
            Ok(through) => through,
            Err(error) => {
                warn!(%error, file = %newest.display(), "old audit files are not deleted");
                return Ok(());
            }
        };
        let reason = "the oldest records were deleted, as the settings say";
        self.note(timestamp, ChainEvent::Pruned, reason, Some(through))?;
        for file in files {
            if let Err(error) = fs::remove_file(&file) {
                warn!(%error, file = %file.display(), "an old audit file is not deleted");
            }
        }
        Ok(())
    }

    fn note(&mut self, timestamp: &str, outcome: ChainEvent, reason: &str, through: Option<Through>) -> io::Result<()> {
        let id = RecordId::random();
        self.write([ChainNote { timestamp, id: id.as_str(), outcome, reason, through }]).map(drop)
    }
}

fn place(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn open_live(path: &Path) -> Result<File, FolderError> {
    open_ours(path, OpenOptions::new().read(true).append(true).create(true))
}

#[cfg(test)]
mod tests;
