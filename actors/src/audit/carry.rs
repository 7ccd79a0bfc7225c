//! The copy of refusals and notices out of old files, before these are deleted.
//!
//! The copy reads whole files. So it has a thread of its own, beside the one that writes records.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use memchr::memmem;
use policy::record::{Record, Through};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::folder::open_ours;
use crate::trail::{self, Digest, Head, Sum, Tail};

/// Files that may be deleted now.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(super) files: Vec<PathBuf>,
    /// The last record in them.
    pub(super) through: Through<'static>,
    /// The records that are kept by now.
    pub(super) kept: Kept,
}

/// A summary of the file of kept records. The file may be long, so each process reads it once.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Kept {
    bytes: u64,
    pub(super) sum: Sum,
    /// The highest number of a record in it.
    last: Option<u64>,
}

/// The copying under way.
#[derive(Default)]
pub(super) struct Carrying {
    task: Option<AbortOnDropHandle<()>>,
    kept: Kept,
}

impl Carrying {
    pub(super) fn is_under_way(&self) -> bool {
        self.task.is_some()
    }

    /// `ended` has to pass the outcome on to [`Self::end`].
    pub(super) fn start(
        &mut self,
        live: &Path,
        keep: usize,
        ended: impl FnOnce(io::Result<Option<Carried>>) + Send + 'static,
    ) {
        let (live, kept) = (live.to_owned(), self.kept);
        let copying = tokio::task::spawn_blocking(move || carry(&live, keep, kept));
        self.task = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            ended(copying.await.unwrap_or_else(|error| Err(io::Error::other(error))));
        })));
    }

    pub(super) fn end(&mut self, outcome: io::Result<Option<Carried>>) -> Option<Carried> {
        self.task = None;
        let carried = outcome.unwrap_or_else(|error| {
            warn!(%error, "old audit files are not deleted");
            None
        })?;
        self.kept = carried.kept;
        Some(carried)
    }
}

/// Copies refusals and notices out of the oldest files beyond the number that is to be kept. `None` if there are no such
/// files. `kept` is what was kept before, as far as it is known.
pub(super) fn carry(live: &Path, keep: usize, kept: Kept) -> io::Result<Option<Carried>> {
    let mut files = trail::rotated_by_daemon(live);
    files.truncate(files.len().saturating_sub(keep));
    let Some(newest) = files.last() else { return Ok(None) };
    let through = through(newest)?;
    let path = trail::kept(live);
    let mut keeping = Keeping::open(&path, kept)?;
    for file in &files {
        each_line(File::open(file)?, |line| keeping.add(line))?;
    }
    Ok(Some(Carried { kept: keeping.finish()?, files, through }))
}

const BUFFER_BYTES: usize = 256 * 1024;

/// The last record of a file, as the notice about its deletion names it.
fn through(path: &Path) -> io::Result<Through<'static>> {
    let head = Tail::read(&File::open(path)?)?.head();
    let Head { seq, hash } = head.ok_or_else(|| io::Error::other("its last line is not a record"))?;
    Ok(Through { seq, hash: hash.to_string().into() })
}

/// The file of the kept records.
struct Keeping<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    kept: Kept,
    /// The lines in it, once it matters: after a kill, the same file is read again.
    lines: Option<HashSet<Digest>>,
}

impl<'a> Keeping<'a> {
    fn open(path: &'a Path, mut kept: Kept) -> io::Result<Self> {
        let file =
            open_ours(path, OpenOptions::new().read(true).append(true).create(true)).map_err(io::Error::other)?;
        // The thread of an owner that has crashed may be at work still.
        file.lock()?;
        if let Some(whole) = Tail::read(&file)?.torn_at() {
            file.set_len(whole)?;
        }
        if file.metadata()?.len() != kept.bytes {
            kept = Kept::default();
            each_line(File::open(path)?, |line| {
                kept.add(line, Record::read(line).and_then(|record| record.seq));
                Ok(())
            })?;
        }
        Ok(Self { path, file: BufWriter::with_capacity(BUFFER_BYTES, file), kept, lines: None })
    }

    /// Keeps the line, if its record is to be kept.
    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        // Most lines need no reading as JSON. A quote within a text has a backslash before it.
        if memmem::find(line, b"\"blocked\":true").or_else(|| memmem::find(line, b"\"outcome\":")).is_none() {
            return Ok(());
        }
        let Some(record) = Record::read(line).filter(|record| record.event.is_evidence()) else { return Ok(()) };
        if record.seq <= self.kept.last && self.has(line)? {
            return Ok(());
        }
        self.kept.add(line, record.seq);
        self.file.write_all(line)?;
        self.file.write_all(b"\n")
    }

    /// Whether the line was there when the file was opened.
    fn has(&mut self, line: &[u8]) -> io::Result<bool> {
        let line = Digest::of(line);
        if let Some(lines) = &self.lines {
            return Ok(lines.contains(&line));
        }
        let mut lines = HashSet::new();
        each_line(File::open(self.path)?, |line| {
            lines.insert(Digest::of(line));
            Ok(())
        })?;
        Ok(self.lines.insert(lines).contains(&line))
    }

    fn finish(self) -> io::Result<Kept> {
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        Ok(self.kept)
    }
}

impl Kept {
    fn add(&mut self, line: &[u8], seq: Option<u64>) {
        self.bytes += line.len() as u64 + 1;
        self.sum.add(Digest::of(line));
        self.last = self.last.max(seq);
    }
}

/// Calls for each line, without its end.
fn each_line(file: File, mut look: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let (mut reader, mut line) = (BufReader::with_capacity(BUFFER_BYTES, file), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        look(line.strip_suffix(b"\n").unwrap_or(&line))?;
        line.clear();
    }
    Ok(())
}
