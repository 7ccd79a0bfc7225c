//! The lines of one file, in one buffer.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::rc::Rc;

use super::files::{First, Identity, TrailFile, first, named};

const BUFFER_BYTES: usize = 256 * 1024;
/// The longest line that is kept: far more than a record can be.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Stands for the beginning of a longer line, and makes sure that it is no record.
const TOO_LONG: u8 = 0;

/// A line without its end, and where it stands.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its bytes.
    pub text: &'a [u8],
    /// Where it stands.
    pub place: Place,
}

/// Where a line stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The file.
    pub path: Rc<Path>,
    /// From 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

/// The lines of an open file, read one after the other.
#[derive(Debug)]
pub(super) struct Lines {
    path: Rc<Path>,
    live: bool,
    reader: BufReader<File>,
    text: Vec<u8>,
    /// Whether `text` is a line that was given out.
    given: bool,
    number: u64,
    /// How many bytes were read.
    position: u64,
}

impl Lines {
    pub(super) fn of(file: TrailFile) -> Self {
        let reader = BufReader::with_capacity(BUFFER_BYTES, file.file);
        Self { path: file.path, live: file.live, reader, text: Vec::new(), given: false, number: 0, position: 0 }
    }

    /// Reads the next line that has its end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        if self.given {
            self.text.clear();
            self.given = false;
        }
        loop {
            let room = (LINE_BYTES_MAX - self.text.len()) as u64;
            let read = self.reader.by_ref().take(room).read_until(b'\n', &mut self.text);
            let read = read.map_err(|error| named(&self.path, &error))?;
            self.position += read as u64;
            if self.text.last() == Some(&b'\n') {
                self.text.pop();
                return Ok(self.give());
            }
            if read == 0 {
                return Ok(false);
            }
            if self.text.len() == LINE_BYTES_MAX {
                self.text.clear();
                self.text.push(TOO_LONG);
            }
        }
    }

    /// At the end of the file: takes what follows the last line end, if anything does.
    pub(super) fn end(&mut self) -> bool {
        !self.given && !self.text.is_empty() && self.give()
    }

    fn give(&mut self) -> bool {
        self.given = true;
        self.number += 1;
        true
    }

    /// The line that was read last.
    pub(super) fn line(&self) -> Line<'_> {
        Line { text: &self.text, place: Place { path: self.path.clone(), line: self.number } }
    }

    /// Whether records are written to this file, or were when it was opened.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    pub(super) fn identity(&self) -> io::Result<Identity> {
        let found = self.reader.get_ref().metadata().map_err(|error| named(&self.path, &error))?;
        Ok(Identity::of(&found))
    }

    pub(super) fn first(&self) -> io::Result<Option<First>> {
        first(self.reader.get_ref()).map_err(|error| named(&self.path, &error))
    }

    /// Some programs copy a log and then truncate it: new records then begin at its start.
    pub(super) fn start_again_if_cut(&mut self) -> io::Result<()> {
        let fail = |error| named(&self.path, &error);
        if self.reader.get_ref().metadata().map_err(fail)?.len() < self.position {
            self.reader.rewind().map_err(fail)?;
            self.text.clear();
            (self.number, self.position) = (0, 0);
        }
        Ok(())
    }
}
