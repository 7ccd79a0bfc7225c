//! The file of the operational log, which is always at its path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use actors::folder::{FolderError, open_ours};

/// How long lines are gathered after a write: a busy proxy wakes the writing thread twenty times a second, not once
/// for each line.
const GATHER: Duration = Duration::from_millis(50);
/// Lines that are written at once, in bytes.
const GATHERED_MAX: usize = 64 * 1024;
/// The interval of checks whether the file is still at its path, and how long the file is.
const LOOK: Duration = Duration::from_millis(100);
/// The length in bytes at which the file is copied and truncated. Records are in the audit; the log is for people, and
/// its old lines may be deleted.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The number of kept copies.
const COPIES: u32 = 4;

/// Set if the file must be checked before the next line.
static REOPEN: AtomicBool = AtomicBool::new(false);

/// Opens the file at the path again, before the next line.
pub(crate) fn reopen() {
    REOPEN.store(true, Ordering::Relaxed);
}

/// The log file, or its replacement: programs that rotate logs rename or remove the file.
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

    /// A failed step is retried at the next check; meanwhile lines are still written.
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

    /// Copies and truncates the file, so that `tail -f` continues. If the disk is too full for the copy, the old lines
    /// are lost, which frees space.
    fn rotate(&self) -> io::Result<()> {
        for copy in (1..COPIES).rev() {
            // The first few times, the copy does not exist yet.
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
