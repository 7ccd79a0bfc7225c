//! The mount: a path with a regular file, or with the pipe that 1Password serves.
//!
//! Every open of the pipe may raise a prompt, so a glance opens nothing. `open` never blocks: a thread that is stuck in
//! `open` could not be released.

mod file;
pub(super) mod look;
mod pipe;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use self::look::MountKind;
use super::error::ReadError;
use super::glance::Glance;
use super::source::{Content, OnProgress, Read, Source};
use super::watch::{OnChange, Watch};

/// A path of a file or of a pipe.
pub(super) struct Mount(PathBuf);

impl Mount {
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Source for Mount {
    fn glance(&self) -> Result<Glance, ReadError> {
        look::at(&self.0).map(|(_, glance)| glance)
    }

    fn read(&self, on_progress: OnProgress) -> Read {
        Box::pin(read(self.0.clone(), on_progress))
    }

    fn watch(&self, on_change: OnChange) -> Watch {
        Watch::of(self.0.clone(), on_change)
    }
}

async fn read(path: PathBuf, on_progress: OnProgress) -> Result<Content, ReadError> {
    let opened = path.clone();
    let (file, kind, glance) = off_runtime(move || open(&opened)).await?;
    match kind {
        MountKind::File => off_runtime(move || file::read(&file, glance)).await,
        MountKind::Pipe => pipe::read(&path, file, glance, on_progress).await,
    }
}

async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ReadError::Io(io::ErrorKind::Other)))
}

fn open(path: &Path) -> Result<(File, MountKind, Glance), ReadError> {
    look::at(path)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    let file = options.open(path)?;
    let (kind, glance) = look::at_metadata(&file.metadata()?)?;
    Ok((file, kind, glance))
}

#[cfg(test)]
mod tests;
