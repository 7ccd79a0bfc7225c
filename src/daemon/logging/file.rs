//! The file of the operational log: it stays at its name, whatever becomes of the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use actors::folder::{FolderError, open_ours};

/// How long lines are gathered after some were written: a busy proxy wakes the thread that writes them twenty
/// times a second, not once for each line.
const GATHER: Duration = Duration::from_millis(50);
/// Lines that are written at once, in bytes.
const GATHERED_MAX: usize = 64 * 1024;
/// How often it is looked at: whether it still stands at its path, and how long it is.
const LOOK: Duration = Duration::from_millis(100);
/// From which length on, in bytes, it is copied aside and emptied. Records are in the audit; this is for
/// people, and old lines of it may go.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How many copies are kept.
const COPIES: u32 = 4;

/// Set when the file is to be looked at before the next line.
static REOPEN: AtomicBool = AtomicBool::new(false);

/// Goes over to the file that stands at the path now, before the next line.
pub(crate) fn reopen() {
    REOPEN.store(true, Ordering::Relaxed);
}

/// The file, and whatever takes its place: programs that rotate logs rename or remove it.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Lines that are not written yet.
    gathered: Vec<u8>,
    looked: Instant,
    bytes_max: u64,
}

impl LogFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, FolderError> {
        let file = open_at(&path)?;
        Ok(Self { path, file, gathered: Vec::new(), looked: Instant::now(), bytes_max: BYTES_MAX })
    }

    /// What cannot be done now is tried again at the next look; lines go on being written meanwhile.
    fn look(&mut self) {
        self.looked = Instant::now();
        if self.was_replaced()
            && let Ok(fresh) = open_at(&self.path)
        {
            self.file = fresh;
        }
        if self.file.metadata().is_ok_and(|found| found.len() >= self.bytes_max) {
            let _ = self.rotate();
        }
    }

    fn was_replaced(&self) -> bool {
        let (ours, there) = (self.file.metadata(), fs::symlink_metadata(&self.path));
        match (ours, there) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) != (there.dev(), there.ino()),
            _ => true,
        }
    }

    /// Copies it aside and empties it, so that `tail -f` stays with it. A disk that is too full for the
    /// copy loses the old lines, which makes room.
    fn rotate(&self) -> io::Result<()> {
        for copy in (1..COPIES).rev() {
            // Not there yet, the first few times.
            let _ = fs::rename(self.copy(copy), self.copy(copy + 1));
        }
        let first = self.copy(1);
        if fs::copy(&self.path, &first).is_err() {
            let _ = fs::remove_file(&first);
        }
        self.file.set_len(0)
    }

    fn copy(&self, number: u32) -> PathBuf {
        self.path.with_extension(format!("log.{number}"))
    }

    /// Lines that cannot be written are lost: a full disk must not fill the memory, too.
    fn write_gathered(&mut self) -> io::Result<()> {
        if REOPEN.swap(false, Ordering::Relaxed) || self.looked.elapsed() >= LOOK {
            self.look();
        }
        let written = self.file.write_all(&self.gathered);
        self.gathered.clear();
        written
    }
}

fn open_at(path: &Path) -> Result<File, FolderError> {
    open_ours(path, OpenOptions::new().append(true).create(true))
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(line);
        if self.gathered.len() >= GATHERED_MAX {
            self.write_gathered()?;
        }
        Ok(line.len())
    }

    /// Called when there are no more lines for now.
    fn flush(&mut self) -> io::Result<()> {
        let written = self.write_gathered();
        thread::sleep(GATHER);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &Path) -> LogFile {
        let log = LogFile::open(folder.join("proxy.log")).expect("opened");
        LogFile { bytes_max: 20, ..log }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    #[test]
    fn a_long_file_is_copied_aside_and_stays_at_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = log(folder.path());
        let inode = |log: &LogFile| fs::metadata(&log.path).expect("there").ino();
        let before = inode(&log);
        for number in 0..20 {
            writeln!(log, "line number {number:03}").expect("written");
            log.write_gathered().expect("written");
            log.look();
        }
        assert_eq!(inode(&log), before);
        assert_eq!(names(folder.path()), ["proxy.log", "proxy.log.1", "proxy.log.2", "proxy.log.3", "proxy.log.4"]);
        let newest = fs::read_to_string(folder.path().join("proxy.log.1")).expect("there");
        assert!(newest.ends_with("line number 019\n"), "{newest}");
    }

    #[test]
    fn a_renamed_file_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = log(folder.path());
        writeln!(log, "one").expect("written");
        log.write_gathered().expect("written");
        fs::rename(&log.path, folder.path().join("elsewhere")).expect("renamed");
        log.look();
        writeln!(log, "two").expect("written");
        log.write_gathered().expect("written");
        assert_eq!(fs::read_to_string(&log.path).expect("there"), "two\n");
    }
}
