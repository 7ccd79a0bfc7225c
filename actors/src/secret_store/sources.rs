//! Reading the mount: a regular file, or the pipe that 1Password serves.
//!
//! Every open of the pipe may raise a prompt, so nothing is opened to probe. Opening never blocks:
//! a thread stuck in `open` could be released by nobody. A further kind of source would stand
//! beside these two, with the same outcome.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::OFlags;
use tokio::time::sleep;
use zeroize::Zeroizing;

use crate::limits::{PIPE_POLL, SECRETS_BYTES_MAX};

/// What the mount is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Plain text on the disk.
    File,
    /// Served on demand.
    Pipe,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Pipe => "pipe",
        }
    }
}

/// Tells one file from another, and from itself after a change. A pipe changes its times at every
/// read, so only its identity counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Identity {
    pub(super) kind: Kind,
    device: u64,
    inode: u64,
    state: Option<(u64, i64, i64, i64, i64)>,
    /// The number of a file that was removed may be given to the next one.
    made: Option<SystemTime>,
    /// Whether its mode lets others in.
    pub(super) is_open_to_others: bool,
}

/// The whole text of one read.
pub(crate) struct Text {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) identity: Identity,
}

/// Why a mount is not safe to use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Hazard {
    /// Its target could be exchanged.
    #[error("it is a link")]
    Link,
    /// A folder, a socket, a device.
    #[error("it is neither a regular file nor a pipe")]
    OtherKind,
    /// Who owns it can change it.
    #[error("it belongs to another user")]
    OtherOwner,
    /// Others can read or write the file.
    #[error("others may read or write it")]
    OpenFile,
    /// Whoever can write into the pipe can say which hosts a secret may go to.
    #[error("others may open the pipe")]
    OpenPipe,
}

impl Hazard {
    /// What to do about it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Link => "name the file itself",
            Self::OtherKind => "move it away",
            Self::OtherOwner => "take it over with chown",
            Self::OpenFile => "chmod 600 it",
            Self::OpenPipe => "chmod 600 it, or chmod 700 its folder",
        }
    }

    /// The same after a colon, in reasons; a stranger's file is not always to be taken over.
    fn advice(self) -> String {
        match self {
            Self::OtherKind | Self::OtherOwner => String::new(),
            _ => format!(": {}", self.fix()),
        }
    }
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("there is no such file")]
    Missing,
    #[error("it is not safe to use: {0}{advice}", advice = .0.advice())]
    Unsafe(Hazard),
    #[error("it was closed with nothing in it: locked, or not approved")]
    ClosedEmpty,
    #[error("it is larger than {SECRETS_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it was changed while it was read")]
    Changed,
    #[error("it was replaced before anything was read")]
    Replaced,
    #[error("{0}")]
    Io(io::ErrorKind),
}

/// What a reader of a pipe sees before the end of its text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// No writer has it open.
    Unserved,
    /// A writer has it open and has written nothing.
    Awaiting,
    /// A writer has it open and has written something.
    Begun,
}

/// What tells the file at the path from another one, if there is any.
pub(super) fn number(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Looks at the mount without opening it.
pub(super) fn probe(path: &Path) -> Result<Identity, Trouble> {
    let found = fs::symlink_metadata(path).map_err(|error| trouble(&error))?;
    let identity = identity(&found)?;
    if identity.kind == Kind::Pipe && identity.is_open_to_others && !is_kept_by_folder(path) {
        return Err(Trouble::Unsafe(Hazard::OpenPipe));
    }
    Ok(identity)
}

fn is_open_to_others(found: &Metadata) -> bool {
    found.mode() & 0o077 != 0
}

/// Whether others are kept from the file by the folder that it stands in.
fn is_kept_by_folder(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok());
    folder.is_some_and(|it| !is_open_to_others(&it) && it.uid() == rustix::process::geteuid().as_raw())
}

/// Reads the mount whole. Ends only with the text or with trouble: who waits for a pipe aborts it.
pub(super) async fn read(path: &Path, progress: impl FnMut(Progress) + Send) -> Result<Text, Trouble> {
    let owned = path.to_path_buf();
    let (file, identity) = off_runtime(move || open(&owned)).await?;
    match identity.kind {
        Kind::File => off_runtime(move || read_file(&file, identity)).await,
        Kind::Pipe => read_pipe(path, file, identity, progress).await,
    }
}

