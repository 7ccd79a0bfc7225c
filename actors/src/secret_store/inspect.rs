//! A look at the mount from outside the daemon, for commands.

use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::sources::{self, MountKind, ReadError, UnsafeMount};

/// Why a mount gives no text.
#[derive(Debug)]
pub enum MountError {
    /// There is no such file.
    Missing,
    /// It is not safe to use.
    Unsafe(UnsafeMount),
    /// Anything else, in words.
    Other(String),
}

impl From<ReadError> for MountError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing => Self::Missing,
            ReadError::Unsafe(reason) => Self::Unsafe(reason),
            other => Self::Other(other.to_string()),
        }
    }
}

/// Looks at a mount without opening it.
///
/// # Errors
/// The daemon would not read it.
pub fn look_at_mount(path: &Path) -> Result<MountKind, MountError> {
    Ok(sources::look_at_mount(path)?)
}

/// Reads a mount once.
///
/// # Errors
/// Why there is no text, or that it took longer than `limit`.
pub async fn read_mount(path: &Path, limit: Duration) -> Result<Zeroizing<Vec<u8>>, MountError> {
    match tokio::time::timeout(limit, sources::at(path).read(Box::new(|_| ()))).await {
        Ok(Ok(content)) => Ok(content.text),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(MountError::Other("nobody served it in time: is 1Password running and unlocked?".to_owned())),
    }
}
