//! The end of an audit file: its last whole line, and whether part of a line follows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use policy::record::Record;

use super::link::Head;
use crate::limits;

/// The last bytes of a file: more than one record has.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Where they begin.
    from: u64,
    bytes: Vec<u8>,
    /// How many of them belong to whole lines.
    whole: usize,
}

impl Tail {
    pub(crate) fn read(mut file: &File) -> io::Result<Self> {
        let bytes_max = limits::RECORD_BYTES_MAX as u64;
        let from = file.metadata()?.len().saturating_sub(bytes_max);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(bytes_max).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Ok(Self { from, bytes, whole })
    }

    /// Where the last whole line ends, if something follows.
    pub(crate) fn torn_at(&self) -> Option<u64> {
        (self.whole < self.bytes.len()).then_some(self.from + self.whole as u64)
    }

    /// The last whole line, if it is a record with a number.
    pub(crate) fn head(&self) -> Option<Head> {
        self.lines().next().and_then(Head::of)
    }

    /// The number of the last line that has one, or 0.
    pub(crate) fn seq(&self) -> u64 {
        self.lines().find_map(|line| Record::read(line)?.seq).unwrap_or_default()
    }

    /// Whole lines without their ends, the last one first.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let whole = self.bytes.get(..self.whole).unwrap_or_default();
        whole.split_inclusive(|byte| *byte == b'\n').rev().map(|line| line.strip_suffix(b"\n").unwrap_or(line))
    }
}

/// The last whole line of a file, without its end. `None` if the file is empty or absent.
///
/// # Errors
/// The file cannot be read.
pub fn last_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => Ok(Tail::read(&file?)?.lines().next().map(<[u8]>::to_vec)),
    }
}