async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Trouble::Io(io::ErrorKind::Other)))
}

fn open(path: &Path) -> Result<(File, Identity), Trouble> {
    probe(path)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    let file = options.open(path).map_err(|error| trouble(&error))?;
    let identity = identity(&file.metadata().map_err(|error| trouble(&error))?)?;
    Ok((file, identity))
}

fn trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::Missing,
        kind => Trouble::Io(kind),
    }
}

fn identity(found: &Metadata) -> Result<Identity, Trouble> {
    let kind = match found.file_type() {
        it if it.is_file() => Kind::File,
        it if it.is_fifo() => Kind::Pipe,
        it if it.is_symlink() => return Err(Trouble::Unsafe(Hazard::Link)),
        _ => return Err(Trouble::Unsafe(Hazard::OtherKind)),
    };
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Trouble::Unsafe(Hazard::OtherOwner));
    }
    if kind == Kind::File && is_open_to_others(found) {
        return Err(Trouble::Unsafe(Hazard::OpenFile));
    }
    let times = (found.size(), found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
    let state = (kind == Kind::File).then_some(times);
    let (device, inode) = (found.dev(), found.ino());
    // Not every file system knows it.
    let made = found.created().ok();
    Ok(Identity { kind, device, inode, state, made, is_open_to_others: is_open_to_others(found) })
}

/// A regular file counts only if it stood still while it was read.
fn read_file(file: &File, before: Identity) -> Result<Text, Trouble> {
    let length = file.metadata().map_err(|error| trouble(&error))?.len();
    let mut bytes = buffer(usize::try_from(length).unwrap_or(SECRETS_BYTES_MAX) + 1);
    file.take(SECRETS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| trouble(&error))?;
    if bytes.len() > SECRETS_BYTES_MAX {
        return Err(Trouble::TooLarge);
    }
    let after = identity(&file.metadata().map_err(|error| trouble(&error))?)?;
    if after == before { Ok(Text { bytes, identity: after }) } else { Err(Trouble::Changed) }
}

/// Room for so many bytes, or for as many as a text may have.
fn buffer(bytes: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(bytes.min(SECRETS_BYTES_MAX + 1)))
}

/// Sees to it that there is room for more, and that no copy is left when the text moves.
fn make_room(bytes: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let mut larger = buffer(needed.max(bytes.capacity() * 2));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
}

/// Asks by the clock: readiness of pipes differs between systems.
async fn read_pipe(
    path: &Path,
    mut file: File,
    identity: Identity,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Text, Trouble> {
    let mut bytes = buffer(2 * PIPE_HOLDS);
    let mut seen_writer = false;
    loop {
        match read_some(&mut file, &mut bytes)? {
            Some(0) if !bytes.is_empty() => return Ok(Text { bytes, identity }),
            Some(0) if seen_writer => return Err(Trouble::ClosedEmpty),
            Some(0) => progress(Progress::Unserved),
            Some(_) if bytes.len() > SECRETS_BYTES_MAX => return Err(Trouble::TooLarge),
            Some(_) => continue,
            None => {
                seen_writer = true;
                progress(if bytes.is_empty() { Progress::Awaiting } else { Progress::Begun });
            }
        }
        sleep(PIPE_POLL).await;
        if probe(path)? != identity {
            return Err(if bytes.is_empty() { Trouble::Replaced } else { Trouble::Changed });
        }
    }
}

/// How many bytes a pipe holds at most, on most systems. Taken all at once: with smaller pieces, another
/// reader would get the same share of a long text each time, and two reads could agree on a wrong one.
const PIPE_HOLDS: usize = 64 * 1024;

/// How many bytes there were; `None` if a writer has it open and has nothing for us.
fn read_some(file: &mut File, bytes: &mut Zeroizing<Vec<u8>>) -> Result<Option<usize>, Trouble> {
    let held = bytes.len();
    let more = PIPE_HOLDS.min((SECRETS_BYTES_MAX + 1).saturating_sub(held));
    make_room(bytes, more);
    bytes.resize(held + more, 0);
    let read = file.read(bytes.get_mut(held..).unwrap_or_default());
    bytes.truncate(held + *read.as_ref().unwrap_or(&0));
    match read {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(trouble(&error)),
    }
}

#[cfg(test)]
mod tests;
