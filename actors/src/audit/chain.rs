//! The hash chain: where it stands, and where it ended in the files of an earlier run.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use policy::record::{self, Through};
use serde::Serialize;

use super::report::Report;

/// How much of the end of a file is read to find its last line, in bytes: more than a record can be.
const TAIL_BYTES: u64 = 512 * 1024;
/// How many digits there are in the number of a file that was moved aside, so that names sort.
const DIGITS: usize = 12;

/// The end of the chain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Link {
    pub(super) seq: u64,
    /// SHA-256 of the last line, in hex; empty before the first.
    pub(super) head: String,
}

impl Link {
    /// Adds a record to `lines` as the next in the chain.
    pub(super) fn add(&mut self, record: &impl Serialize, lines: &mut Vec<u8>) {
        let start = lines.len();
        record::add_line(record, self.seq + 1, &self.head, lines);
        *self = Self { seq: self.seq + 1, head: hash(lines.get(start..).unwrap_or_default()) };
    }

    /// The last record that this process has written, if there is one.
    pub(super) fn of_report(report: &Report) -> Option<Self> {
        (report.seq > 0).then(|| Self { seq: report.seq, head: report.head.clone() })
    }

    /// The place of a line.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        Some(Self { seq: sequence(line)?, head: hash(line) })
    }
}

/// How a file ends.
pub(super) struct End {
    /// Its last record, if its last line is one.
    pub(super) link: Option<Link>,
    /// Where its last whole line ends, if something follows that.
    pub(super) torn_at: Option<u64>,
    /// The highest number in its last lines.
    pub(super) seq: u64,
}

impl End {
    /// Where the chain of a file that is not empty goes on, and whether it has to be started anew: there
    /// is no record at its end, or one from before the last that was written. Numbers go on in any case,
    /// so that no two records, and no two files, get the same.
    pub(super) fn goes_on(&self, live: &Path, last: Option<Link>) -> (Link, bool) {
        match (&self.link, last) {
            (Some(link), None) => (link.clone(), false),
            (Some(link), Some(last)) if link.seq > last.seq || *link == last => (link.clone(), false),
            (_, last) => {
                let known = latest(end_before(live), last).map_or(0, |link| link.seq);
                (Link { seq: known.max(self.seq), head: String::new() }, true)
            }
        }
    }
}

/// The later of two places.
pub(super) fn latest(one: Option<Link>, other: Option<Link>) -> Option<Link> {
    one.into_iter().chain(other).max_by_key(|link| link.seq)
}

/// Looks at the end of a file.
pub(super) fn end_of(file: &mut File) -> io::Result<End> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let torn_at = (whole < tail.len()).then_some(from + whole as u64);
    tail.truncate(whole);
    let mut lines = tail.split_inclusive(|byte| *byte == b'\n').rev();
    let link = lines.next().and_then(Link::of);
    let seq = link.as_ref().map(|link| link.seq).or_else(|| lines.find_map(sequence));
    Ok(End { link, torn_at, seq: seq.unwrap_or_default() })
}

/// The number of the first record of a file.
pub(super) fn first_of(file: &File) -> io::Result<Option<u64>> {
    let mut head = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    file.take(TAIL_BYTES).read_to_end(&mut head)?;
    Ok(head.split(|byte| *byte == b'\n').next().and_then(sequence))
}

/// Where the chain ended in the files that were moved aside, by us or by another program.
pub(super) fn end_before(live: &Path) -> Option<Link> {
    let ends = beside(live).into_iter().filter_map(|path| end_of(&mut File::open(path).ok()?).ok()?.link);
    ends.max_by_key(|link| link.seq)
}

/// The name of the live file once it is moved aside: with the number of its first record.
pub(super) fn aside(live: &Path, first: u64) -> PathBuf {
    let mut name = live.as_os_str().to_owned();
    name.push(format!(".{first:0DIGITS$}"));
    name.into()
}

/// The files that we moved aside, the oldest first.
pub(super) fn moved_aside(live: &Path) -> Vec<PathBuf> {
    let number = |path: &PathBuf| path.extension()?.to_str().filter(|it| it.len() >= DIGITS)?.parse::<u64>().ok();
    let mut files: Vec<_> = beside(live).into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}

/// The last record of a file, as a note about its deletion names it.
pub(super) fn through(path: &Path) -> io::Result<Through> {
    let end = end_of(&mut File::open(path)?)?;
    let Link { seq, head } = end.link.ok_or_else(|| io::Error::other("its last line is not a record"))?;
    Ok(Through { seq, hash: head })
}

/// All regular files whose names begin with the live one's and a dot.
fn beside(live: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (live.parent(), live.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let rest = entry.file_name().to_str().and_then(|it| it.strip_prefix(name).map(|rest| rest.starts_with('.')));
        rest == Some(true) && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    ours.map(|entry| entry.path()).collect()
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
