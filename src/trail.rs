//! The audit trail, as it is read: its files in order, their lines, and the chain that ties them.

pub(crate) mod chain;
pub(crate) mod digest;
mod fault;
mod files;
mod lines;
pub(crate) mod link;
mod pin;
pub(crate) mod record;

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use actors::folder::Folder;

use self::files::{Identity, TrailFile};
use self::lines::Lines;

/// All lines of the trail, oldest first.
pub(crate) struct Trail {
    folder: Folder,
    passed_over: Vec<String>,
    lines: Option<Lines>,
    ahead: VecDeque<TrailFile>,
}

/// A line without its end, and where it stands.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) place: Place,
}

/// Where a line stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) path: Rc<Path>,
    /// From 1.
    pub(crate) line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

impl Trail {
    /// Opens all files at once, so that a rotation meanwhile takes none away.
    pub(crate) fn open(folder: &Folder) -> io::Result<Self> {
        let files = files::open(folder)?;
        Ok(Self { folder: folder.clone(), passed_over: files.passed_over, lines: None, ahead: files.files.into() })
    }

    /// Whether there is no file to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_none() && self.ahead.is_empty()
    }

    /// How many files are still to be read.
    pub(crate) fn files(&self) -> usize {
        self.ahead.len()
    }

    /// Files of the trail that cannot be read, each with what to do about it.
    pub(crate) fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// The file that records are written to.
    pub(crate) fn live_path(&self) -> PathBuf {
        self.folder.audit()
    }

    /// Goes to the next line, if there is one by now. At the end of the file that is written to, a
    /// line without its end is still being written, and is left for later.
    pub(crate) fn advance(&mut self) -> io::Result<bool> {
        loop {
            let Some(lines) = &mut self.lines else {
                let Some(file) = self.ahead.pop_front() else { return Ok(false) };
                self.lines = Some(Lines::of(file));
                continue;
            };
            let is_last = self.ahead.is_empty();
            if lines.advance()? || !(is_last && lines.is_live()) && lines.end() {
                return Ok(true);
            }
            if is_last {
                return Ok(false);
            }
            self.lines = None;
        }
    }

    /// The line that was gone to.
    pub(crate) fn line(&self) -> Option<Line<'_>> {
        self.lines.as_ref().map(Lines::line)
    }

    /// At the end: looks whether the trail goes on in another file by now.
    pub(crate) fn look_for_more(&mut self) -> io::Result<()> {
        let Some(lines) = &mut self.lines else {
            self.ahead = files::open(&self.folder)?.files.into();
            return Ok(());
        };
        match fs::symlink_metadata(self.folder.audit()) {
            // Renamed; the next record makes a new one.
            Err(_) => Ok(()),
            Ok(found) if Identity::of(&found) == lines.identity()? => lines.start_again_if_cut(),
            Ok(_) => {
                self.ahead = newer(files::open(&self.folder)?.files, lines)?;
                Ok(())
            }
        }
    }
}

/// The files that come after the one being read.
fn newer(mut files: Vec<TrailFile>, lines: &Lines) -> io::Result<VecDeque<TrailFile>> {
    let ours = lines.identity()?;
    match files.iter().position(|file| file.identity == ours) {
        Some(at) => drop(files.drain(..=at)),
        // It was removed or compressed; it can be read to its end all the same.
        None => {
            let first = lines.first()?;
            files.retain(|file| file.live || file.first > first);
        }
    }
    Ok(files.into())
}

#[cfg(test)]
mod tests;
