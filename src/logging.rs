//! The operational log: `proxy.log`. The audit is not this; it is mirrored here.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actors::folder::{Folder, FolderError, open_ours};
use tracing::error;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Libraries that log a few hundred lines for each request below this level, and one that would put
/// its own name before each of ours.
const CAPPED: [&str; 7] =
    ["hyper=info", "hyper_util=info", "h2=info", "rustls=info", "tokio=info", "notify=info", "ractor=warn"];

/// Set when the file is to be looked at before the next line.
static REOPEN: AtomicBool = AtomicBool::new(false);

/// Goes over to the file that stands at the path now, before the next line.
pub(crate) fn reopen() {
    REOPEN.store(true, Ordering::Relaxed);
}

/// How often it is looked whether the file still stands at its path.
const LOOK: Duration = Duration::from_millis(100);

/// Starts logging. What is written last needs the guard to be dropped.
pub(crate) fn start(folder: &Folder, filter: &str) -> Result<WorkerGuard, Failure> {
    let mut filter = EnvFilter::try_new(filter).map_err(|_| {
        Failure::usage(format!("--log (or SECRET_PROXY_LOG): '{filter}' is not a filter such as info or debug"))
    })?;
    for directive in CAPPED {
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let file = LogFile::open(folder.proxy_log()).map_err(Failure::not_well)?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).init();
    quiet_panics();
    Ok(guard)
}

/// The file, and whatever takes its place: programs that rotate logs rename or remove it.
struct LogFile {
    path: PathBuf,
    file: File,
    looked: Instant,
}

impl LogFile {
    fn open(path: PathBuf) -> Result<Self, FolderError> {
        let file = open_ours(&path, OpenOptions::new().append(true).create(true))?;
        Ok(Self { path, file, looked: Instant::now() })
    }

    fn was_replaced(&self) -> bool {
        let (ours, there) = (self.file.metadata(), std::fs::symlink_metadata(&self.path));
        match (ours, there) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) != (there.dev(), there.ino()),
            _ => true,
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if REOPEN.swap(false, Ordering::Relaxed) || self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            // If it cannot be opened anew, what is there goes on being written.
            if self.was_replaced()
                && let Ok(fresh) = Self::open(self.path.clone())
            {
                *self = fresh;
            }
        }
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A panic says where it happened and nothing else: its text may know a secret.
fn quiet_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        error!(place, "a task panicked");
        complain!("secret-proxy: a task panicked at {place}");
    }));
}
