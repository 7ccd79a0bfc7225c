//! The audit file: whole lines, appended, each with the hash of the one before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use policy::record::{self, Chain, ChainNote};
use serde::Serialize;

use crate::folder::{FolderError, open_ours};

/// How much of the end of a file is read to find its last line, in bytes: more than a record can be.
const TAIL_BYTES: u64 = 512 * 1024;

/// The open file, and where the chain stands.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    link: Link,
}

/// The end of the hash chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    seq: u64,
    /// SHA-256 of the last line, in hex; empty before the first.
    pub(super) head: String,
}

impl AuditFile {
    /// Opens the file and finds the end of its chain. A torn last line is cut; a chain that cannot be
    /// continued is started anew, with a record that says why.
    pub(super) fn open(path: &Path, timestamp: &str) -> Result<Self, FolderError> {
        let fail = |error| FolderError::Io(path.into(), error);
        let mut file = open_ours(path, OpenOptions::new().read(true).append(true).create(true))?;
        let (link, note) = recover(&mut file).map_err(fail)?;
        let mut audit = Self { path: path.into(), file, link };
        if let Some((chain, reason)) = note {
            audit.append(&ChainNote { timestamp, chain, reason }).map_err(fail)?;
        }
        Ok(audit)
    }

    /// Writes one record as one line, with one write.
    pub(super) fn append(&mut self, record: &impl Serialize) -> io::Result<String> {
        self.follow()?;
        let line = record::line(record, self.link.seq + 1, &self.link.head);
        // A short write leaves a torn line: the file is then opened anew, which cuts it.
        if self.file.write(line.as_bytes())? < line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.link = Link { seq: self.link.seq + 1, head: hash(line.as_bytes()) };
        Ok(line)
    }

    /// The hash of the last line.
    pub(super) fn head(&self) -> &str {
        &self.link.head
    }

    /// Goes over to the file that stands at our path, if ours was renamed or removed.
    fn follow(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        let same = fs::symlink_metadata(&self.path).is_ok_and(|it| it.dev() == ours.dev() && it.ino() == ours.ino());
        if !same {
            let mut options = OpenOptions::new();
            let options = options.read(true).append(true).create(true);
            self.file = open_ours(&self.path, options).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

/// Finds the chain's end in an existing file, and what is to be noted about it.
fn recover(file: &mut File) -> io::Result<(Link, Option<(Chain, &'static str)>)> {
    let length = file.metadata()?.len();
    if length == 0 {
        // A first record says by its number that a chain starts with it.
        return Ok((Link::default(), None));
    }
    let from = length.saturating_sub(TAIL_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let whole = last_line_end(&tail);
    let torn = whole < tail.len();
    if torn {
        file.set_len(from + whole as u64)?;
    }
    let lines = tail.get(..whole).unwrap_or_default();
    let last = lines.strip_suffix(b"\n").map(|lines| lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default());
    let link = last.and_then(|line| Some(Link { seq: sequence(line)?, head: hash(line) }));
    Ok(match (link, torn) {
        (Some(link), false) => (link, None),
        (Some(link), true) => (link, Some((Chain::Continue, "the last line was torn and has been cut"))),
        (None, _) => (Link::default(), Some((Chain::Start, "the last line has no place in a chain"))),
    })
}

/// Where the last whole line ends.
fn last_line_end(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

fn sequence(line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(line).ok()?.get("seq")?.as_u64()
}

/// SHA-256 of a line without its end, in hex.
fn hash(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let digest = digest::digest(&digest::SHA256, line);
    crate::hex::encode(digest.as_ref())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).expect("readable").lines().map(str::to_owned).collect()
    }

    fn assert_chained(lines: &[String]) {
        for pair in lines.windows(2) {
            let next: Value = serde_json::from_str(&pair[1]).expect("JSON");
            assert_eq!(next["prev"], hash(pair[0].as_bytes()), "{}", pair[1]);
        }
    }

    #[test]
    fn the_chain_goes_on_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        for _ in 0..3 {
            let mut audit = AuditFile::open(&path, "t").expect("opened");
            audit.append(&json!({"a": 1})).expect("written");
        }
        let lines = lines(&path);
        assert_eq!(lines.len(), 3);
        assert_chained(&lines);
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn a_torn_line_is_cut_and_noted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        AuditFile::open(&path, "t").expect("opened").append(&json!({"a": 1})).expect("written");
        let mut text = fs::read(&path).expect("readable");
        text.extend_from_slice(b"{\"half\":");
        fs::write(&path, text).expect("written");
        AuditFile::open(&path, "t").expect("opened").append(&json!({"a": 2})).expect("written");
        let lines = lines(&path);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("torn"), "{}", lines[1]);
        assert_chained(&lines);
    }

    #[test]
    fn a_renamed_file_is_left_and_the_chain_goes_on_in_the_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let mut audit = AuditFile::open(&path, "t").expect("opened");
        audit.append(&json!({"a": 1})).expect("written");
        let old = folder.path().join("audit.log.1");
        fs::rename(&path, &old).expect("renamed");
        audit.append(&json!({"a": 2})).expect("written");
        let mut all = lines(&old);
        all.extend(lines(&path));
        assert_eq!(all.len(), 2);
        assert_chained(&all);
    }
}
