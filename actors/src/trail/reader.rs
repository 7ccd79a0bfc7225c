//! All lines of the trail in order, while records are still being written.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::files::{self, Identity, TrailFile};
use super::lines::{Line, Lines};
use crate::folder::Folder;

/// All lines of the trail, oldest first.
#[derive(Debug)]
pub struct Trail {
    folder: Folder,
    passed_over: Vec<String>,
    lines: Option<Lines>,
    ahead: VecDeque<TrailFile>,
}

impl Trail {
    /// Opens all files at once, so that a rotation in between loses none.
    ///
    /// # Errors
    /// A file cannot be read, or the files are being renamed all the time.
    pub fn open(folder: &Folder) -> io::Result<Self> {
        let files = files::open(folder)?;
        Ok(Self { folder: folder.clone(), passed_over: files.passed_over, lines: None, ahead: files.files.into() })
    }

    /// Whether there is no file to read.
    pub fn is_empty(&self) -> bool {
        self.lines.is_none() && self.ahead.is_empty()
    }

    /// How many files are still to be read.
    pub fn files(&self) -> usize {
        self.ahead.len()
    }

    /// Files of the trail that cannot be read, each with what to do about it.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// The file that records are written to.
    pub fn live_path(&self) -> PathBuf {
        self.folder.audit()
    }

    /// Reads the next line, if there is one by now. At the end of the live file, a line without its end is
    /// still being written, and is left for later.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn advance(&mut self) -> io::Result<bool> {
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

    /// The line that was read last.
    pub fn line(&self) -> Option<Line<'_>> {
        self.lines.as_ref().map(Lines::line)
    }

    /// At the end: finds the file in which the trail continues by now, if there is one.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn look_for_more(&mut self) -> io::Result<()> {
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

/// The files that follow the one being read.
fn newer(mut files: Vec<TrailFile>, lines: &Lines) -> io::Result<VecDeque<TrailFile>> {
    let ours = lines.identity()?;
    match files.iter().position(|file| file.identity == ours) {
        Some(at) => drop(files.drain(..=at)),
        // It was removed or compressed. It is open and is read to its end.
        None => {
            let first = lines.first()?;
            files.retain(|file| file.live || file.first > first);
        }
    }
    Ok(files.into())
}
