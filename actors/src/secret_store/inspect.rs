//! A look at the mount from outside the daemon, for commands.

use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::sources::{self, Hazard, Kind, Trouble};

/// What the mount is, as far as can be seen without opening it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mount {
    /// A file, which is plain text on the disk.
    File,
    /// A pipe, which is served when it is opened.
    Pipe,
}

/// Why there is no text.
#[derive(Debug)]
pub enum Unread {
    /// There is no such file.
    Missing,
    /// It is not safe to use.
    Unsafe(Hazard),
    /// Anything else, in words.
    Other(String),
}

impl From<Trouble> for Unread {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Missing => Self::Missing,
            Trouble::Unsafe(hazard) => Self::Unsafe(hazard),
            other => Self::Other(other.to_string()),
        }
    }
}

/// Looks at a mount without opening it.
///
/// # Errors
/// The daemon would not read it.
pub fn look_at_mount(path: &Path) -> Result<Mount, Unread> {
    match sources::probe(path)?.kind {
        Kind::File => Ok(Mount::File),
        Kind::Pipe => Ok(Mount::Pipe),
    }
}

/// Reads a mount once.
///
/// # Errors
/// Why there is no text, or that it took longer than `limit`.
pub async fn read_mount(path: &Path, limit: Duration) -> Result<Zeroizing<Vec<u8>>, Unread> {
    match tokio::time::timeout(limit, sources::read(path, |_| ())).await {
        Ok(Ok(text)) => Ok(text.bytes),
        Ok(Err(trouble)) => Err(trouble.into()),
        Err(_) => Err(Unread::Other("nobody served it in time: is 1Password running and unlocked?".to_owned())),
    }
}
