//! The live audit file: whole lines, appended, each with the hash of the one before.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use policy::record::{Event, Notice, Outcome, Record};
use rustix::process::geteuid;
use tracing::warn;

use super::carry::Carried;
use super::chain::Chain;
use super::clock::Clock;
use crate::audit::settings::AuditRotation;
use crate::folder::{FolderError, open_ours};
use crate::hex::RecordId;
use crate::trail::{self, Head, Tail};

/// The open file, and where the chain stands.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    /// Which file that is, by device and inode.
    identity: (u64, u64),
    chain: Chain,
    /// The number of the first record in it.
    first: u64,
    rotation: AuditRotation,
    /// A file of the name that this one would get by rotation, once that was logged: each append tries again.
    in_the_way: Option<PathBuf>,
    /// It was rotated since the oldest files were last looked through.
    has_rotated: bool,
}

/// Lines that were written together.
#[derive(Debug, Default)]
pub(super) struct Written {
    text: String,
    /// Where each line ends, its line end included.
    ends: Vec<usize>,
}

impl Written {
    /// The lines in the order of their records, without their ends.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.text.get(start..end - 1).unwrap_or_default())
    }
}

/// Opens the file once before the tree starts, so that a person who starts it sees what is wrong.
pub(crate) fn probe(path: &Path, rotation: AuditRotation) -> Result<(), FolderError> {
    AuditFile::open(path, rotation, None, &Clock::default().now()).map(drop)
}

impl AuditFile {
    /// Opens the file and finds the end of the chain, in rotated files if necessary. `last` is the last record that
    /// this process has written. A torn last line is cut. Where the chain cannot continue, a new one starts with a
    /// notice that gives the reason.
    pub(super) fn open(
        path: &Path,
        rotation: AuditRotation,
        last: Option<Head>,
        timestamp: &str,
    ) -> Result<Self, FolderError> {
        let fail = |error| FolderError::Io(path.into(), error);
        let file = open_live(path)?;
        let tail = Tail::read(&file).map_err(fail)?;
        if let Some(whole) = tail.torn_at() {
            file.set_len(whole).map_err(fail)?;
        }
        let found = file.metadata().map_err(fail)?;
        let (chain, is_broken) =
            if found.len() == 0 { (Chain::in_new_file(path, last), false) } else { Chain::in_file(&tail, path, last) };
        let first = trail::first(&file).map_err(fail)?.map_or(chain.seq + 1, |first| first.seq);
        let identity = identity(&found);
        let path = path.to_path_buf();
        let mut audit = Self { path, file, identity, chain, first, rotation, in_the_way: None, has_rotated: false };
        if is_broken {
            let reason = "the last line has no place in the chain";
            audit.note(timestamp, Notice::new(RecordId::random(), Outcome::ChainStart, reason)).map_err(fail)?;
        } else if tail.torn_at().is_some() {
            let reason = "the last line was torn and has been cut";
            audit.note(timestamp, Notice::new(RecordId::random(), Outcome::TornLine, reason)).map_err(fail)?;
        }
        Ok(audit)
    }

    /// Gives records their places in the chain, and appends their lines with one write.
    pub(super) fn append(&mut self, records: &mut [Record<'_>]) -> io::Result<Written> {
        if self.follow()? >= self.rotation.bytes_max {
            self.rotate();
        }
        self.write(records)
    }

    /// The last record.
    pub(super) fn head(&self) -> Option<Head> {
        self.chain.head()
    }

    /// The open file, to be synced.
    pub(super) fn to_sync(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    fn write(&mut self, records: &mut [Record<'_>]) -> io::Result<Written> {
        let (mut lines, mut ends) = (Vec::with_capacity(512), Vec::with_capacity(records.len()));
        let mut chain = self.chain;
        for record in records {
            chain.add(record, &mut lines);
            ends.push(lines.len());
        }
        // A short write leaves a torn line: the file is then opened again, which cuts it.
        if self.file.write(&lines)? < lines.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.chain = chain;
        Ok(Written { text: String::from_utf8(lines).unwrap_or_default(), ends })
    }

    /// Switches to the file that has our path now, if ours was renamed or removed. Returns its length.
    fn follow(&mut self) -> io::Result<u64> {
        if let Ok(ours) = fs::symlink_metadata(&self.path)
            && identity(&ours) == self.identity
        {
            if ours.uid() != geteuid().as_raw() {
                return Err(io::Error::other(FolderError::NotOurs(self.path.clone())));
            }
            if ours.len() == 0 {
                // It was truncated in place.
                self.first = self.chain.seq + 1;
            }
            return Ok(ours.len());
        }
        let file = open_live(&self.path).map_err(io::Error::other)?;
        let found = file.metadata()?;
        if found.len() > 0 {
            // It has a chain of its own, whose end must be found first.
            return Err(io::Error::other("another file took its place"));
        }
        (self.file, self.identity, self.first) = (file, identity(&found), self.chain.seq + 1);
        Ok(0)
    }

    /// Renames the file and begins another. If that fails, the file keeps growing.
    fn rotate(&mut self) {
        let aside = trail::rotated(&self.path, self.first);
        if aside.exists() {
            if self.in_the_way.as_ref() != Some(&aside) {
                warn!(file = %aside.display(), "the audit file is not rotated: there is a file of that name");
                self.in_the_way = Some(aside);
            }
            return;
        }
        match fs::rename(&self.path, &aside).and_then(|()| self.follow()) {
            Ok(_) => self.has_rotated = true,
            Err(error) => warn!(%error, "rotating the audit file"),
        }
    }

    /// How many rotated files to keep, once after each rotation: others may be too old by then.
    pub(super) fn take_prune(&mut self) -> Option<usize> {
        if std::mem::take(&mut self.has_rotated) { self.rotation.keep } else { None }
    }

    /// Deletes old files, after a notice about it. It fails if the notice cannot be written: half of it may stand in
    /// the file.
    pub(super) fn delete(&mut self, timestamp: &str, Carried { files, through, kept }: Carried) -> io::Result<()> {
        self.follow()?;
        let reason = "the oldest records were deleted, as the settings say";
        let notice = Notice::new(RecordId::random(), Outcome::Pruned, reason);
        self.note(timestamp, Notice { through: Some(through), kept: Some(kept.sum.in_notice()), ..notice })?;
        for file in files {
            if let Err(error) = fs::remove_file(&file) {
                warn!(%error, file = %file.display(), "an old audit file is not deleted");
            }
        }
        Ok(())
    }

    fn note(&mut self, timestamp: &str, notice: Notice<'_>) -> io::Result<()> {
        self.write(&mut [Record::new(timestamp, Event::Notice(notice))]).map(drop)
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn open_live(path: &Path) -> Result<File, FolderError> {
    open_ours(path, OpenOptions::new().read(true).append(true).create(true))
}

#[cfg(test)]
mod tests;
